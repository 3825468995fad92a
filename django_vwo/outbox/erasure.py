"""Taking a visitor out of the outbox: nothing more is sent, and what stays is nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from django.db import router
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, SmallIntegerField, When

from ..ledger_keys import keys_of
from ..models import Event, EventStatus, LedgerEntry
from .patience import patiently

CHUNK_ROWS = 1_000
ERASED = Q(user_id="")
"""Holds for events of erased visitors: nobody else's lack the user id."""
NEVER_SENT = Case(
    When(status__in=(EventStatus.PENDING, EventStatus.DEAD), then=EventStatus.CANCELLED),
    default=F("status"),
    output_field=SmallIntegerField(),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasedEvents:
    """What became of a visitor's events."""

    cancelled: int
    """How many are not sent, and never will be."""
    in_flight: int
    """How many a worker held that did not tell yet what became of them: they may have arrived."""
    scrubbed: int
    """How many others there are: they count, and tell nothing of the visitor."""


def erase_events(visitor: str) -> ErasedEvents:
    """
    Leave nothing in the outbox that leads to the visitor with this key. Returns what it came to.

    What was sent stays, under a key that is drawn by lot, one for all: so results stay as they are.
    What is pending or failed is cancelled. An event that a worker holds keeps its lease: it is
    counted, if the worker says that it was sent, and is not sent again, if the worker dies.
    """
    stand_in = uuid4().hex.upper()
    alias = router.db_for_write(Event)
    while ids := patiently(lambda: list(first_ids(visitor)), alias=alias):
        # A row that is gone may still be in sight, in a transaction of the caller's.
        if not patiently(partial(scrub, ids, visitor, stand_in), alias=alias):
            break
    patiently(lambda: forget_ledger(visitor), alias=alias)
    return patiently(lambda: told(stand_in), alias=alias)


def events() -> QuerySet[Event]:
    return Event.objects.using(router.db_for_write(Event)).order_by()


def first_ids(visitor: str) -> QuerySet[Event, int]:
    return events().filter(visitor=visitor).values_list("id", flat=True)[:CHUNK_ROWS]


def scrub(ids: list[int], visitor: str, stand_in: str) -> int:
    """Return how many of the events *ids* are the visitor's no longer: one statement, no gap."""
    return (
        events()
        .filter(id__in=ids, visitor=visitor)
        .update(
            visitor=stand_in,
            user_id="",
            dedup_key=None,
            extra={},
            last_error="",
            status=NEVER_SENT,
            due_at=None,
        )
    )


def forget_ledger(visitor: str) -> None:
    """Forget what counted once, but for events that the visitor has brought about since."""
    later = events().filter(visitor=visitor, uuid=OuterRef("event_uuid"))
    ledger = LedgerEntry.objects.using(router.db_for_write(LedgerEntry))
    ledger.filter(~Exists(later), **keys_of(visitor)).delete()


def told(stand_in: str) -> ErasedEvents:
    """Return what the events of *stand_in* came to."""
    is_cancelled = Q(status=EventStatus.CANCELLED)
    counts = (
        events()
        .filter(visitor=stand_in)
        .aggregate(
            cancelled=Count("id", filter=is_cancelled & Q(lease_token=None)),
            in_flight=Count("id", filter=is_cancelled & Q(lease_token__isnull=False)),
            scrubbed=Count("id", filter=~is_cancelled),
        )
    )
    return ErasedEvents(**counts)
