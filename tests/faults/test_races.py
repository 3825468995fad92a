"""Many workers and writers at once."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection, transaction

from django_vwo.models import Event, EventStatus
from django_vwo.outbox import claim
from tests.collector import Collector
from tests.documents import document
from tests.outbox.processes import environment, running, wait_until
from tests.outbox.samples import (
    impressions,
    in_threads,
    make_due,
    record,
    rows,
    scope,
    statuses,
    visitors_of,
)

from .shop import told_by
from .truth import duplicates, lost

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ONCE = ("-m", "django", "vwo_deliver", "--once")
LOOP = ("-m", "django", "vwo_deliver", "--loop", "--interval", "0.05")
IS_SQLITE = connection.vendor == "sqlite"
FEW_SECONDS = {
    "postgresql": "SET lock_timeout = '5s'",
    "mysql": "SET innodb_lock_wait_timeout = 5",
}
AS_DOCUMENTED = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;",
    # Django's 5 seconds may pass on a machine that has much else to do.
    "timeout": 30,
}


def test_workers_race_through_a_backlog_and_send_each_event_once(collector: Collector) -> None:
    """Row 36: three processes, and a backlog of many batches."""
    events = impressions(600)
    record(*events)
    variables = environment(collector, BATCH_SIZE=20, LEASE_SECONDS=120)
    with ExitStack() as stack:
        workers = [stack.enter_context(running(*ONCE, environment=variables)) for _ in range(3)]
        assert {worker.wait(60) for worker in workers} <= {0, 1}, "1: others had some left"

    assert lost(events, collector) == set()
    assert duplicates(collector) == 0
    assert set(statuses()) == {EventStatus.SENT}


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has one writer at a time")
def test_a_worker_neither_waits_for_another_ones_claim_nor_goes_away_empty() -> None:
    """Row 36: one claim is not committed yet; the next one takes the next events."""
    record(*impressions(30))

    def claim_soon() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(FEW_SECONDS[connection.vendor])
        return [row.id for row in held(10)]

    with transaction.atomic():
        first = [row.id for row in held(10)]
        [second] = in_threads(claim_soon)

    assert len(first) == len(second) == 10
    assert set(first).isdisjoint(second)


def held(limit: int) -> Any:
    batch = claim.claim(scope(), limit)
    assert batch is not None
    return batch.rows


def double() -> None:
    """Copy each event of the outbox, but for its id."""
    names = ", ".join(
        connection.ops.quote_name(field.column)
        for field in Event._meta.local_concrete_fields
        if not field.primary_key
    )
    table = connection.ops.quote_name(Event._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}")


def analyse() -> None:
    verb = {"mysql": "ANALYZE TABLE"}.get(connection.vendor, "ANALYZE")
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} {Event._meta.db_table}")
        cursor.fetchall() if connection.vendor == "mysql" else None


@pytest.mark.parametrize("finished", [0.0, 0.5, 0.999], ids=["backlog", "half", "history"])
def test_a_claim_reads_the_index_of_due_times_whatever_the_outbox_holds(finished: float) -> None:
    """Row 36: 8,000 events, enough for a planner to choose; nothing is sorted or scanned."""
    record(*impressions(250))
    make_due()
    for _ in range(5):
        double()
    ids = [row.id for row in rows()]
    done = Event.objects.filter(pk__lte=ids[int(len(ids) * finished)])
    done.update(status=EventStatus.SENT, due_at=None)
    analyse()

    plan = claim.due(scope())[:500].explain()

    assert len(ids) == 8_000
    assert "django_vwo_event_due" in plan
    for costly in ("Seq Scan", "Sort", "filesort", "TEMP B-TREE", "SCAN"):
        assert costly not in plan


@pytest.mark.skipif(not IS_SQLITE, reason="it is about SQLite's one lock")
@pytest.mark.parametrize(
    ("page", "options"),
    [
        # A transaction that reads and then writes, as this page's does, needs IMMEDIATE.
        pytest.param("order", AS_DOCUMENTED, id="as documented"),
        pytest.param("visit", {"timeout": 30}, id="as Django begins its transactions"),
    ],
)
def test_writers_and_workers_on_sqlite_never_find_it_locked(
    collector: Collector, page: str, options: dict[str, Any]
) -> None:
    """Row 37: four that write and two that deliver; of the second, all that is written is ours."""
    variables = environment(
        collector,
        SETTINGS_DOCUMENT=document(),
        USER_ID="tests.faults.shop.visitor_of",
        RAISE_ERRORS=False,
        LEASE_SECONDS=60,
    )
    variables["TEST_DATABASE_OPTIONS"] = json.dumps(options)
    shop = ("-m", "tests.faults.shop", page)
    with ExitStack() as stack:
        workers = [stack.enter_context(running(*LOOP, environment=variables)) for _ in range(2)]
        shops = [stack.enter_context(running(*shop, environment=variables)) for _ in range(4)]
        wait_until(lambda: len(collector.entries) > 300, seconds=120)
        told = [told_by(each) for each in shops]
        wait_until(lambda: set(statuses()) == {EventStatus.SENT}, seconds=120)
        for worker in workers:
            worker.terminate()
        written = [worker.communicate(timeout=60)[0] for worker in workers]

    assert [each["failed"] for each in told] == [[]] * 4
    assert all(each["answered"] for each in told)
    lines = "".join(written).splitlines()
    assert [line for line in lines if "database" in line and "W010" not in line] == []
    assert sorted(visitors_of(collector.entries)) == sorted(row.visitor for row in rows())
    assert len(rows()) == 2 * sum(len(each["answered"]) for each in told)
