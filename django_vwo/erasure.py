"""Erasing a visitor: what is remembered of them, and what their events tell of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

from django.db import router

from .client import get_client
from .conf import app_settings
from .dialects import get_dialect
from .engine.entities import Visitor
from .logs import logger
from .models import Assignment
from .outbox.erasure import erase_events
from .results import recorded_accounts
from .sources.current import sender


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """What an erasure came to."""

    assignments: int = 0
    """How many were deleted of those in the site's database."""
    cancelled: int = 0
    """How many events are not sent, and never will be."""
    in_flight: int = 0
    """How many events were being sent: they may still arrive, once."""
    scrubbed: int = 0
    """How many other events tell nothing of the visitor from now on."""

    def __add__(self, other: Erased) -> Erased:
        names = [field.name for field in fields(self)]
        return Erased(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def __str__(self) -> str:
        return (
            f"{self.assignments} assignments deleted; events: {self.cancelled} cancelled, "
            f"{self.in_flight} being sent, {self.scrubbed} others made anonymous"
        )


def erase(user_id: str, *, visitors: Collection[str] = ()) -> Erased:
    """
    Return what it came to that everything which leads to *user_id* was erased.

    That is what user storage remembers, and the visitor's events in every account that has any;
    *visitors* are further keys under which the visitor is known. Done in short steps; done again,
    it finds what is recorded since. Raises what user storage raises, before any event is touched.
    """
    known = visitors_of(user_id)
    keys = dict.fromkeys([*(visitor.key for visitor in known), *visitors])
    erased = Erased(assignments=forget(known, keys))
    for key in keys:
        events = erase_events(key)
        erased += Erased(
            cancelled=events.cancelled, in_flight=events.in_flight, scrubbed=events.scrubbed
        )
    logger.info("A visitor was erased: %s.", erased)
    if erased.in_flight:
        message = "%d events of an erased visitor were being sent: they may still arrive."
        logger.warning(message, erased.in_flight)
    return erased


def visitors_of(user_id: str) -> list[Visitor]:
    """Return the visitors who *user_id* may be: one for each account, the one of today first."""
    key_for = get_dialect(app_settings().dialect).visitor_key_for
    recorded = (account_id for account_id, _ in recorded_accounts())
    accounts = dict.fromkeys(filter(None, (sender().account_id, *recorded)))
    return [Visitor(user_id, visitor_key=key_for(account_id)) for account_id in accounts]


def forget(known: Iterable[Visitor], keys: Collection[str]) -> int:
    """Have user storage forget the visitors. Returns how many assignments the database had."""
    rows = Assignment.objects.using(router.db_for_write(Assignment)).filter(visitor__in=keys)
    count = rows.count()
    if (storage := get_client().storage) is not None:
        for visitor in known:
            storage.forget(visitor)
    rows.delete()  # which user storage need not know
    return count
