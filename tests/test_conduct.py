"""What the events of one call have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from django_vwo.client import Client
from django_vwo.engine.events import Kind
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.memory import MemoryStorage
from tests.builders import campaign, document

START = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    """Shows a second more each time it is read."""

    def __init__(self) -> None:
        self.readings = 0

    def __call__(self) -> datetime:
        self.readings += 1
        return START + timedelta(seconds=self.readings)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture
def client(clock: Clock, recorder: MemoryRecorder) -> Client:
    settled = document(campaign("first", 11), campaign("second", 12))
    return Client(
        settled,
        storage=MemoryStorage(),
        recorder=recorder,
        clock=clock,
        require_activation=False,
    )


def test_the_conversions_of_a_call_tell_the_same_time_and_impressions_their_own(
    client: Client, clock: Clock, recorder: MemoryRecorder
) -> None:
    client.track(None, "Bob", "signup")

    # Each campaign is entered, and the goal reached in it.
    assert len({event.uuid for event in recorder.events}) == 4
    told = [(event.kind, event.occurred_at - START) for event in recorder.events]
    assert sorted(told) == [
        (Kind.IMPRESSION, timedelta(seconds=1)),
        (Kind.IMPRESSION, timedelta(seconds=2)),
        (Kind.CONVERSION, timedelta(seconds=3)),
        (Kind.CONVERSION, timedelta(seconds=3)),
    ]


def test_messages_of_a_call_are_told_apart_even_if_the_clock_stands(
    recorder: MemoryRecorder,
) -> None:
    client = Client(
        document(campaign("first", 11), campaign("second", 12)),
        storage=MemoryStorage(),
        recorder=recorder,
        clock=lambda: START,
        require_activation=False,
    )
    client.track(None, "Bob", "signup")

    told = {event.occurred_at - START for event in recorder.events}
    assert sorted(told) == [timedelta(milliseconds=number) for number in range(3)]


CALLS: list[Callable[[Client], object]] = [
    lambda client: client.activate("first", "Ann"),
    lambda client: client.track("first", "Ann", "signup"),
    lambda client: client.push("plan", "gold", "Ann"),
]


@pytest.mark.parametrize("call", CALLS, ids=["activate", "track", "push"])
def test_each_call_tells_its_own_time(
    call: Callable[[Client], object], client: Client, recorder: MemoryRecorder
) -> None:
    client.push("plan", "free", "Ann")
    call(client)

    first, *others = [event.occurred_at for event in recorder.events]
    later = range(1, 1 + len(others))
    assert others == [first + timedelta(seconds=number) for number in later]


def test_a_call_that_leads_to_nothing_reads_no_clock(client: Client, clock: Clock) -> None:
    client.get_variation_name("unknown", "Bob")
    client.track("first", "Bob", "purchase")

    assert clock.readings == 0
