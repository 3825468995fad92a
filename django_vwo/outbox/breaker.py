"""The circuit breaker: when an account's collector may be tried again, one row per account."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Least

from ..fields import DatabaseNow
from ..models import Breaker
from .outcome import Outcome, backoff_of

ERROR_LENGTH = 200
MOST_FAILURES = 1_000_000
IS_OVER = Q(open_until=None) | Q(open_until__lte=DatabaseNow())


class Permit(Enum):
    """How many events may be sent now."""

    ALL = "as many as there are"
    ONE = "one at a time, to try the collector"
    NONE = "none, until the collector had its rest"


def rows_of(account_id: str, alias: str) -> QuerySet[Breaker]:
    return Breaker.objects.using(alias).filter(account_id=account_id)


def permit(account_id: str, *, alias: str, hold_seconds: float) -> Permit:
    """
    Return how many events may be sent now.

    One worker at a time gets `Permit.ONE`: for *hold_seconds*, or until it tells how that went.
    """
    troubled = rows_of(account_id, alias).filter(failures__gt=0)
    is_open = ExpressionWrapper(Q(open_until__gt=DatabaseNow()), output_field=BooleanField())
    found = list(troubled.values_list(is_open, flat=True))
    if not found:
        return Permit.ALL
    if any(found):
        return Permit.NONE
    held = DatabaseNow() + timedelta(seconds=hold_seconds)
    return Permit.ONE if troubled.filter(IS_OVER).update(open_until=held) else Permit.NONE


def failed(
    account_id: str,
    outcome: Outcome,
    given: Permit,
    *,
    alias: str,
    chance: float,
    is_first: bool = False,
) -> float:
    """
    Keep workers away from the collector. Returns for how many seconds.

    Workers that fail together count once. *chance*, 0 to 1, spreads them. Of the first failure
    after a success, *is_first*, the count starts anew.
    """
    rows = rows_of(account_id, alias)
    failures = rows.values_list("failures", flat=True).first()
    if failures is None:
        rows.bulk_create([Breaker(account_id=account_id)], ignore_conflicts=True)
    seconds = backoff_of(outcome, 0 if is_first else failures or 0, chance)
    counted = rows if given is Permit.ONE else rows.filter(IS_OVER)
    counted.update(
        failures=1 if is_first else Least(F("failures") + 1, MOST_FAILURES),
        open_until=DatabaseNow() + timedelta(seconds=seconds),
        last_error=outcome.reason[:ERROR_LENGTH],
    )
    return seconds


def succeeded(account_id: str, *, alias: str) -> None:
    """Let everything through."""
    rows_of(account_id, alias).update(failures=0, open_until=None, last_error="")


def remember_success(account_id: str, *, alias: str) -> None:
    """Remember that events were delivered just now."""
    if not rows_of(account_id, alias).update(last_success_at=DatabaseNow()):
        row = Breaker(account_id=account_id, last_success_at=DatabaseNow())
        Breaker.objects.using(alias).bulk_create([row], ignore_conflicts=True)


def last_error(account_id: str, *, alias: str) -> str:
    """Return why the collector is left alone."""
    found = rows_of(account_id, alias).values_list("last_error", flat=True).first()
    return found or "the collector is being tried"


def give_back(account_id: str, *, alias: str) -> None:
    """Let another worker have `Permit.ONE`, as this one learned nothing."""
    rows_of(account_id, alias).filter(failures__gt=0).update(open_until=DatabaseNow())
