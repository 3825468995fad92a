"""Requests of one visitor that come at the same time agree."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from django_vwo.client import Client
from django_vwo.models import Assignment, Event
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.database import DatabaseStorage
from tests.documents import ab_test, document, only

from .conftest import visitor
from .test_contract import remember

pytestmark = pytest.mark.django_db(transaction=True)

RACES = 60
NAMES = ("A", "B", "C")

Race = Callable[[Callable[[Client], Any]], list[Any]]


def client(favourite: str) -> Client:
    """Return a client that gives a new visitor *favourite*, and knows all of `NAMES`."""
    variations = [
        {"id": number, "name": name, "weight": 100 * (name == favourite)}
        for number, name in enumerate(NAMES, 1)
    ]
    return Client(
        document(ab_test(variations=variations)),
        storage=DatabaseStorage(),
        recorder=OutboxRecorder(),
        raise_errors=True,
    )


@pytest.fixture
def race() -> Iterator[Race]:
    """Return a function that calls a function at once for clients that would not agree."""
    barrier = threading.Barrier(len(NAMES), timeout=30)
    clients = [client(name) for name in NAMES]

    def run(function: Callable[[Client], Any], each: Client) -> Any:
        connection.ensure_connection()
        barrier.wait()
        return function(each)

    with ThreadPoolExecutor(len(NAMES)) as pool:

        def start(function: Callable[[Client], Any]) -> list[Any]:
            return list(pool.map(run, [function] * len(NAMES), clients))

        yield start
        start(lambda each: connection.close())


def test_first_requests_of_one_visitor_get_one_answer(race: Race) -> None:
    winners = set()
    for number in range(RACES):
        user_id = f"user-{number}"
        answers = race(lambda each, user_id=user_id: each.activate("pricing-page", user_id))
        row = Assignment.objects.get(visitor=visitor(user_id).key)
        assert answers == [row.variation] * 3
        impression = Event.objects.get(visitor=visitor(user_id).key)
        assert impression.variation_name == row.variation
        winners.add(row.variation)
    assert len(winners) > 1, "nobody raced"


def test_first_requests_that_agree_send_one_impression(race: Race) -> None:
    same = client("A")
    for number in range(RACES):
        user_id = f"user-{number}"
        assert race(lambda each, user_id=user_id: same.activate("pricing-page", user_id))
        impressions = Event.objects.filter(visitor=visitor(user_id).key)
        keys = set(impressions.values_list("dedup_key", flat=True))
        assert len(keys) == 1, "the ledger lets one of them through"
        assert None not in keys
    assert Assignment.objects.count() == RACES


def test_first_requests_of_a_visitor_who_was_forgotten_agree(race: Race) -> None:
    """What is deleted leaves marks in MariaDB's indexes, over which insertions may deadlock."""
    same, storage = client("A"), DatabaseStorage()
    for number in range(RACES):
        user_id = f"user-{number}"
        remember(storage, "pricing-page", "A", of=visitor(user_id))
        storage.forget(visitor(user_id))
        answers = race(lambda each, user_id=user_id: same.activate("pricing-page", user_id))
        assert answers == ["A"] * 3
    assert Assignment.objects.count() == RACES


def test_first_requests_inside_transactions_agree_and_leave_one_row(race: Race) -> None:
    same = client("B")

    def activate(user_id: str) -> str | None:
        with transaction.atomic():
            return same.activate("pricing-page", user_id)

    for number in range(RACES):
        user_id = f"user-{number}"
        assert race(lambda each, user_id=user_id: activate(user_id)) == ["B"] * 3
    assert Assignment.objects.count() == RACES


def test_replacements_of_one_assignment_agree(race: Race) -> None:
    storage = DatabaseStorage()
    for number in range(RACES):
        user_id = f"user-{number}"
        remember(storage, "pricing-page", "Gone", of=visitor(user_id))
        answers = race(lambda each, user_id=user_id: each.activate("pricing-page", user_id))
        row = Assignment.objects.get(visitor=visitor(user_id).key)
        assert answers == [row.variation] * 3
        assert Event.objects.get(visitor=visitor(user_id).key).variation_name == row.variation


def test_no_row_is_locked_while_the_callers_transaction_lasts() -> None:
    """A visitor's second request does not wait for the first, which is slow."""
    has_activated, may_end = threading.Event(), threading.Event()

    def slow() -> str | None:
        try:
            with transaction.atomic():
                answer = client("A").activate("pricing-page", "alice")
                has_activated.set()
                assert may_end.wait(30)
            return answer
        finally:
            connection.close()

    def quick() -> str | None:
        try:
            return client("A").activate("pricing-page", "alice")
        finally:
            connection.close()

    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks the whole database for whoever writes")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow)
        assert has_activated.wait(30)
        try:
            assert pool.submit(quick).result(timeout=5) == "A"
        finally:
            may_end.set()
        assert first.result(timeout=30) == "A"


def test_opposite_orders_do_not_lock_each_other_out(race: Race) -> None:
    given = document(only("A", key="one", id=1), only("A", key="two", id=2))
    vwo = Client(given, storage=DatabaseStorage(), recorder=OutboxRecorder(), raise_errors=True)
    turns = itertools.count()

    def activate(user_id: str) -> list[str | None]:
        keys = ["one", "two"] if next(turns) % 2 else ["two", "one"]
        with transaction.atomic():
            return [vwo.activate(key, user_id) for key in keys]

    for number in range(RACES):
        user_id = f"user-{number}"
        assert race(lambda each, user_id=user_id: activate(user_id)) == [["A", "A"]] * 3
    assert Assignment.objects.count() == 2 * RACES


def test_a_transaction_that_a_deadlock_undid_is_made_anew() -> None:
    """Two writers who lock two rows in opposite order: the database undoes one of them."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    storage, keys = DatabaseStorage(), ("one", "two")
    for key in keys:
        remember(storage, key, "A", of=visitor("alice"))
    both_hold_one, one_is_through = threading.Barrier(2, timeout=30), threading.Event()
    undone: list[OperationalError] = []

    def rename(order: Sequence[str]) -> None:
        rows = Assignment.objects.filter(visitor=visitor("alice").key)
        is_first_try = not undone
        if not is_first_try:  # or they lock each other anew
            assert one_is_through.wait(30)
        try:
            with transaction.atomic():
                rows.filter(assignment_key=order[0]).update(variation="B")
                if is_first_try:
                    both_hold_one.wait()
                rows.filter(assignment_key=order[1]).update(variation="B")
        except OperationalError as error:
            undone.append(error)
            raise

    def write(order: Sequence[str]) -> None:
        try:
            storage.insist(lambda: rename(order))
            one_is_through.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [keys, keys[::-1]]))
    assert len(undone) == 1
    assert set(Assignment.objects.values_list("variation", flat=True)) == {"B"}
