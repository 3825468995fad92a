"""Leases: which events a worker holds, and what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.functions import Greatest, Least

from ..fields import DatabaseNow
from ..models import Event, EventStatus, LedgerEntry
from .erasure import ERASED
from .held import HeldEvent, read
from .outcome import Outcome, refusal_seconds

DEAD_AFTER_DEATHS = 8
DEAD_AFTER_REFUSALS = 3
MOST_ATTEMPTS = 30_000
ERROR_LENGTH = 200
SENDABLE = Q(status=EventStatus.PENDING) | Q(ERASED, status=EventStatus.CANCELLED)
"""Holds for what its worker may say to be sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Which events may be claimed, where they are, and for how long."""

    alias: str
    account_id: str
    payload_version: int
    """Events of later versions are left to workers that know them."""
    lease_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Events that are held by one worker. They are its own as long as their token says so."""

    scope: Scope
    rows: Sequence[HeldEvent]
    token: UUID = field(default_factory=uuid4)
    ends: float
    """When the lease ends, on this process's monotonic clock; not later than in the database."""
    duplicates: int = 0
    """How many were found to count no more."""
    dead: Sequence[HeldEvent] = ()
    """Those that were given up, as they killed their workers."""


def claim(scope: Scope, limit: int) -> Batch | None:
    """
    Return a lease on at most *limit* due events, the longest due first; None if none is due.

    No transaction is open afterwards. Two workers never hold the same event, unless the lease of
    one has ended; of the events that count once, one is let through.
    """
    connection = transaction.get_connection(scope.alias)
    if connection.features.has_select_for_update_skip_locked:
        with short_transaction(scope.alias):
            chosen = choose(due(scope).select_for_update(skip_locked=True)[:limit])
            return take(scope, chosen, of=rows_of(scope)) if chosen else None
    # Elsewhere the first statement of the transaction has to be one that writes.
    chosen = choose(due(scope)[:limit])
    if not chosen:
        return None
    with short_transaction(scope.alias):
        return take(scope, chosen, of=due(scope).order_by())


@contextmanager
def short_transaction(alias: str) -> Iterator[None]:
    """Open a transaction at READ COMMITTED where the site may have set MySQL to lock gaps."""
    connection = transaction.get_connection(alias)
    is_first = connection.get_autocommit() and not connection.in_atomic_block
    if connection.vendor == "mysql" and is_first:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    with transaction.atomic(using=alias):
        yield


def rows_of(scope: Scope) -> QuerySet[Event]:
    return Event.objects.using(scope.alias)


def due(scope: Scope) -> QuerySet[Event]:
    """Return the events that may be claimed now; those finished have no due time."""
    return (
        rows_of(scope)
        .filter(
            account_id=scope.account_id,
            due_at__lte=DatabaseNow(),
            payload_version__lte=scope.payload_version,
        )
        .order_by("due_at")
    )


def choose(window: QuerySet[Event]) -> list[HeldEvent]:
    """Return the events to claim together: a suspect goes alone, and all others without it."""
    rows = read(window)
    if rows and rows[0].is_suspect:
        return rows[:1]
    return [row for row in rows if not row.is_suspect]


def take(scope: Scope, rows: Sequence[HeldEvent], *, of: QuerySet[Event]) -> Batch:
    """Return the lease on those of *rows* that can still be had."""
    if rows[0].is_suspect and rows[0].attempts >= DEAD_AFTER_DEATHS:
        return Batch(scope=scope, rows=(), ends=0.0, dead=rows[: bury(rows[0], of)])
    token, chosen = uuid4(), among(rows)
    ends = time.monotonic() + scope.lease_seconds
    count = of.filter(**chosen).update(
        lease_token=token,
        due_at=DatabaseNow() + timedelta(seconds=scope.lease_seconds),
        attempts=Least(F("attempts") + 1, MOST_ATTEMPTS),
    )
    if count < len(rows):
        mine = rows_of(scope).filter(lease_token=token, **chosen)
        had = set(mine.values_list("pk", flat=True))
        rows = [row for row in rows if row.id in had]
    taken = Batch(scope=scope, rows=rows, token=token, ends=ends)
    losers = lost_to_ledger(taken)
    first = [row for row in rows if row.id not in losers]
    return replace(taken, rows=first, duplicates=len(losers))


def bury(row: HeldEvent, of: QuerySet[Event]) -> int:
    """Give *row* up, for what it did to its workers. Returns 0 if another worker was first."""
    return of.filter(pk=row.id).update(
        status=EventStatus.DEAD,
        due_at=None,
        lease_token=None,
        last_error=f"{row.attempts} workers died while they held it",
    )


