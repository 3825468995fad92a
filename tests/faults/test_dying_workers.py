"""Workers that are killed, or stand still, at the worst moments."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from django_vwo.models import EventStatus
from tests.collector import Collector
from tests.outbox.processes import environment, kill_group, running, wait_until
from tests.outbox.samples import impression, impressions, record, rows, statuses, visitors_of

from .truth import drain_for_good, duplicates, lost

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ONCE = ("vwo_deliver", "--once")
SCRIPTED = ("-m", "tests.faults.scripted_worker")
EVENTS, BATCH = 20, 6

DEATHS = [
    # The point, and how many events are then marked, held, and sent a second time.
    pytest.param("amid the claim", 6, 0, 0),
    pytest.param("after the claim", 6, 6, 0),
    pytest.param("before the request", 6, 6, 0),
    pytest.param("before the mark", 6, 6, 6),
    pytest.param("after the mark", 12, 0, 0),
]


@pytest.mark.parametrize(("point", "marked", "held", "again"), DEATHS)
def test_a_worker_killed_at_any_point_loses_nothing_and_repeats_one_batch_at_most(
    collector: Collector, point: str, marked: int, held: int, again: int
) -> None:
    """Row 1: SIGKILL at five points of the road; amid the request is tests/outbox/test_kill.py."""
    events = impressions(EVENTS)
    record(*events)
    variables = environment(collector, BATCH_SIZE=BATCH)
    with running(*SCRIPTED, point, "SIGKILL", *ONCE, environment=variables) as worker:
        assert worker.wait(60) == -signal.SIGKILL

    assert statuses().count(EventStatus.SENT) == marked
    assert len([row for row in rows() if row.lease_token]) == held
    drain_for_good(collector)

    assert lost(events, collector) == set()
    assert statuses() == [EventStatus.SENT] * EVENTS
    assert duplicates(collector) == again


@pytest.mark.parametrize("point", [death.values[0] for death in DEATHS])
def test_a_worker_killed_with_a_batch_claimed_ahead_repeats_one_batch_at_most(
    collector: Collector, point: str
) -> None:
    """Row 1: as above, where the lease outlasts two requests."""
    events = impressions(EVENTS)
    record(*events)
    variables = environment(collector, BATCH_SIZE=BATCH, TIMEOUT_SECONDS=1)
    with running(*SCRIPTED, point, "SIGKILL", *ONCE, environment=variables) as worker:
        assert worker.wait(60) == -signal.SIGKILL

    assert len([row for row in rows() if row.lease_token]) <= 2 * BATCH
    drain_for_good(collector)

    assert lost(events, collector) == set()
    assert statuses() == [EventStatus.SENT] * EVENTS
    assert duplicates(collector) <= BATCH


STANDSTILLS = [
    # The point, and how many events the sleeper then sends, or has sent, a second time.
    pytest.param("after the claim", 0),
    pytest.param("before the request", BATCH),
    pytest.param("before the mark", BATCH),
]


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize(("point", "again"), STANDSTILLS)
def test_a_worker_that_sleeps_through_its_lease_changes_nothing_when_it_wakes(
    collector: Collector, point: str, again: int
) -> None:
    """Row 33: SIGSTOP for longer than the lease, then SIGCONT."""
    events = impressions(2 * BATCH)
    record(*events)
    variables = environment(collector, BATCH_SIZE=BATCH)
    with running(*SCRIPTED, point, "SIGSTOP", *ONCE, environment=variables) as sleeper:
        wait_until(lambda: is_stopped(sleeper.pid))
        drain_for_good(collector)
        before = [(row.status, row.sent_at, row.attempts) for row in rows()]
        os.kill(sleeper.pid, signal.SIGCONT)
        output, _ = sleeper.communicate(timeout=60)

    assert f"{BATCH} delivered in" in output, "the first batch, and none of the second"
    assert [(row.status, row.sent_at, row.attempts) for row in rows()] == before
    assert lost(events, collector) == set()
    assert statuses() == [EventStatus.SENT] * len(events)
    assert duplicates(collector) == again


def test_an_event_that_kills_its_workers_is_given_up_and_its_neighbours_arrive(
    collector: Collector,
) -> None:
    """Row 2: each child of a pool is killed by one event, as by a kernel out of memory."""
    events = [*impressions(4), impression("killer"), *impressions(5, prefix="later")]
    record(*events)
    variables = environment(collector, LEASE_SECONDS=1)
    with running("-m", "tests.faults.pool", "killer", environment=variables) as pool:
        wait_until(lambda: EventStatus.PENDING not in statuses(), seconds=90)
        kill_group(pool)
        output, _ = pool.communicate()

    [dead] = rows(status=EventStatus.DEAD)
    assert (dead.user_id, dead.attempts) == ("killer", 8)
    assert dead.last_error == "8 workers died while they held it"
    assert output.count("A child died.") == 8
    assert lost(events, collector) == set()
    neighbours = {event.visitor for event in events if event.user_id != "killer"}
    assert sorted(visitors_of(collector.entries)) == sorted(neighbours)
    assert min(row.attempts for row in rows(status=EventStatus.SENT)) > 3, "isolated after three"
