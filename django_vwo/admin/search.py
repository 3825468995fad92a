"""Finding a visitor or a message: exact, along the indexes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ..sources.current import current


def visitor_keys(term: str) -> set[str]:
    """Return the visitor keys that *term* may mean: a key itself, or a user id."""
    keys = {term.strip(), term.strip().upper()}
    if in_service := current():
        keys |= {in_service.visitor_key(term), in_service.visitor_key(term.strip())}
    return keys


def of_visitor(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Return those of *rows* that belong to the visitor whom *term* means."""
    return rows.filter(visitor__in=visitor_keys(term))


def message_id(term: str) -> UUID | None:
    """Return the message id that *term* may be."""
    try:
        return UUID(term.strip())
    except ValueError:
        return None
