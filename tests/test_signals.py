"""Other code can follow what happens, and cannot change it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext

from django_vwo import signals
from django_vwo.client import Client, get_client
from django_vwo.engine.entities import Purpose, Reason
from django_vwo.engine.events import Kind
from django_vwo.models import Breaker, Event, EventStatus
from django_vwo.signals import EventBrief

from .collector import LOST_REPLY, Collector, Reply
from .conftest import Configure
from .documents import ab_test, document
from .outbox.samples import conversion, impression, impressions, record, rows, statuses
from .outbox.test_drain import deliver, end_the_rest, refuse_visitors
from .outbox.test_drain import route as way_to

pytestmark = pytest.mark.django_db(transaction=True)

Told = list[dict[str, Any]]
ALL = [
    signals.decided,
    signals.recorded,
    signals.attempted,
    signals.delivered,
    signals.dead,
]
SECRET = "bob@example.com"


@pytest.fixture(autouse=True)
def anew() -> None:
    """Log what another test has logged already."""
    signals.log_once.cache_clear()


@contextmanager
def receiving(signal: Signal, receiver: Callable[..., Any]) -> Iterator[None]:
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver)


@contextmanager
def listening(signal: Signal) -> Iterator[Told]:
    """Yield a list of what receivers of *signal* are told meanwhile."""
    told: Told = []

    def note(sender: object, signal: Signal, **arguments: Any) -> None:
        told.append(arguments)

    with receiving(signal, note):
        yield told


def briefs() -> tuple[EventBrief, ...]:
    """Return what is told of the events of the outbox."""
    return tuple(
        EventBrief(row.uuid, Kind(row.kind), row.campaign_key, row.goal_identifier)
        for row in rows()
    )


def by_uuid(brief: EventBrief) -> UUID:
    return brief.uuid


def test_decisions_are_told(site: Configure) -> None:
    with listening(signals.decided) as told:
        variation = get_client().activate("pricing-page", "alice")
        get_client().get_variation_name("pricing-page", "alice")
        get_client().track("pricing-page", "alice", "signup")
        get_client().explain("pricing-page", "alice")
        get_client().activate("no-such-campaign", "alice")

    plain = {"campaign_key": "pricing-page", "variation": variation}
    assert told == [
        {**plain, "reason": Reason.BUCKETED, "purpose": Purpose.ACTIVATE},
        {**plain, "reason": Reason.STORED, "purpose": Purpose.READ},
        {**plain, "reason": Reason.STORED, "purpose": Purpose.TRACK},
    ]


def test_that_a_visitor_gets_no_variation_is_told(site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test(percentTraffic=0)))
    with listening(signals.decided) as told:
        get_client().activate("pricing-page", "alice")

    assert [(each["variation"], each["reason"]) for each in told] == [
        (None, Reason.OUTSIDE_TRAFFIC)
    ]


def test_where_nobody_listens_no_argument_is_made() -> None:
    assert not any(signal.receivers for signal in ALL)

    signals.tell_decision("campaign", None, Reason.ERROR, Purpose.READ)
    signals.tell_events(signals.recorded, [object()])  # type: ignore[list-item]

    with listening(signals.recorded) as told:
        signals.tell_events(signals.recorded, [])
    assert told == []


def test_an_observer_that_fails_changes_no_answer() -> None:
    def fail(*decision: object) -> None:
        raise LookupError(SECRET)

    assert Client(document(), on_decided=fail).activate("pricing-page", "alice") is not None


def test_what_is_recorded_is_told_before_the_commit() -> None:
    with listening(signals.recorded) as told:
        with transaction.atomic():
            record(impression("Bob"), conversion("Bob"))
            assert told == [{"events": briefs()}]
            transaction.set_rollback(True)
        record(impression("Ann"))

    assert told[1:] == [{"events": briefs()}]


def test_what_is_delivered_is_told_once_it_is_marked(collector: Collector) -> None:
    record(*impressions(3))
    found: list[list[EventStatus]] = []

    def look(**arguments: Any) -> None:
        assert not connection.in_atomic_block
        found.append(statuses())

    with listening(signals.delivered) as told, receiving(signals.delivered, look):
        deliver(way_to(collector))
        record(impression("user-0"))
        deliver(way_to(collector))

    (events,) = (each["events"] for each in told)
    assert sorted(events, key=by_uuid) == sorted(briefs()[:3], key=by_uuid)
    assert found == [[EventStatus.SENT] * 3]
    assert statuses() == [EventStatus.SENT] * 3 + [EventStatus.DUPLICATE]


def test_what_is_given_up_is_told(collector: Collector) -> None:
    record(*impressions(2))
    collector.rule = refuse_visitors(rows()[1].visitor)
    Event.objects.update(rejections=2)

    with listening(signals.dead) as dead, listening(signals.delivered) as delivered:
        deliver(way_to(collector))

    assert statuses() == [EventStatus.SENT, EventStatus.DEAD]
    assert (delivered, dead) == ([{"events": briefs()[:1]}], [{"events": briefs()[1:]}])


def test_an_event_that_is_too_large_is_told_to_be_dead(collector: Collector) -> None:
    record(impression())
    collector.script(Reply(status=413))

    with listening(signals.dead) as told:
        deliver(way_to(collector))

    assert told == [{"events": briefs()}]


def test_an_event_that_killed_its_workers_is_told_to_be_dead(collector: Collector) -> None:
    record(impression())
    Event.objects.update(attempts=8, lease_token="0" * 32)

    with listening(signals.dead) as told, listening(signals.attempted) as attempted:
        deliver(way_to(collector))

    assert told == [{"events": briefs()}]
    assert attempted == []


def test_a_refusal_that_another_worker_took_over_kills_nothing(collector: Collector) -> None:
    record(impression())
    Event.objects.update(rejections=2)

    def take_over(received: Any) -> Reply:
        Event.objects.update(lease_token="0" * 32)
        connection.close()  # this thread's
        return Reply(status=400, body=b"{}")

    collector.rule = take_over
    with listening(signals.dead) as told:
        assert deliver(way_to(collector)).dead == 0

    assert told == []
    assert statuses() == [EventStatus.PENDING]


def test_each_batch_is_told_with_its_outcome(collector: Collector) -> None:
    record(*impressions(4))
    collector.script(Reply(status=503), Reply(), LOST_REPLY)

    with listening(signals.attempted) as told:
        deliver(way_to(collector))
        end_the_rest()
        deliver(way_to(collector, batch_size=1))

    facts = [(each["outcome"], each["events"], each["requests"], each["status"]) for each in told]
    assert facts == [
        ("postponed", 4, 1, 503),
        ("delivered", 1, 1, 200),
        ("postponed", 1, 1, 0),
    ]
    assert all(each["account_id"] == "123456" and each["seconds"] > 0 for each in told)
    assert [bool(each["trouble"]) for each in told] == [True, False, True]


def test_a_batch_with_a_refused_event_is_partly_delivered(collector: Collector) -> None:
    record(*impressions(3))
    collector.rule = refuse_visitors(rows()[1].visitor)

    with listening(signals.attempted) as told:
        deliver(way_to(collector))

    assert [each["outcome"] for each in told] == ["partly delivered"]


def test_a_batch_that_a_time_limit_ends_is_cut_short(collector: Collector) -> None:
    record(*impressions(3))

    def send(*args: Any, **options: Any) -> Any:
        raise TimeoutError

    with listening(signals.attempted) as told, pytest.raises(TimeoutError):
        deliver(way_to(collector, send=send))

    assert [(each["outcome"], each["status"]) for each in told] == [("cut short", None)]


def fail(**arguments: Any) -> None:
    raise LookupError(SECRET)


def spoil(**arguments: Any) -> None:
    """Leave the transaction unusable on PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")


