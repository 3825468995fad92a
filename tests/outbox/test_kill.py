"""Workers that are killed: real processes, real SIGKILL."""

import os
import signal
import time

import pytest

from django_vwo.models import EventStatus
from django_vwo.outbox.drain import drain
from tests.collector import HANG, Collector, Reply

from .processes import environment, kill_group, running, wait_until
from .samples import impressions, record, route, rows, statuses, visitors_of

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = ("-m", "django", "vwo_deliver", "--once")
LOOP = ("-m", "django", "vwo_deliver", "--loop", "--interval", "0.1")
DEAF = [
    pytest.param(HANG, 0, id="before the collector has the events"),
    pytest.param(
        Reply(before_seconds=60, is_cut=True, accepts=True), 6, id="after the collector has them"
    ),
]


@pytest.mark.parametrize(("reply", "duplicates"), DEAF)
def test_what_a_killed_worker_held_is_delivered_once_its_lease_ends(
    collector: Collector, reply: Reply, duplicates: int
) -> None:
    events = impressions(20)
    record(*events)
    collector.script(Reply(), reply)
    with running(*ONCE, environment=environment(collector, BATCH_SIZE=6)) as worker:
        wait_until(lambda: len(collector.received) == 2)
        kill_group(worker)
        worker.wait()

    assert statuses().count(EventStatus.SENT) == 6
    held = [row for row in rows() if row.lease_token]
    assert len(held) == 6
    assert drain(time.monotonic() + 30, route=route(collector)).sent == 8
    time.sleep(2.1)
    assert drain(time.monotonic() + 30, route=route(collector)).sent == 6

    assert statuses() == [EventStatus.SENT] * 20
    accepted = visitors_of(collector.entries)
    assert set(accepted) == {event.visitor for event in events}
    assert len(accepted) == 20 + duplicates


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_under_way_finish(collector: Collector, number: int) -> None:
    record(*impressions(10))
    collector.script(Reply(before_seconds=1.0))
    with running(*LOOP, environment=environment(collector, BATCH_SIZE=4)) as worker:
        wait_until(collector.got_one.is_set)
        os.kill(worker.pid, number)
        output, _ = worker.communicate(timeout=20)

    assert worker.returncode == 0
    assert "Stopped." in output
    assert statuses().count(EventStatus.SENT) == 4
    assert all(row.lease_token is None for row in rows())


def test_a_loop_outlasts_an_outage(collector: Collector) -> None:
    record(*impressions(5))
    collector.script(Reply(status=503, headers={"Retry-After": "1"}))
    with running(*LOOP, environment=environment(collector)) as worker:
        wait_until(lambda: statuses() == [EventStatus.SENT] * 5)
        os.kill(worker.pid, signal.SIGTERM)
        worker.communicate(timeout=20)

    assert worker.returncode == 0
    assert len(collector.entries) == 5
