"""What an administrator may do with events on their way: in short steps, as there may be many."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db import router
from django.db.models import QuerySet

from ..fields import DatabaseNow
from ..models import Breaker, Event, EventStatus
from ..recorders.outbox import announce

CHUNK_ROWS = 1_000


def send_again(events: QuerySet[Any]) -> int:
    """Return how many of *events* had failed or were cancelled, and are pending from now on."""
    return change(
        events,
        [EventStatus.DEAD, EventStatus.CANCELLED],
        status=EventStatus.PENDING,
        due_at=DatabaseNow(),
        attempts=0,
        rejections=0,
        lease_token=None,
        last_status=None,
        last_error="",
    )


def cancel(events: QuerySet[Any]) -> int:
    """Return how many of *events* were pending, and are cancelled from now on."""
    return change(
        events,
        [EventStatus.PENDING],
        status=EventStatus.CANCELLED,
        due_at=None,
        lease_token=None,
    )


def try_now(account_ids: Collection[str]) -> None:
    """Have the collector tried at the next delivery, and what waits for it be due."""
    alias = router.db_for_write(Event)
    Breaker.objects.using(alias).filter(account_id__in=account_ids, failures__gt=0).update(
        open_until=DatabaseNow()
    )
    waiting = Event.objects.using(alias).filter(
        account_id__in=account_ids, due_at__gt=DatabaseNow(), lease_token=None
    )
    for ids in chunks(waiting):
        waiting.filter(id__in=ids).order_by().update(due_at=DatabaseNow())
    announce(alias)


def change(events: QuerySet[Any], states: list[EventStatus], **values: Any) -> int:
    """Return how many of *events* are in one of *states*, and have *values* from now on."""
    rows = Event.objects.using(router.db_for_write(Event))
    count = sum(
        rows.filter(id__in=ids, status__in=states).order_by().update(**values)
        for ids in chunks(events.filter(status__in=states))
    )
    announce(rows.db)
    return count


def chunks(events: QuerySet[Any]) -> Iterator[list[int]]:
    """Yield the ids of *events*, ascending, a thousand at a time."""
    ids = events.using(router.db_for_write(Event)).order_by("id").values_list("id", flat=True)
    last = 0
    while chunk := list(ids.filter(id__gt=last)[:CHUNK_ROWS]):
        yield chunk
        last = chunk[-1]
