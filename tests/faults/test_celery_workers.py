"""What Celery does to its tasks, and how little it matters."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from django_vwo.models import EventStatus
from tests.collector import HANG, Reply
from tests.conftest import Configure
from tests.outbox.processes import kill_group, running, wait_until
from tests.outbox.samples import impressions, record, rows, statuses, visitors_of

from .truth import duplicates, lost

pytest.importorskip("celery")

from django_vwo import tasks
from tests.test_brokers import CELERY, Site, all_are_sent, children_of, site

__all__ = ["site"]

pytestmark = [
    pytest.mark.faults,
    pytest.mark.services,
    pytest.mark.django_db(transaction=True),
]

Worker = AbstractContextManager[subprocess.Popen[str]]

DELIVER = "django_vwo.deliver"


on_one_broker = pytest.mark.parametrize("site", ["redis"], indirect=True)
"""For what Celery does by itself, whatever its broker."""


def test_what_a_killed_worker_held_is_delivered_by_another(site: Site) -> None:
    """Row 8: SIGKILL amid a task, for the worker and its child; the lease recovers."""
    events = impressions(8)
    site.collector.script(HANG)
    with site.worker() as worker:
        record(*events)
        wait_until(site.collector.got_one.is_set)
        kill_group(worker)
        worker.wait()
    assert all(row.lease_token for row in rows())

    with site.worker():
        wait_until(all_are_sent)
    assert lost(events, site.collector) == set()
    assert duplicates(site.collector) == 0


@pytest.fixture
def limited(site: Site, configure: Configure) -> Callable[..., Worker]:
    """Return a function that runs a worker whose deliveries have limits, in seconds."""
    configure(DELIVERY="command")  # a nudge of this process would bring the usual limits

    def run(soft: float | None, hard: float | None, **vwo: Any) -> Worker:
        own = {DELIVER: {"soft_time_limit": soft, "time_limit": hard}}
        return site.worker(celery={"task_annotations": own}, **vwo)

    return run


@on_one_broker
def test_the_soft_time_limit_costs_a_task_its_time_and_nothing_else(
    site: Site, limited: Callable[..., Worker]
) -> None:
    """Row 9, soft: what was not sent is released at once, far before its lease ends."""
    events = impressions(30)
    record(*events)
    site.collector.rule = lambda received: Reply(before_seconds=0.3)
    few_at_once = {"BATCH_BYTES": 1024, "LEASE_SECONDS": 600, "TIMEOUT_SECONDS": 20}
    with limited(1, 60, **few_at_once) as worker:
        wait_until(lambda: not lost(events, site.collector), seconds=60)
        kill_group(worker)
        output, _ = worker.communicate()

    assert "Delivery was cut short" in output
    assert duplicates(site.collector) == 0


@on_one_broker
def test_the_hard_time_limit_is_a_worker_killed(site: Site, limited: Callable[..., Worker]) -> None:
    """Row 9, hard: the child is killed amid its request; the lease recovers."""
    events = impressions(8)
    record(*events)
    site.collector.script(HANG)
    with limited(None, 2) as worker:
        wait_until(site.collector.got_one.is_set)
        [child] = children_of(worker.pid)
        wait_until(all_are_sent)
        assert child not in children_of(worker.pid)

    assert lost(events, site.collector) == set()
    assert duplicates(site.collector) == 0


def beat_of(site: Site, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return how to run a beat that asks for deliveries all the time."""
    entry = {"task": DELIVER, "schedule": 0.2, "options": {"queue": site.queue}}
    command = (*CELERY, "beat", "-s", str(folder / "schedule"), "--pidfile", "")
    return command, site.variables({"beat_schedule": {"often": entry}})


@on_one_broker
def test_two_beats_send_nothing_twice(site: Site, tmp_path_factory: Any) -> None:
    """Row 10: beat runs twice, beside two workers and their own sweeps; the collector is slow."""
    beats = [beat_of(site, tmp_path_factory.mktemp("beat")) for _ in range(2)]
    site.collector.rule = lambda received: Reply(before_seconds=0.1)
    events = impressions(60)
    (first, variables), (second, _) = beats
    few_at_once = {"BATCH_SIZE": 3, "LEASE_SECONDS": 60}
    with (
        site.worker(**few_at_once),
        site.worker(**few_at_once),
        running(*first, environment=variables),
        running(*second, environment=variables),
    ):
        for number in range(0, 60, 10):
            record(*events[number : number + 10])
            time.sleep(0.2)
        wait_until(all_are_sent)

    assert lost(events, site.collector) == set()
    assert duplicates(site.collector) == 0


def follow(worker: subprocess.Popen[str]) -> list[str]:
    """Return a list that grows by what *worker* writes, which may be more than a pipe holds."""
    lines: list[str] = []

    def read() -> None:
        with suppress(ValueError):  # once the pipe is closed
            lines.extend(worker.stdout or ())

    threading.Thread(target=read, daemon=True).start()
    return lines


@on_one_broker
def test_nudges_that_piled_up_are_dropped_or_do_nothing(site: Site) -> None:
    """Row 10: a worker that was away finds 800 nudges that expired, and 200 that did not."""
    events = impressions(8)
    record(*events)
    wait_until(lambda: messages_left(site) == 1)  # ours
    for _ in range(800):
        tasks.publish(tasks.deliver, expires_seconds=0.001)
    for _ in range(199):
        tasks.publish(tasks.deliver)
    with site.worker(has_sweep=False) as worker:
        lines = follow(worker)
        wait_until(lambda: count(lines, "Discarding revoked task") == 800, seconds=120)
        wait_until(lambda: count(lines, "] succeeded in ") == 200, seconds=120)
        assert messages_left(site) == 0

    assert len(site.collector.received) == 1
    assert sorted(visitors_of(site.collector.entries)) == sorted(each.visitor for each in events)
    assert set(statuses()) == {EventStatus.SENT}


def count(lines: list[str], text: str) -> int:
    """Return how many of *lines* have *text*."""
    return sum(text in line for line in lines)


def messages_left(site: Site) -> int:
    """Return how many messages no worker has fetched from Redis."""
    with tasks.deliver.app.connection_for_read() as connection:
        return int(connection.default_channel.client.llen(site.queue))
