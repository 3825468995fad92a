"""Decisions while documents change: they neither wait nor ask, and see one document each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import pytest
from django.db import connection, connections
from django.test import override_settings

from django_vwo import transport
from django_vwo.client import Client
from django_vwo.dialects import load
from django_vwo.dialects.base import Pace
from django_vwo.engine.entities import CampaignSet
from django_vwo.engine.events import Kind
from django_vwo.models import SettingsDocument
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.sources import current, fetching, history, pointer, reading
from django_vwo.sources.base import Fetched
from tests.collector import Collector, Received, Reply
from tests.documents import only

from .samples import SDK_KEY, text

CAMPAIGNS = 40
THREADS = 4
SECONDS = 60.0
VWO = {"ACCOUNT_ID": 123456, "SDK_KEY": SDK_KEY, "REFRESH_SECONDS": 0, "FETCH_SECONDS": 0}
pytestmark = pytest.mark.django_db(transaction=True)


def family(letter: str, first_id: int) -> str:
    """Return a document of which each name and id tells that it is *letter*'s."""
    goal = {"id": first_id, "identifier": "signup", "type": "CUSTOM_GOAL"}
    return text(
        *(
            only(f"{letter}{number}", key=f"test-{number}", id=first_id + number, goals=[goal])
            for number in range(CAMPAIGNS)
        )
    )


OLD, NEW = family("old", 1_000), family("new", 5_000)


def keep(content: str) -> SettingsDocument:
    return history.keep(Fetched(text=content, origin="vendor"))


class Deciding:
    """A client of the document in service; it has nothing that could ask a database."""

    def __init__(self, find: Callable[[], CampaignSet | None] = current.current) -> None:
        self.recorder = MemoryRecorder()
        self.client = Client(find, recorder=self.recorder, require_activation=False)

    def document(self) -> set[str]:
        """Return whose names and ids a visitor was given, by one call: of one document, if all."""
        self.recorder.events.clear()
        tracked = self.client.track(None, "Bob", "signup")
        assert tracked is not None
        assert len(tracked) == len(self.recorder.events) == CAMPAIGNS
        names = {event.variation_name[:3] for event in self.recorder.events}
        ids = {
            "old" if int(found) < 5_000 else "new"
            for event in self.recorder.events
            for found in (event.campaign_id, event.goal_id)
            if event.kind is Kind.CONVERSION
        }
        assert names == ids
        return names


def test_each_call_looks_at_one_document() -> None:
    documents = cycle(load(each, source="tests") for each in (OLD, NEW))
    deciding = Deciding(lambda: next(documents))

    assert [deciding.document() for _ in range(4)] == [{"old"}, {"new"}] * 2
    shown = [deciding.client.activate("test-3", "Bob") for _ in range(4)]
    assert shown == ["old3", "new3"] * 2
    why = [deciding.client.explain("test-3", "Bob").variation for _ in range(2)]
    assert [each and each.name for each in why] == ["old3", "new3"]


def test_no_decision_sees_half_of_a_document() -> None:
    rows = [keep(OLD), keep(NEW)]
    current.refresh()
    is_over = threading.Event()

    def decide_until_the_end() -> list[set[str]]:
        deciding, seen = Deciding(), []
        while not is_over.is_set():
            seen.append(deciding.document())
        return seen

    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(decide_until_the_end) for _ in range(THREADS)]
        try:
            for _ in range(20):
                for row in rows:
                    history.activate(row)
                    assert current.refresh()
        finally:
            is_over.set()
        seen = [each for answers in running for each in answers.result(SECONDS)]

    assert {frozenset(each) for each in seen} == {frozenset({"old"}), frozenset({"new"})}


@contextmanager
def refresh_that_waits(place: Any, patch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Have the next refresh stop at *place*: the vendor, or before a module parses a document."""
    held = Held()

    def answer(received: Received) -> Reply:
        if place is None:
            held.wait()
        return Reply(body=NEW.encode())

    def wait_and_read(fetched: Fetched, *pace: Pace) -> Any:
        held.wait()
        return reading.read(fetched, *pace)

    with Collector() as vendor, override_settings(VWO={**VWO, "COLLECTOR_URL": vendor.url}):
        vendor.rule = answer
        assert current.current()
        if place is not None:
            patch.setattr(place, "read", wait_and_read)
        yield held
        transport.forget_session()


class Held:
    """A refresh that is stuck until it may go on."""

    def __init__(self) -> None:
        self.is_stuck = threading.Event()
        self.may_go_on = threading.Event()

    def wait(self) -> None:
        self.is_stuck.set()
        assert self.may_go_on.wait(SECONDS)


def refresh() -> None:
    try:
        fetching.fetch_now()
    finally:
        connections.close_all()


def decide() -> tuple[list[set[str]], object]:
    """Return whose document some decisions saw, and the thread's connection to the database."""
    deciding = Deciding()
    return [deciding.document() for _ in range(50)], connection.connection


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(None, id="waiting for the vendor"),
        pytest.param(history, id="examining what was fetched"),
        pytest.param(pointer, id="loading what was kept"),
    ],
)
def test_decisions_neither_wait_nor_ask_while_a_refresh_is_stuck(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(OLD)
    with (
        refresh_that_waits(place, monkeypatch) as held,
        ThreadPoolExecutor(THREADS + 1) as pool,
    ):
        refreshing = pool.submit(refresh)
        try:
            assert held.is_stuck.wait(SECONDS)
            for answer in [pool.submit(decide) for _ in range(THREADS)]:
                seen, was_connected = answer.result(SECONDS)
                assert seen == [{"old"}] * 50
                assert was_connected is None, "A thread that decides has no use for the database."
            assert not refreshing.done()
        finally:
            held.may_go_on.set()
        refreshing.result(SECONDS)
        assert Deciding().document() == {"new"}