def spoil_and_hide(**arguments: Any) -> None:
    with pytest.raises(DatabaseError):
        spoil()


def roll_back(**arguments: Any) -> None:
    """Leave the transaction as Django leaves it that must be rolled back."""
    with transaction.atomic(savepoint=False):
        raise LookupError(SECRET)


def roll_back_what_was_written(**arguments: Any) -> None:
    with transaction.atomic(savepoint=False):
        Group.objects.create(name="never")
        raise LookupError(SECRET)


async def fail_later(**arguments: Any) -> None:
    raise LookupError(SECRET)


BROKEN = [fail, spoil, spoil_and_hide, roll_back, roll_back_what_was_written, fail_later]


@pytest.mark.parametrize("receiver", BROKEN)
def test_a_broken_receiver_changes_nothing(
    site: Configure, collector: Collector, receiver: Callable[..., Any]
) -> None:
    """Row 43: neither the answer, nor the order, nor the delivery."""
    for signal in ALL:
        signal.connect(receiver)
    try:
        with transaction.atomic():
            Group.objects.create(name="before")
            assert get_client().activate("pricing-page", "alice")
            assert get_client().track("pricing-page", "alice", "signup")
            Group.objects.create(name="after")
        report = deliver(way_to(collector))
    finally:
        for signal in ALL:
            signal.disconnect(receiver)

    assert sorted(Group.objects.values_list("name", flat=True)) == ["after", "before"]
    assert (report.sent, report.trouble) == (2, "")
    assert statuses() == [EventStatus.SENT] * 2
    assert Breaker.objects.get().failures == 0


def test_a_receiver_that_breaks_does_not_silence_the_others() -> None:
    with receiving(signals.recorded, fail), listening(signals.recorded) as told:
        record(impression())

    assert told == [{"events": briefs()}]


@pytest.mark.parametrize("receiver", [fail, fail_later])
def test_a_failure_is_logged_once_and_tells_of_nobody(
    receiver: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(signals.recorded, receiver):
        for number in range(5):
            record(impression(f"user-{number}"))

    [told] = caplog.messages
    assert f"tests.test_signals.{receiver.__name__}" in told
    assert "LookupError" in told
    assert SECRET not in caplog.text


def test_what_a_receiver_writes_is_kept_with_the_transaction() -> None:
    def write(**arguments: Any) -> None:
        Group.objects.create(name="theirs")

    with receiving(signals.recorded, write), transaction.atomic():
        record(impression())

    assert Group.objects.filter(name="theirs").exists()


def test_a_receiver_that_asks_no_database_costs_no_query() -> None:
    def count() -> int:
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            record(impression())
        return len(queries)

    before = count()
    with listening(signals.recorded) as told:
        assert count() == before
    assert told


def test_no_signal_tells_a_user_id(site: Configure, collector: Collector) -> None:
    heard: list[str] = []

    def note(**arguments: Any) -> None:
        heard.append(repr(arguments))

    for signal in ALL:
        signal.connect(note)
    try:
        get_client().activate("pricing-page", SECRET)
        get_client().track("pricing-page", SECRET, "signup")
        collector.script(Reply(status=503))
        deliver(way_to(collector))
        end_the_rest()
        deliver(way_to(collector))
    finally:
        for signal in ALL:
            signal.disconnect(note)

    assert len(heard) > 6
    assert SECRET not in "".join(heard)
    assert "secret-sdk-key" not in "".join(heard)


def test_a_quiet_process_logs_nothing_of_signals(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "django_vwo")
    with listening(signals.recorded):
        record(impression())
    assert caplog.messages == []
