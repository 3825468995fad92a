"""What an administrator may do with events on their way: in short steps, as there may be many."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import router
from django.db.models import QuerySet

from ..fields import DatabaseNow
from ..models import Breaker, Event, EventStatus
from ..outbox.upkeep import change, chunks, resend
from ..recorders.outbox import announce


def send_again(events: QuerySet[Any]) -> int:
    """Return how many of *events* had failed or were cancelled, and are pending from now on."""
    return resend(events)


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