def lost_to_ledger(batch: Batch) -> set[int]:
    """Return the ids of those events of which another one counts, and mark them so."""
    count = sum(row.dedup_key is not None for row in batch.rows)
    if not count:
        return set()
    alias = batch.scope.alias
    ours = held(batch, batch.rows).filter(dedup_key__isnull=False)
    if enter_ledger(alias, ours) == count:
        return set()
    ledger = LedgerEntry.objects.using(alias)
    others = ledger.filter(pk=OuterRef("dedup_key")).exclude(event_uuid=OuterRef("uuid"))
    losers = set(ours.filter(Exists(others)).values_list("pk", flat=True))
    if losers:
        rows_of(batch.scope).filter(pk__in=losers).update(
            status=EventStatus.DUPLICATE, due_at=None, lease_token=None
        )
    return losers


def enter_ledger(alias: str, rows: QuerySet[Event]) -> int:
    """Return how many of *rows* are new in the ledger, as no event was first: one statement."""
    connection = transaction.get_connection(alias)
    names = ("dedup_key", "event_uuid", "campaign_key")
    # In one order everywhere, so that two workers wait for each other at most one way.
    entries = rows.order_by("dedup_key", "pk").values_list("dedup_key", "uuid", "campaign_key")
    select, parameters = entries.query.get_compiler(alias).as_sql()
    insert = connection.ops.insert_statement(on_conflict=OnConflict.IGNORE)
    suffix = connection.ops.on_conflict_suffix_sql([], OnConflict.IGNORE, [], [])
    table, *columns = map(connection.ops.quote_name, (LedgerEntry._meta.db_table, *names))
    statement = f"{insert} {table} ({', '.join(columns)}) {select} {suffix}"
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


# --- What becomes of them: nothing, where the lease has passed to another worker ------------------


def held(batch: Batch, rows: Sequence[HeldEvent]) -> QuerySet[Event]:
    """Return those of *rows*, all of *batch*, that it still holds."""
    return leased(batch, rows).filter(status=EventStatus.PENDING)


def leased(batch: Batch, rows: Sequence[HeldEvent]) -> QuerySet[Event]:
    """Return those of *rows*, all of *batch*, that have its token, whatever their state."""
    return rows_of(batch.scope).filter(lease_token=batch.token, **among(rows)).order_by()


def among(rows: Sequence[HeldEvent]) -> dict[str, Any]:
    """Return the look-ups that find *rows* and no others."""
    ids = [row.id for row in rows]
    if ids and max(ids) - min(ids) < len(ids):
        # Mostly there is no gap, and two bounds cost far less than hundreds of ids.
        return {"pk__gte": min(ids), "pk__lte": max(ids)}
    return {"pk__in": ids}


def mark_sent(batch: Batch, rows: Sequence[HeldEvent], outcome: Outcome) -> int:
    """Mark *rows* as delivered. Returns how many were still held, or erased since the claim."""
    return (
        leased(batch, rows)
        .filter(SENDABLE)
        .update(
            status=EventStatus.SENT,
            due_at=None,
            lease_token=None,
            sent_at=DatabaseNow(),
            last_status=outcome.status,
            last_error="",
        )
    )


def mark_dead(batch: Batch, rows: Sequence[HeldEvent], outcome: Outcome) -> int:
    """Give *rows* up: nothing but a resend brings them back. Returns how many were still held."""
    return held(batch, rows).update(
        status=EventStatus.DEAD, due_at=None, lease_token=None, **told(outcome)
    )


def postpone(batch: Batch, rows: Sequence[HeldEvent], outcome: Outcome, seconds: float) -> int:
    """Have *rows* claimed again in *seconds*. Returns how many were still held."""
    due_at = DatabaseNow() + timedelta(seconds=seconds)
    return held(batch, rows).update(due_at=due_at, lease_token=None, **told(outcome))


def refuse(batch: Batch, rows: Sequence[HeldEvent], outcome: Outcome) -> bool:
    """Count a refusal against the one of *rows*. Returns whether that was given up."""
    rejections = rows[0].rejections + 1
    is_last = rejections >= DEAD_AFTER_REFUSALS
    again_at = DatabaseNow() + timedelta(seconds=refusal_seconds(rejections))
    count = held(batch, rows).update(
        status=EventStatus.DEAD if is_last else EventStatus.PENDING,
        due_at=None if is_last else again_at,
        rejections=rejections,
        lease_token=None,
        **told(outcome),
    )
    return is_last and count > 0


def release(batch: Batch, rows: Sequence[HeldEvent]) -> int:
    """Have *rows* claimed again at once, as if they had not been claimed."""
    return held(batch, rows).update(
        lease_token=None, due_at=DatabaseNow(), attempts=Greatest(F("attempts") - 1, 0)
    )


def told(outcome: Outcome) -> dict[str, int | str]:
    return {"last_status": outcome.status, "last_error": outcome.reason[:ERROR_LENGTH]}
