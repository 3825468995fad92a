import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction

from django_vwo.fields import DatabaseNow
from django_vwo.ledger_keys import keys_of
from django_vwo.models import Event, EventStatus, LedgerEntry
from django_vwo.outbox import claim
from django_vwo.outbox.claim import Batch
from django_vwo.outbox.held import ISOLATE_AFTER
from django_vwo.outbox.outcome import Meaning, Outcome

from .samples import (
    conversion,
    impression,
    impressions,
    in_threads,
    make_due,
    push,
    record,
    rows,
    scope,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)

SENT = Outcome(meaning=Meaning.SENT, status=200)
DOWN = Outcome(meaning=Meaning.WAIT, status=503, reason="HTTP 503: busy")
REFUSED = Outcome(meaning=Meaning.REFUSED, status=400, reason="HTTP 400: refused")


def claimed(limit: int = 500, **changes: object) -> Batch:
    batch = claim.claim(scope(**changes), limit)
    assert batch is not None
    return batch


def end_leases() -> None:
    Event.objects.filter(lease_token__isnull=False).update(due_at=DatabaseNow())


def test_what_is_due_longest_is_claimed_first() -> None:
    record(*impressions(3))
    third = rows()[2]
    Event.objects.filter(pk=third.id).update(due_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert [row.id for row in claimed(1).rows] == [third.id]


def test_a_claimed_event_is_left_alone_until_its_lease_ends() -> None:
    record(impression())
    batch = claimed()

    assert claim.claim(scope(), 500) is None

    end_leases()
    again = claimed()
    assert [row.id for row in again.rows] == [row.id for row in batch.rows]
    assert again.token != batch.token


def test_the_lease_lasts_as_long_as_it_is_asked_for() -> None:
    record(impression())
    batch = claimed(lease_seconds=40.0)

    left = Event.objects.filter(due_at__gt=DatabaseNow() + timedelta(seconds=35))
    assert left.count() == 1
    assert not left.filter(due_at__gt=DatabaseNow() + timedelta(seconds=41)).exists()
    assert 35 < batch.ends - time.monotonic() <= 40


def test_an_event_between_two_that_are_claimed_is_left_alone() -> None:
    record(*impressions(3))
    first, second, third = rows()
    token = uuid4()
    Event.objects.filter(pk=second.id).update(attempts=ISOLATE_AFTER, lease_token=token)
    batch = claimed()

    assert [row.id for row in batch.rows] == [first.id, third.id]
    between = rows()[1]
    assert (between.attempts, between.lease_token) == (ISOLATE_AFTER, token)
    assert between.due_at == second.due_at


def test_other_accounts_and_later_versions_are_left_alone() -> None:
    record(impression(account_id="999"), impression("Ann"))
    Event.objects.filter(user_id="Ann").update(payload_version=2)

    assert claim.claim(scope(), 500) is None
    assert statuses() == [EventStatus.PENDING] * 2
    assert len(claimed(payload_version=2).rows) == 1


def test_of_events_that_count_once_one_is_let_through() -> None:
    first, second, other = conversion(), conversion(), conversion("Ann")
    record(first, second, other)

    batch = claimed()

    assert [row.uuid for row in batch.rows] == [first.uuid, other.uuid]
    assert batch.duplicates == 1
    assert statuses() == [EventStatus.PENDING, EventStatus.DUPLICATE, EventStatus.PENDING]
    assert rows()[1].due_at is None


def test_the_ledger_outlasts_the_event() -> None:
    record(conversion())
    claimed()
    Event.objects.all().delete()
    record(conversion())

    assert claimed().rows == []
    assert statuses() == [EventStatus.DUPLICATE]


def test_the_ledger_says_which_campaign_it_is_about() -> None:
    record(conversion())
    claimed()

    entry = LedgerEntry.objects.get()
    assert entry.campaign_key == "pricing-page"
    assert entry.event_uuid == rows()[0].uuid


def test_an_event_that_was_let_through_is_let_through_again() -> None:
    record(conversion())
    claimed()
    end_leases()

    assert len(claimed().rows) == 1


def test_what_counts_each_time_is_let_through_each_time() -> None:
    record(push(), push(), conversion(unique_key=None), conversion(unique_key=None))

    assert len(claimed().rows) == 4


def test_a_worker_that_lost_its_lease_changes_nothing() -> None:
    record(impression())
    late = claimed()
    end_leases()
    claimed()

    assert claim.mark_sent(late, late.rows, SENT) == 0
    assert claim.postpone(late, late.rows, DOWN, 60) == 0
    assert claim.mark_dead(late, late.rows, REFUSED) == 0
    assert claim.release(late, late.rows) == 0
    claim.refuse(late, late.rows, REFUSED)
    row = rows()[0]
    assert (row.status, row.rejections, row.last_status) == (EventStatus.PENDING, 0, None)


def test_a_delivered_event_is_finished() -> None:
    record(impression())
    batch = claimed()

    assert claim.mark_sent(batch, batch.rows, SENT) == 1
    row = rows()[0]
    assert (row.status, row.due_at, row.lease_token) == (EventStatus.SENT, None, None)
    assert row.last_status == 200
    assert row.sent_at is not None
    assert row.attempts == 1


def test_a_cancelled_event_stays_cancelled() -> None:
    record(impression())
    batch = claimed()
    Event.objects.update(status=EventStatus.CANCELLED, due_at=None)

    assert claim.mark_sent(batch, batch.rows, SENT) == 0
    assert statuses() == [EventStatus.CANCELLED]


def test_a_postponed_event_says_why() -> None:
    record(impression())
    batch = claimed()
    claim.postpone(batch, batch.rows, DOWN, 60)

    row = rows()[0]
    assert (row.status, row.lease_token) == (EventStatus.PENDING, None)
    assert (row.last_status, row.last_error) == (503, "HTTP 503: busy")
    assert claim.claim(scope(), 500) is None


def test_a_released_event_is_due_as_if_it_had_not_been_claimed() -> None:
    record(impression())
    batch = claimed()
    claim.release(batch, batch.rows)

    assert rows()[0].attempts == 0
    assert len(claimed().rows) == 1


def test_an_event_refused_three_times_alone_is_dead() -> None:
    record(impression())
    for expected in (EventStatus.PENDING, EventStatus.PENDING, EventStatus.DEAD):
        batch = claimed()
        claim.refuse(batch, batch.rows, REFUSED)
        assert statuses() == [expected]
        make_due()

    row = rows()[0]
    assert (row.due_at, row.rejections, row.last_error) == (None, 3, "HTTP 400: refused")


def kill_holder() -> None:
    """Leave the events as a worker does that is killed while it holds them."""
    assert claim.claim(scope(), 500) is not None
    end_leases()


def test_an_event_whose_workers_died_is_claimed_alone_and_then_given_up() -> None:
    record(impression("killer"), impression("neighbour"))
    for _ in range(3):
        kill_holder()

    alone = claimed()
    assert [row.user_id for row in alone.rows] == ["killer"]
    neighbour = claimed()
    assert [row.user_id for row in neighbour.rows] == ["neighbour"]
    claim.mark_sent(neighbour, neighbour.rows, SENT)

    end_leases()
    for _ in range(4):
        kill_holder()
    assert rows()[0].attempts == 8
    last = claimed()
    assert (list(last.rows), len(last.dead)) == ([], 1)
    assert statuses() == [EventStatus.DEAD, EventStatus.SENT]
    assert "8 workers died" in rows()[0].last_error


def test_an_outage_does_not_make_an_event_a_suspect() -> None:
    record(impression("a"), impression("b"))
    for _ in range(20):
        batch = claimed()
        no_answer = Outcome(meaning=Meaning.WAIT, reason="timeout")
        claim.postpone(batch, batch.rows, no_answer, -1)  # due, whatever the clock's grain
    kill_holder()

    assert len(claimed().rows) == 2


def test_attempts_do_not_overflow() -> None:
    record(impression())
    Event.objects.update(attempts=claim.MOST_ATTEMPTS, last_status=503)

    claimed()

    assert rows()[0].attempts == claim.MOST_ATTEMPTS


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_never_hold_the_same_event(workers: int) -> None:
    record(*impressions(200))

    def work() -> list[int]:
        taken: list[int] = []
        while batch := claim.claim(scope(), 7):
            taken += [row.id for row in batch.rows]
        return taken

    taken = in_threads(*[work] * workers)

    everything = [pk for one in taken for pk in one]
    assert len(everything) == len(set(everything))
    assert sorted(everything) == [row.id for row in rows()]


def test_workers_that_race_for_the_ledger_let_each_key_through_once() -> None:
    keys = [conversion(f"user-{number}") for number in range(40)]
    record(*keys)
    record(*(conversion(f"user-{number}") for number in reversed(range(40))))

    def work() -> list[str]:
        let_through: list[str] = []
        while batch := claim.claim(scope(), 5):
            let_through += [row.visitor for row in batch.rows]
        return let_through

    let_through = in_threads(work, work, work)

    everyone = [visitor for one in let_through for visitor in one]
    assert sorted(everyone) == sorted(event.visitor for event in keys)
    assert statuses().count(EventStatus.DUPLICATE) == 40


def test_conversions_in_opposite_order_do_not_wait_for_each_other() -> None:
    """Two requests of one visitor, each slow, reach the goals A and B in opposite order."""
    waits: list[float] = []

    def request(*goals: str) -> None:
        with transaction.atomic():
            for goal in goals:
                started = time.perf_counter()
                record(conversion(goal=goal))
                waits.append(time.perf_counter() - started)
                time.sleep(0.5)

    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time, whatever it writes")
    in_threads(lambda: request("A", "B"), lambda: request("B", "A"))

    assert len(rows()) == 4
    assert max(waits) < 0.4
    assert sorted(row.goal_identifier for row in claimed().rows) == ["A", "B"]


def test_a_claim_reads_one_index() -> None:
    record(*impressions(1500))
    with connection.cursor() as cursor:
        analyse = {"mysql": "ANALYZE TABLE {}", "postgresql": "ANALYZE {}"}
        cursor.execute(analyse.get(connection.vendor, "ANALYZE {}").format(Event._meta.db_table))
        cursor.fetchall() if connection.vendor == "mysql" else None

    plan = claim.due(scope())[:50].explain()

    assert "django_vwo_event_due" in plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="it is about PostgreSQL's indexes")
def test_the_ledger_finds_a_visitor_by_its_one_index_of_keys() -> None:
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, LedgerEntry._meta.db_table)
        cursor.execute("SET enable_seqscan = off")
        plan = LedgerEntry.objects.filter(**keys_of("A" * 32)).explain()
        cursor.execute("RESET enable_seqscan")

    of_keys = [name for name, told in indexes.items() if told["columns"] == ["dedup_key"]]
    assert of_keys == ["django_vwo_ledgerentry_pkey"]
    assert of_keys[0] in plan


def test_the_message_id_never_changes() -> None:
    event = impression()
    record(event)
    batch = claimed()
    claim.postpone(batch, batch.rows, DOWN, -1)  # at once, whatever the clock's grain
    claim.release(claimed(), batch.rows)

    assert rows()[0].uuid == event.uuid
