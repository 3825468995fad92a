"""What is made anew when a database undid it to end a deadlock."""

from __future__ import annotations

import pytest
from django.db import OperationalError, transaction

from django_vwo.transactions import insist

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
