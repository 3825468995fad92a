"""Before a new settings document goes live: what it will do to visitors, traffic and code."""
