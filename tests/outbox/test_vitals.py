"""How an account's outbox is doing is told truly, by the database's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_vwo.models import Breaker, Event, EventStatus
from django_vwo.outbox.vitals import Vitals, told, vitals

from .samples import ACCOUNT, impression, impressions, record

pytestmark = pytest.mark.django_db(transaction=True)

WELL = Vitals(
    account_id=ACCOUNT,
    pending=0,
    oldest_seconds=0.0,
    late_seconds=0.0,
    failures=0,
    rest_seconds=0.0,
    last_error="",
    success_seconds=None,
)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_an_outbox_that_was_never_used_is_well() -> None:
    assert vitals(ACCOUNT) == WELL


def test_what_is_pending_is_counted_now_or_later() -> None:
    record(*impressions(5), impression("Ann", account_id="999"))
    first, second = Event.objects.order_by("id")[:2]
    Event.objects.filter(pk=first.pk).update(status=EventStatus.SENT, due_at=None)
    Event.objects.filter(pk=second.pk).update(due_at=ago(-3600))

    assert vitals(ACCOUNT).pending == 4
    assert vitals("999").pending == 1


def test_the_count_ends_one_above_the_most() -> None:
    record(*impressions(9))

    assert vitals(ACCOUNT, most_pending=5).pending == 6
    assert vitals(ACCOUNT, most_pending=9).pending == 9


def test_the_oldest_and_the_longest_due_are_told_apart() -> None:
    record(
        impression("young", occurred_at=ago(50)),
        impression("old", occurred_at=ago(5000)),
    )
    Event.objects.filter(user_id="young").update(due_at=ago(50))
    Event.objects.filter(user_id="old").update(due_at=ago(-600))
    found = vitals(ACCOUNT)

    assert 5000 <= found.oldest_seconds < 5060
    assert 49 <= found.late_seconds < 110


def test_what_is_leased_or_postponed_is_not_late() -> None:
    record(impression())
    Event.objects.update(due_at=ago(-60))

    assert vitals(ACCOUNT).late_seconds == 0


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_fresh_event_is_young_in_every_time_zone(settings: Any, use_tz: bool) -> None:
    settings.USE_TZ, settings.TIME_ZONE = use_tz, "America/New_York"
    record(impression(occurred_at=ago(0)))

    assert vitals(ACCOUNT).oldest_seconds < 60


def test_the_breaker_is_told() -> None:
    Breaker.objects.create(
        account_id=ACCOUNT,
        failures=3,
        open_until=timezone.now() + timedelta(seconds=300),
        last_error="HTTP 503",
        last_success_at=timezone.now() - timedelta(seconds=70),
    )
    found = vitals(ACCOUNT)

    assert (found.failures, found.last_error) == (3, "HTTP 503")
    assert 240 < found.rest_seconds <= 301
    assert found.success_seconds is not None
    assert 69 <= found.success_seconds < 130

    Breaker.objects.update(open_until=timezone.now() - timedelta(seconds=5))
    assert vitals(ACCOUNT).rest_seconds == 0


def sentences(**changes: Any) -> str:
    facts = {name: getattr(WELL, name) for name in Vitals.__slots__}
    return " ".join(told(Vitals(**{**facts, **changes}), most_pending=2000))


def test_the_sentences_have_units() -> None:
    assert sentences() == "0 pending. The collector takes events. The last success: never."
    assert sentences(pending=1234, oldest_seconds=5400.4, late_seconds=75.0).startswith(
        "1,234 pending; the oldest occurred 5,400 seconds ago, and events have been due for 75 "
        "seconds."
    )
    assert sentences(pending=2001, oldest_seconds=60.0).startswith(
        "more than 2,000 pending; the oldest occurred 60 seconds ago, and none is late."
    )
    assert "The last success: 90 seconds ago." in sentences(success_seconds=90.0)


def test_the_sentences_tell_of_the_breaker() -> None:
    assert (
        "The collector is left alone for another 12 seconds, after 3 failures in a row: HTTP 503."
    ) in sentences(failures=3, rest_seconds=12.0, last_error="HTTP 503")
    assert (
        "The collector is about to be tried again, after 1 failure: no reason is known."
    ) in sentences(failures=1)
