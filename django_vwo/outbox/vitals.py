"""How an account's outbox is doing: cheap to ask, however many events there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import router
from django.db.models import QuerySet
from django.utils import timezone

from ..fields import DatabaseNow
from ..models import Breaker
from .upkeep import events

MOST_PENDING = 100_000
"""So many are counted at most."""
WINDOW_ROWS = 1_000
"""Among so many of those longest due the oldest is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """How an account's outbox is doing."""

    account_id: str
    pending: int
    """How many events are to be delivered, now or later; one more than were to be counted: more."""
    oldest_seconds: float
    """How long ago the oldest of them occurred; 0 without any."""
    late_seconds: float
    """For how long the longest due of them has been due; 0 if none is."""
    failures: int
    """How often in a row the collector did not take events."""
    rest_seconds: float
    """For how long the breaker keeps workers away from the collector; 0: it is closed."""
    last_error: str
    success_seconds: float | None
    """How long ago the last success was; None: there was none."""


def vitals(account_id: str, *, most_pending: int = MOST_PENDING) -> Vitals:
    """Return how the account's outbox is doing: three queries, by indexes, of bounded size."""
    due = due_events(account_id)
    window = due.annotate(now=DatabaseNow()).values_list("due_at", "occurred_at", "now")
    times = list(window[:WINDOW_ROWS])
    oldest = min((occurred_at for _, occurred_at, _ in times), default=None)
    breakers = Breaker.objects.using(router.db_for_write(Breaker)).annotate(now=DatabaseNow())
    breaker: Any = breakers.filter(account_id=account_id).first() or Breaker()
    success_at, open_until = breaker.last_success_at, breaker.open_until
    return Vitals(
        account_id=account_id,
        pending=due[: most_pending + 1].count(),
        oldest_seconds=seconds_between(oldest, timezone.now()) if oldest else 0.0,
        late_seconds=seconds_between(times[0][0], times[0][2]) if times else 0.0,
        failures=breaker.failures,
        rest_seconds=seconds_between(breaker.now, open_until) if open_until else 0.0,
        last_error=breaker.last_error,
        success_seconds=seconds_between(success_at, breaker.now) if success_at else None,
    )


def due_events(account_id: str) -> QuerySet[Any]:
    """Return what is to be delivered, now or later, the longest due first."""
    return events().filter(account_id=account_id, due_at__isnull=False).order_by("due_at")


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Return how many seconds there are from *earlier* to *later*; 0 if it is not."""
    return max(0.0, (later - earlier).total_seconds())


def told(found: Vitals, *, most_pending: int = MOST_PENDING) -> Iterator[str]:
    """Yield *found* in sentences, as it was asked for with *most_pending*."""
    is_more = found.pending > most_pending
    count = f"more than {most_pending:,}" if is_more else f"{found.pending:,}"
    oldest = ""
    if found.pending:
        oldest = f"; the oldest occurred {found.oldest_seconds:,.0f} seconds ago"
        due = f", and events have been due for {found.late_seconds:,.0f} seconds"
        oldest += due if found.late_seconds >= 1 else ", and none is late"
    yield f"{count} pending{oldest}."
    yield f"The collector {collector(found)}."
    success = found.success_seconds
    yield f"The last success: {'never' if success is None else f'{success:,.0f} seconds ago'}."


def collector(found: Vitals) -> str:
    """Return what the breaker says of the collector."""
    if not found.failures:
        return "takes events"
    when = "is about to be tried again"
    if found.rest_seconds:
        when = f"is left alone for another {found.rest_seconds:,.0f} seconds"
    times = "1 failure" if found.failures == 1 else f"{found.failures:,} failures in a row"
    return f"{when}, after {times}: {found.last_error or 'no reason is known'}"


def accounts() -> list[str]:
    """Return the accounts that a worker had to do with."""
    breakers = Breaker.objects.using(router.db_for_write(Breaker)).order_by("pk")
    return list(breakers.values_list("pk", flat=True))
