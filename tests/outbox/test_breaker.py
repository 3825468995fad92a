from datetime import timedelta

import pytest

from django_vwo.fields import DatabaseNow
from django_vwo.models import Breaker
from django_vwo.outbox import breaker
from django_vwo.outbox.breaker import Permit
from django_vwo.outbox.outcome import Meaning, Outcome

from .samples import ACCOUNT, in_threads

pytestmark = pytest.mark.django_db(transaction=True)

DOWN = Outcome(meaning=Meaning.WAIT, status=503, reason="HTTP 503: busy")


def permit() -> Permit:
    return breaker.permit(ACCOUNT, alias="default", hold_seconds=60)


def fail(given: Permit = Permit.ALL, outcome: Outcome = DOWN) -> float:
    return breaker.failed(ACCOUNT, outcome, given, alias="default", chance=1.0)


def reopen() -> None:
    Breaker.objects.update(open_until=DatabaseNow() - timedelta(seconds=1))


def test_everything_may_be_sent_at_first() -> None:
    assert permit() is Permit.ALL


def test_nothing_may_be_sent_after_a_failure() -> None:
    assert fail() == 2.0
    assert permit() is Permit.NONE
    assert breaker.last_error(ACCOUNT, alias="default") == "HTTP 503: busy"


def test_a_breaker_without_a_time_lets_one_try() -> None:
    Breaker.objects.create(account_id=ACCOUNT, failures=3, open_until=None)

    assert (permit(), permit()) == (Permit.ONE, Permit.NONE)


def test_a_failure_right_after_a_success_is_the_first() -> None:
    Breaker.objects.create(account_id=ACCOUNT, failures=9, open_until=DatabaseNow())
    told = {"alias": "default", "chance": 1.0}

    assert breaker.failed(ACCOUNT, DOWN, Permit.ONE, is_first=True, **told) == 2.0
    assert Breaker.objects.get().failures == 1


def test_other_accounts_are_not_concerned() -> None:
    fail()

    assert breaker.permit("999", alias="default", hold_seconds=60) is Permit.ALL


def test_one_worker_tries_when_the_rest_is_over() -> None:
    fail()
    reopen()

    permits = in_threads(permit, permit, permit)

    assert sorted(given.name for given in permits) == ["NONE", "NONE", "ONE"]


def test_a_trial_that_learned_nothing_is_given_back() -> None:
    fail()
    reopen()
    assert permit() is Permit.ONE
    breaker.give_back(ACCOUNT, alias="default")

    assert permit() is Permit.ONE


def test_a_trial_that_never_came_back_is_tried_anew() -> None:
    fail()
    reopen()
    assert permit() is Permit.ONE
    reopen()

    assert permit() is Permit.ONE


def test_success_lets_everything_through() -> None:
    fail()
    reopen()
    permit()
    breaker.succeeded(ACCOUNT, alias="default")

    assert permit() is Permit.ALL
    assert Breaker.objects.get().last_error == ""


def test_the_rest_grows_with_each_failed_trial() -> None:
    waits = [fail()]
    for _ in range(11):
        reopen()
        waits.append(fail(permit()))

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_workers_that_fail_together_count_once() -> None:
    in_threads(*[fail] * 4)

    assert Breaker.objects.get().failures == 1


def test_the_collector_may_ask_for_a_longer_rest() -> None:
    asks = Outcome(meaning=Meaning.WAIT, status=503, reason="x", retry_after_seconds=120.0)

    assert fail(outcome=asks) == 120.0
    far = Breaker.objects.filter(open_until__gt=DatabaseNow() + timedelta(seconds=110))
    assert far.exists()


def test_success_is_remembered() -> None:
    breaker.remember_success(ACCOUNT, alias="default")
    breaker.remember_success(ACCOUNT, alias="default")

    assert Breaker.objects.get().last_success_at is not None
    assert permit() is Permit.ALL


def test_success_elsewhere_does_not_end_the_rest() -> None:
    fail()
    breaker.remember_success(ACCOUNT, alias="default")

    assert permit() is Permit.NONE
