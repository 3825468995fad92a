"""Requests that come at the same moment: one visitor, several processes."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from django_vwo.client import Client
from django_vwo.dialects.vwo.bucketing import visitor_key_for
from django_vwo.models import Assignment, Event
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.database import DatabaseStorage
from tests.collector import Collector
from tests.documents import ACCOUNT_ID, ab_test, document, only
from tests.outbox.processes import environment, running
from tests.outbox.samples import in_threads, rows

from .racer import ROUNDS
from .web_servers import SECONDS, deliver

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

PROCESSES = 8
NAMES = ("A", "B")


def document_with(favourite: str) -> dict[str, Any]:
    """Return a document that gives a new visitor *favourite*, and knows all of `NAMES`."""
    variations = [
        {"id": number, "name": name, "weight": 100 * (name == favourite)}
        for number, name in enumerate(NAMES, 1)
    ]
    return document(ab_test(variations=variations))


@contextmanager
def racing(collector: Collector, start: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Run processes; one half would give a new visitor another variation than the other."""
    with ExitStack() as stack:
        processes = []
        for number in range(PROCESSES):
            given = document_with(NAMES[number % 2])
            variables = environment(collector, SETTINGS_DOCUMENT=given)
            command = ("-m", "tests.faults.racer", str(start))
            processes.append(stack.enter_context(running(*command, environment=variables)))
        yield processes


def answers(racers: list[subprocess.Popen[str]]) -> list[str]:
    """Return the next line of each process."""
    return [process.stdout.readline().strip() for process in racers if process.stdout]


def test_processes_that_meet_a_visitor_at_once_agree_and_send_one_impression(
    collector: Collector, tmp_path: Path
) -> None:
    """Row 34: the first requests of a visitor, in eight processes of two opinions."""
    start = tmp_path / "start"
    with racing(collector, start) as racers:
        assert len({*answers(racers)}) == 1
        start.with_suffix(".new").write_text(str(time.time() + 0.5))
        start.with_suffix(".new").rename(start)
        rounds = [set(answers(racers)) for _ in range(ROUNDS)]

    winners = [winner for [winner] in rounds]
    assert set(winners) == set(NAMES), "nobody raced"
    assert list(Assignment.objects.order_by("id").values_list("variation", flat=True)) == winners
    assert Event.objects.count() > ROUNDS, "nobody agreed"
    deliver(collector)
    users = [f"user-{number}" for number in range(ROUNDS)]
    assert shown(collector) == {
        key_of(user): NAMES.index(winner) + 1 for user, winner in zip(users, winners, strict=True)
    }
    assert len(collector.entries) == ROUNDS


def key_of(user_id: str) -> str:
    return visitor_key_for(ACCOUNT_ID)(user_id)


def shown(collector: Collector) -> dict[str, int]:
    """Return the variation's id in each visitor's impression."""
    return {entry["u"]: int(entry["c"]) for entry in collector.entries}


def test_goals_reached_in_opposite_order_neither_wait_nor_count_twice(
    collector: Collector,
) -> None:
    """Row 35: two requests of one visitor, each of which has reached one goal, reach the other."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time, whatever it writes")
    vwo = Client(
        document(only("A")),
        storage=DatabaseStorage(),
        recorder=OutboxRecorder(),
        raise_errors=True,
    )
    vwo.activate("pricing-page", "ann")
    both_reached_one = threading.Barrier(2, timeout=SECONDS)

    def request(*goals: str) -> None:
        with transaction.atomic():
            Group.objects.create(name=goals[0])
            assert vwo.track("pricing-page", "ann", goals[0], revenue_value=5)
            both_reached_one.wait()  # which breaks if either waits for the other
            assert vwo.track("pricing-page", "ann", goals[1], revenue_value=5)
            both_reached_one.wait()

    in_threads(lambda: request("signup", "checkout"), lambda: request("checkout", "signup"))

    assert Group.objects.count() == 2
    assert len(rows(kind=2)) == 4
    deliver(collector)
    goals = sorted(entry["g"] for entry in collector.entries if "g" in entry)
    assert goals == [21, 22]
