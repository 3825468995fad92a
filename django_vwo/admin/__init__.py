"""The admin: what happened, what is on its way, and what the site decides with."""

from . import assignments, breakers, documents, events, fetches  # noqa: F401
