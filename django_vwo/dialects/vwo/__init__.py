"""VWO FullStack: its settings document, its bucketing, its wire."""
