"""Upkeep of the outbox: giving failed events another chance, pruning, counting."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db import router
from django.db.models import Count, Q, QuerySet

from ..fields import DatabaseNow
from ..models import Event, EventStatus, LedgerEntry
from ..recorders.outbox import announce
from .erasure import ERASED

CHUNK_ROWS = 5_000
CHANGED_ROWS = 1_000
LEDGER_DAYS = 400
NONE = Q(pk__in=[])


def events() -> QuerySet[Event]:
    return Event.objects.using(router.db_for_write(Event)).order_by()


def resend(chosen: QuerySet[Any] | None = None) -> int:
    """
    Have events delivered again, in short steps, and the workers nudged. Returns how many.

    Of those *chosen*, which failed or were cancelled; or all that failed, as what was cancelled was
    not to be sent. They keep their message ids and times. Nothing is sent of an erased visitor.
    """
    return change(
        events() if chosen is None else chosen,
        [EventStatus.DEAD, *([] if chosen is None else [EventStatus.CANCELLED])],
        but=ERASED,
        status=EventStatus.PENDING,
        due_at=DatabaseNow(),
        attempts=0,
        rejections=0,
        lease_token=None,
        last_status=None,
        last_error="",
    )


def change(
    chosen: QuerySet[Any], states: Collection[EventStatus], *, but: Q = NONE, **values: Any
) -> int:
    """Return how many of *chosen*, in one of *states* and not *but*, have *values* from now on."""
    which = Q(status__in=states) & ~but
    count = sum(
        events().filter(which, id__in=ids).update(**values) for ids in chunks(chosen.filter(which))
    )
    announce(router.db_for_write(Event))
    return count


def chunks(chosen: QuerySet[Any]) -> Iterator[list[int]]:
    """Yield the ids of *chosen*, ascending, a thousand at a time."""
    ids = chosen.using(router.db_for_write(Event)).order_by("id").values_list("id", flat=True)
    last = 0
    while chunk := list(ids.filter(id__gt=last)[:CHANGED_ROWS]):
        yield chunk
        last = chunk[-1]


def prune(retention_days: float, *, chunk_rows: int = CHUNK_ROWS) -> int:
    """
    Delete what was delivered, or did not have to be, over *retention_days* ago. Returns how many.

    Pending and failed events are kept however old they are.
    """
    old = DatabaseNow() - timedelta(days=retention_days)
    finished = Q(status=EventStatus.SENT, sent_at__lt=old) | Q(
        status__in=(EventStatus.DUPLICATE, EventStatus.CANCELLED), occurred_at__lt=old
    )
    pruned, after = 0, 0
    while last := last_of_chunk(after, chunk_rows):
        chunk = events().filter(id__gt=after, id__lte=last)
        pruned += chunk.filter(finished).delete()[0]
        # Ids grow with time: where one event is young enough, all later ones are.
        if chunk.filter(occurred_at__gte=old).exists():
            break
        after = last
    return pruned


def last_of_chunk(after: int, chunk_rows: int) -> int | None:
    """Return the highest id of the next *chunk_rows* events; None if there are none."""
    ids = events().filter(id__gt=after).order_by("id").values_list("id", flat=True)[:chunk_rows]
    return max(ids, default=None)


def prune_ledger(
    kept_campaigns: Collection[str], *, days: float = LEDGER_DAYS, chunk_rows: int = CHUNK_ROWS
) -> int:
    """
    Forget what counted once in campaigns that are gone, over *days* ago. Returns how many entries.

    *kept_campaigns* are the keys of those that the settings document has, paused ones included.
    """
    ledger = LedgerEntry.objects.using(router.db_for_write(LedgerEntry))
    old = ledger.filter(created_at__lt=DatabaseNow() - timedelta(days=days))
    known = set(old.order_by().values_list("campaign_key", flat=True).distinct())
    pruned = 0
    for campaign_key in sorted(known - set(kept_campaigns)):
        gone = old.filter(campaign_key=campaign_key).order_by("created_at")
        while keys := list(gone.values_list("pk", flat=True)[:chunk_rows]):
            pruned += ledger.filter(pk__in=keys).delete()[0]
    return pruned


def counts() -> Mapping[EventStatus, int]:
    """Return how many events are in which state; reads all of them."""
    found = dict(events().values_list("status").annotate(Count("id")))
    return {status: found.get(status, 0) for status in EventStatus}


def pending(account_id: str) -> int:
    """Return how many events of the account are still to be delivered, now or later."""
    return events().filter(account_id=account_id, due_at__isnull=False).count()
