"""A process does not fork while a thread of the app is inside a library that has locks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from django_vwo import forks
from django_vwo.forks import Gate

SECONDS = 30.0


class Worker:
    """A thread at work until it is told to stop."""

    def __init__(self, gate: Gate) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self._gate = gate
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        with self._gate.work():
            self.began.set()
            assert self.may_end.wait(SECONDS)

    def end(self) -> None:
        self.may_end.set()
        self.thread.join(SECONDS)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def start(gate: Gate) -> Iterator[Callable[[], Worker]]:
    workers: list[Worker] = []

    def start_one() -> Worker:
        workers.append(Worker(gate))
        return workers[-1]

    yield start_one
    for worker in workers:
        worker.end()


def fork_in_a_thread(gate: Gate) -> threading.Event:
    """Return what is set once a fork could take place."""
    forked = threading.Event()

    def close_and_open() -> None:
        gate.close()
        forked.set()
        gate.open()

    threading.Thread(target=close_and_open).start()
    return forked


def test_a_fork_waits_for_every_thread_at_work(gate: Gate, start: Callable[[], Worker]) -> None:
    first, second = start(), start()
    assert first.began.wait(SECONDS)
    assert second.began.wait(SECONDS)
    forked = fork_in_a_thread(gate)

    first.end()
    assert not forked.wait(0.1)
    second.end()
    assert forked.wait(SECONDS)


def test_nobody_begins_while_a_fork_is_going_on(gate: Gate, start: Callable[[], Worker]) -> None:
    gate.close()
    late = start()
    assert not late.began.wait(0.1)
    gate.open()

    assert late.began.wait(SECONDS)


def test_a_fork_that_waits_comes_before_new_work(gate: Gate, start: Callable[[], Worker]) -> None:
    first = start()
    assert first.began.wait(SECONDS)
    forked = fork_in_a_thread(gate)
    assert not forked.wait(0.1)
    late = start()
    assert not late.began.wait(0.1)

    first.end()
    assert forked.wait(SECONDS)
    assert late.began.wait(SECONDS)


def test_a_silent_broker_holds_up_a_fork_for_a_bounded_time(
    gate: Gate, start: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "PATIENCE_SECONDS", 0.2)
    assert start().began.wait(SECONDS)

    assert fork_in_a_thread(gate).wait(SECONDS)


def test_work_may_fork_itself(gate: Gate) -> None:
    began = time.monotonic()
    with gate.work():
        gate.close()
        gate.open()

    assert time.monotonic() - began < forks.PATIENCE_SECONDS


def test_no_child_inherits_a_lock_that_a_thread_of_ours_holds() -> None:
    """Without the gate one of the first few children hangs at its first query."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.forking"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
        timeout=SECONDS * 10,
    )
    assert done.stdout == "150 of 150\n", done.stderr
