"""`DatabaseStorage` in and around the caller's transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from django_vwo.client import Client
from django_vwo.models import Assignment, Event, LedgerEntry
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.base import NewAssignment
from django_vwo.storages.database import DatabaseStorage
from tests.documents import ab_test, document, only

from .conftest import visitor
from .test_contract import remember, remembered

pytestmark = pytest.mark.django_db(transaction=True)


class FailedError(Exception):
    """What the caller's code raises."""


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll the block back, as the caller's own failure would."""
    with suppress(FailedError), transaction.atomic():
        yield
        raise FailedError


@contextmanager
def failing_commit() -> Iterator[None]:
    """Commit the block; then another app's hook raises, before all hooks of the block."""

    def fail() -> None:
        raise FailedError

    with pytest.raises(FailedError), transaction.atomic():  # noqa: PT012
        transaction.on_commit(fail)
        yield


@pytest.fixture
def storage() -> DatabaseStorage:
    return DatabaseStorage()


@pytest.fixture
def vwo(storage: DatabaseStorage) -> Client:
    """Return a client that raises what it otherwise survives."""
    return client(raise_errors=True)


def client(**options: Any) -> Client:
    given = options.pop("given", document())
    return Client(given, storage=DatabaseStorage(), recorder=OutboxRecorder(), **options)


@pytest.fixture
def no_table() -> Iterator[None]:
    """Take the table of assignments away."""
    rename = "ALTER TABLE {} RENAME TO {}".format
    with connection.cursor() as cursor:
        cursor.execute(rename("django_vwo_assignment", "away"))
    yield
    with connection.cursor() as cursor:
        cursor.execute(rename("away", "django_vwo_assignment"))


@pytest.fixture
def no_autocommit() -> Iterator[None]:
    """Have the caller commit by hand."""
    transaction.set_autocommit(False)
    yield
    transaction.rollback()
    transaction.set_autocommit(True)


def rows() -> list[tuple[str, str]]:
    return list(Assignment.objects.values_list("assignment_key", "variation").order_by("id"))


def test_without_a_transaction_it_is_written_at_once(storage: DatabaseStorage) -> None:
    remember(storage, "one", "Control")
    assert rows() == [("one", "Control")]


def test_inside_a_transaction_it_is_written_after_the_commit(storage: DatabaseStorage) -> None:
    with transaction.atomic():
        remember(storage, "one", "Control")
        assert rows() == []
        assert remembered(storage) == {"one": "Control"}
    assert rows() == [("one", "Control")]


def test_a_rolled_back_transaction_leaves_nothing(storage: DatabaseStorage) -> None:
    with rolled_back():
        remember(storage, "one", "Control")
    assert remembered(storage) == {}
    assert rows() == []


def test_a_rolled_back_savepoint_takes_its_own_along(storage: DatabaseStorage) -> None:
    with transaction.atomic():
        remember(storage, "one", "Control")
        with rolled_back():
            remember(storage, "two", "Control")
            assert remembered(storage) == {"one": "Control", "two": "Control"}
        assert remembered(storage) == {"one": "Control"}
    assert rows() == [("one", "Control")]


def test_what_follows_a_rolled_back_savepoint_takes_its_place(storage: DatabaseStorage) -> None:
    with transaction.atomic():
        for key in ("one", "two", "three"):
            with rolled_back():
                remember(storage, key, "Control")
                assert remembered(storage) == {key: "Control"}
            transaction.on_commit(int)
            assert remembered(storage) == {}
        with transaction.atomic():
            remember(storage, "four", "Control")
        assert remembered(storage) == {"four": "Control"}
    assert rows() == [("four", "Control")]
    Assignment.objects.all().delete()
    with transaction.atomic():
        assert remembered(storage) == {}


class Watched(list[Any]):
    """Counts how many of its items are looked at."""

    looks = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.looks += 1
            yield item

    def __getitem__(self, index: Any) -> Any:
        self.looks += 1
        return super().__getitem__(index)


