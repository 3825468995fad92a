"""What a statement of ours does to the caller's transaction, and what is made anew of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, OperationalError, connection, transaction

from django_vwo.transactions import execute, insist, select

pytestmark = pytest.mark.django_db(transaction=True)


class DriverError(Exception):
    """What a driver raises: Django's error has it as its cause."""


def failure(code: int | str, name: str | None = None) -> OperationalError:
    """Return the error that a database's *code* becomes, told by the attribute *name*, if any."""
    if name is None:
        return OperationalError(code, "told")
    error = OperationalError("told")
    error.__cause__ = DriverError()
    setattr(error.__cause__, name, code)
    return error


class Change:
    """A change that fails the first time."""

    def __init__(self, error: OperationalError) -> None:
        self.error = error
        self.attempts = 0

    def __call__(self) -> str:
        self.attempts += 1
        if self.attempts == 1:
            raise self.error
        return "made"


@pytest.mark.parametrize(
    "error",
    [failure(2006), failure("40001", "sqlstate"), failure("57014", "pgcode"), OperationalError()],
    ids=str,
)
def test_another_failure_is_not_met_with_insistence(error: OperationalError) -> None:
    change = Change(error)
    with pytest.raises(OperationalError):
        insist("default", change)
    assert change.attempts == 1


@pytest.mark.parametrize(
    "error", [failure(1213), failure("40P01", "sqlstate"), failure("40P01", "pgcode")]
)
def test_what_a_deadlock_undid_is_made_anew(error: OperationalError) -> None:
    assert insist("default", Change(error)) == "made"


def test_in_a_transaction_of_the_callers_nothing_is_made_anew() -> None:
    change = Change(failure(1213))
    with pytest.raises(OperationalError), transaction.atomic():
        insist("default", change)
    assert change.attempts == 1


def test_where_the_site_commits_by_hand_nothing_is_made_anew() -> None:
    change = Change(failure(1213))
    transaction.set_autocommit(False)
    try:
        with pytest.raises(OperationalError):
            insist("default", change)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert change.attempts == 1


@pytest.fixture(params=["as usual", "bound on the server"])
def bound(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have parameters bound in each way that there is: messages of several take but one."""
    if request.param != "as usual":
        if connection.vendor != "postgresql":
            pytest.skip("There is one way.")
        options = {**connection.settings_dict["OPTIONS"], "server_side_binding": True}
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
        connection.close()
    yield
    connection.close()


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize("run", [select, execute])
@pytest.mark.parametrize(
    ("sql", "parameters"),
    [("SELECT nothing FROM nowhere", []), ("SELECT %s, %s", ["too few"])],
    ids=["refused", "not sent"],
)
def test_a_statement_that_fails_costs_itself_alone(
    run: Any, sql: str, parameters: list[Any]
) -> None:
    with transaction.atomic():
        Group.objects.create(name="before")
        with pytest.raises(DatabaseError):
            run(connection, sql, parameters)
        Group.objects.create(name="after")
        assert list(select(connection, "SELECT 1", [])) == [(1,)]
        execute(connection, "UPDATE auth_group SET name = %s WHERE name = %s", ["last", "after"])
    assert set(Group.objects.values_list("name", flat=True)) == {"before", "last"}


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize("run", [select, execute])
def test_what_the_caller_spoilt_is_left_to_the_caller(run: Any) -> None:
    with transaction.atomic():
        Group.objects.create(name="before")
        savepoint = connection.savepoint()
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        with suppress(DatabaseError):
            run(connection, "SELECT 1", [])
        connection.savepoint_rollback(savepoint)
        Group.objects.create(name="after")
    assert Group.objects.count() == 2
    assert run(connection, "SELECT 1", []) in (None, [(1,)], ((1,),))