def test_a_long_transaction_costs_each_call_the_same(vwo: Client) -> None:
    watched = Watched()
    session = vwo.session("alice")
    with transaction.atomic():
        connection.run_on_commit = watched
        for number in range(50):
            vwo.activate("pricing-page", f"user-{number}")
            vwo.activate("pricing-page", "alice", session=session)
        assert watched.looks <= len(watched)
    assert len(rows()) == 51


def test_of_two_in_one_transaction_the_first_wins(storage: DatabaseStorage) -> None:
    with transaction.atomic():
        remember(storage, "one", "Control")
        assert remember(storage, "one", "Variation-1") == "Control"
    assert rows() == [("one", "Control")]


def test_whoever_committed_meanwhile_wins(storage: DatabaseStorage) -> None:
    with transaction.atomic():
        remember(storage, "one", "Variation-1")
        Assignment.objects.create(
            visitor=visitor().key, user_id="alice", assignment_key="one", variation="Control"
        )
    assert rows() == [("one", "Control")]


def test_who_is_forgotten_in_a_transaction_does_not_come_back(storage: DatabaseStorage) -> None:
    with transaction.atomic():
        remember(storage, "one", "Control")
        storage.forget(visitor())
        assert remembered(storage) == {}
        remember(storage, "two", "Control")
        assert remembered(storage) == {"two": "Control"}
    assert rows() == [("two", "Control")]


def test_forgetting_that_is_rolled_back_did_not_happen(storage: DatabaseStorage) -> None:
    remember(storage, "one", "Control")
    with transaction.atomic():
        remember(storage, "two", "Control")
        with rolled_back():
            storage.forget(visitor())
        assert remembered(storage) == {"one": "Control", "two": "Control"}
    assert rows() == [("one", "Control"), ("two", "Control")]


def test_another_apps_failing_hook_does_not_lose_ours(storage: DatabaseStorage) -> None:
    def fail() -> None:
        raise FailedError

    def commit() -> None:
        with transaction.atomic():
            remember(storage, "one", "Control")
            transaction.on_commit(fail)

    with pytest.raises(FailedError):
        commit()
    assert rows() == [("one", "Control")]


def test_after_a_hook_that_failed_before_ours_the_answer_is_the_same(vwo: Client) -> None:
    answers = []
    with failing_commit():
        answers.append(vwo.activate("pricing-page", "alice"))
    answers.append(vwo.activate("pricing-page", "alice"))
    assert answers[0] == answers[1] is not None
    assert len(rows()) == 1
    assert Event.objects.values("dedup_key").distinct().count() == 1, "the ledger lets one through"


def test_a_hook_that_cannot_write_is_logged_without_the_user_id(
    storage: DatabaseStorage, no_table: None, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction.atomic():
        Group.objects.create(name="order")
        with storage.writing() as writing:
            writing.add(visitor("secret-user"), NewAssignment("one", "Control"))
    assert Group.objects.filter(name="order").exists()
    assert "not remembered" in caplog.text
    assert "secret-user" not in caplog.text


def test_a_missing_table_leaves_the_callers_transaction_usable(
    storage: DatabaseStorage, no_table: None
) -> None:
    with transaction.atomic():
        Group.objects.create(name="first")
        for goal in (None, "signup"):
            with pytest.raises(DatabaseError):
                storage.read(visitor(), goal)
        with pytest.raises(DatabaseError):
            storage.forget(visitor())
        Group.objects.create(name="second")
    assert Group.objects.count() == 2


def test_a_client_without_its_table_answers_and_leaves_the_transaction_usable(
    no_table: None, caplog: pytest.LogCaptureFixture
) -> None:
    vwo = client()
    with transaction.atomic():
        Group.objects.create(name="first")
        assert vwo.activate("pricing-page", "secret-user") is None
        assert vwo.track(None, "secret-user", "signup") is None
        Group.objects.create(name="second")
    assert Group.objects.count() == 2
    assert "activate failed" in caplog.text
    assert "track failed" in caplog.text
    assert "secret-user" not in caplog.text


def test_where_the_caller_commits_by_hand_it_belongs_to_their_commit(
    storage: DatabaseStorage, no_autocommit: None
) -> None:
    remember(storage, "one", "Control")
    transaction.commit()
    Group.objects.create(name="order")
    remember(storage, "two", "Control")
    transaction.rollback()
    assert remembered(storage) == {"one": "Control"}
    with transaction.atomic():
        Group.objects.create(name="order")
        remember(storage, "three", "Control")
    transaction.commit()
    assert rows() == [("one", "Control"), ("three", "Control")]


def test_where_the_caller_commits_by_hand_a_missing_table_costs_nothing_else(
    storage: DatabaseStorage, no_table: None
) -> None:
    transaction.set_autocommit(False)
    try:
        Group.objects.create(name="first")
        with pytest.raises(DatabaseError):
            storage.read(visitor())
        with pytest.raises(DatabaseError):
            remember(storage, "one", "Control")
        Group.objects.create(name="second")
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert Group.objects.count() == 2


def test_names_that_are_too_long_are_refused_with_the_reason(
    storage: DatabaseStorage, caplog: pytest.LogCaptureFixture
) -> None:
    key = "k" * 300
    vwo = client(given=document(ab_test(key)))
    assert vwo.activate(key, "alice") in ("Control", "Variation-1")
    assert rows() == []
    assert Event.objects.count() == 0, "it would not count once"
    assert "has 300 characters; expected at most 255" in caplog.text


def test_the_longest_names_fit(vwo: Client) -> None:
    key, variation = "\N{GRINNING FACE}" * 255, "ü" * 255
    vwo = client(given=document(only(variation, key=key)), raise_errors=True)
    assert vwo.activate(key, "alice") == variation
    assert rows() == [(key, variation)]


def test_a_session_knows_what_it_was_told_without_asking_again(
    vwo: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = vwo.session("alice")
    first = vwo.activate("pricing-page", "alice", session=session)
    with django_assert_num_queries(0):
        assert vwo.activate("pricing-page", "alice", session=session) == first


@pytest.mark.parametrize("is_nested", [False, True], ids=["transaction", "savepoint"])
def test_a_session_forgets_an_activation_that_was_rolled_back(vwo: Client, is_nested: bool) -> None:
    session = vwo.session("alice")

    def fail_once() -> None:
        with rolled_back():
            vwo.activate("pricing-page", "alice", session=session)
        vwo.activate("pricing-page", "alice", session=session)

    if is_nested:
        with transaction.atomic():
            fail_once()
    else:
        fail_once()
    assert len(rows()) == 1
    assert Event.objects.count() == 1
    assert vwo.track("pricing-page", "alice", "signup", session=session)


def test_a_conversion_that_was_rolled_back_counts_when_it_is_tried_again(vwo: Client) -> None:
    session = vwo.session("alice")
    vwo.activate("pricing-page", "alice", session=session)
    results = []
    for attempt in range(3):
        try:
            with transaction.atomic():
                results.append(bool(vwo.track(None, "alice", "signup", session=session)))
                if attempt == 0:
                    raise FailedError
        except FailedError:
            continue
    assert results == [True, True, False]
    assert Event.objects.filter(goal_identifier="signup").count() == 1


def test_a_session_of_a_caller_who_commits_by_hand_is_never_ahead(
    vwo: Client, no_autocommit: None
) -> None:
    session = vwo.session("alice")
    vwo.activate("pricing-page", "alice", session=session)
    transaction.rollback()
    vwo.activate("pricing-page", "alice", session=session)
    transaction.commit()
    assert len(rows()) == 1
    assert Event.objects.count() == 1


def test_a_goal_is_known_from_the_ledger_when_its_event_is_pruned(vwo: Client) -> None:
    vwo.activate("pricing-page", "alice")
    vwo.track(None, "alice", "signup")
    event = Event.objects.get(goal_identifier="signup")
    LedgerEntry.objects.create(dedup_key=event.dedup_key, event_uuid=event.uuid)
    Event.objects.all().delete()
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": False}
    assert vwo.track("pricing-page", "alice", "checkout", revenue_value=5)


def test_a_cancelled_conversion_may_be_reached_again(vwo: Client) -> None:
    vwo.activate("pricing-page", "alice")
    vwo.track(None, "alice", "signup")
    Event.objects.update(status=4)
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": True}
