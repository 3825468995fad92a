"""A worker with a backlog claims the next batch while the collector ponders the last one."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from django_vwo.models import Breaker, Event, EventStatus
from django_vwo.outbox import claim, drain
from django_vwo.outbox.drain import DrainReport, Route
from django_vwo.outbox.held import ISOLATE_AFTER
from django_vwo.transport import Answer, send
from tests.collector import Collector, Reply

from .samples import conversion, impressions, record, route, rows, statuses, visitors_of

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[[], Any]


def deliver(way: Route, **options: Any) -> DrainReport:
    return drain.drain(time.monotonic() + 60, route=way, chance=lambda: 0.0, **options)


def leased() -> list[int]:
    return [row.id for row in rows() if row.lease_token]


def looking(look: Look, before: Look = lambda: None) -> Callable[..., Answer]:
    """Return what sends, and calls *look* once the next batch is claimed."""

    def send_and_look(*args: Any, meanwhile: Look, **options: Any) -> Answer:
        def both() -> None:
            before()
            meanwhile()
            look()

        return send(*args, meanwhile=both, **options)

    return send_and_look


def test_the_next_batch_is_claimed_while_the_last_one_is_under_way(collector: Collector) -> None:
    record(*impressions(25))
    told: list[tuple[int, int]] = []

    def look() -> None:
        told.append((len(leased()), statuses().count(EventStatus.SENT)))

    report = deliver(route(collector, batch_size=10, send=looking(look)))

    assert told == [(20, 0), (15, 10), (5, 20)]
    assert (report.sent, report.requests) == (25, 3)
    assert len(collector.entries) == 25
    assert leased() == []


def test_of_several_requests_the_last_one_is_used_to_look_ahead(collector: Collector) -> None:
    record(*impressions(20))
    held: list[int] = []
    way = route(collector, batch_size=10, send=looking(lambda: held.append(len(leased()))))
    way = replace(way, sender=replace(way.sender, batches_events=False))

    assert deliver(way).sent == 20

    firsts, lasts = held[:10], held[10:]
    assert [count > 10 for count in firsts] == [False] * 9 + [True], "then both batches are held"
    assert lasts == sorted(lasts, reverse=True)


def test_behind_a_batch_that_is_not_whole_nothing_is_looked_for(collector: Collector) -> None:
    record(*impressions(9))
    told: list[int] = []
    look = looking(lambda: told.append(len(leased())), before=lambda: record(*impressions(10)))

    deliver(route(collector, batch_size=10, send=look), is_stopped=lambda: bool(told))

    assert told == [9]


def test_nothing_is_rendered_before_the_batch_before_it_is_marked(collector: Collector) -> None:
    record(*impressions(20))
    way = route(collector, batch_size=10)
    sent: list[int] = []

    class Dialect:
        PAYLOAD_VERSION = way.dialect.PAYLOAD_VERSION
        lone_key = staticmethod(way.dialect.lone_key)
        batch_key = staticmethod(way.dialect.batch_key)

        def render_batch(self, *args: Any) -> Any:
            sent.append(statuses().count(EventStatus.SENT))
            return way.dialect.render_batch(*args)

    assert deliver(route(collector, batch_size=10, dialect=Dialect())).sent == 20
    assert sent == [0, 10]


@pytest.mark.parametrize("status", [503, 403])
def test_in_an_outage_what_was_claimed_ahead_is_given_back(
    collector: Collector, status: int
) -> None:
    record(*impressions(20))
    collector.script(Reply(status=status))

    report = deliver(route(collector, batch_size=10))

    assert report.postponed == 10
    known = Counter((row.attempts, row.last_status) for row in rows())
    assert known == {(1, status): 10, (0, None): 10}
    assert leased() == []


def test_whoever_is_to_stop_claims_nothing_ahead(collector: Collector) -> None:
    record(*impressions(20))
    stop, held = threading.Event(), list[int]()
    look = looking(lambda: held.append(len(leased())), before=stop.set)

    deliver(route(collector, batch_size=10, send=look), is_stopped=stop.is_set)

    assert held == [10]


def test_whoever_stops_gives_back_what_was_claimed_ahead(collector: Collector) -> None:
    record(*impressions(30))
    way = route(collector, batch_size=10)

    report = deliver(way, is_stopped=lambda: len(collector.received) == 1)

    assert (report.sent, report.is_interrupted) == (10, True)
    assert Counter(row.attempts for row in rows()) == {1: 10, 0: 20}
    assert leased() == []


def test_what_cuts_a_request_short_gives_back_what_was_claimed_ahead(
    collector: Collector,
) -> None:
    record(*impressions(20))

    def cut() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        deliver(route(collector, batch_size=10, send=looking(cut)))

    assert Counter(row.attempts for row in rows()) == {1: 10, 0: 10}
    sent = [row.id for row in rows() if row.attempts]
    assert leased() == sent, "nobody knows if those arrived"


def test_a_breaker_that_another_worker_opened_holds_up_what_was_claimed_ahead(
    collector: Collector,
) -> None:
    record(*impressions(20))

    def fail_elsewhere() -> None:
        later = datetime(2100, 1, 1, tzinfo=UTC)
        Breaker.objects.create(account_id="123456", failures=1, open_until=later)

    report = deliver(route(collector, batch_size=10, send=looking(fail_elsewhere)))

    assert (report.sent, report.requests) == (10, 1)
    assert report.trouble
    assert Counter(row.attempts for row in rows()) == {1: 10, 0: 10}


def test_when_the_collector_is_to_be_tried_what_was_claimed_ahead_is_given_back(
    collector: Collector,
) -> None:
    record(*impressions(40))

    def fail_elsewhere() -> None:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        Breaker.objects.get_or_create(
            account_id="123456", defaults={"failures": 1, "open_until": past}
        )

    report = deliver(route(collector, batch_size=20, send=looking(fail_elsewhere)))

    sizes = [len(received.entries) for received in collector.received]
    assert (report.sent, sizes) == (40, [20, 1, 15, 4])
    assert {row.attempts for row in rows()} == {1}


def test_a_lease_that_is_about_to_end_is_given_back_and_had_anew(collector: Collector) -> None:
    record(*impressions(20))
    way = route(collector, batch_size=10)
    supply = drain.Supply(way, DrainReport(), lambda: True, lambda: 0.0)
    supply.next_delivery()
    supply.look_ahead()
    assert supply.ahead
    soon = time.monotonic() + way.timeouts.total / 2
    supply.ahead = ahead = replace(supply.ahead, ends=soon)

    delivery = supply.next_delivery()

    assert delivery
    assert delivery.batch.token != ahead.token
    assert [row.id for row in delivery.batch.rows] == [row.id for row in ahead.rows]
    assert {row.attempts for row in rows()} == {1}


def test_a_lease_too_short_for_two_requests_is_not_had_ahead(collector: Collector) -> None:
    record(*impressions(20))
    told: list[int] = []
    way = route(
        collector,
        batch_size=10,
        lease_seconds=1.9,
        send=looking(lambda: told.append(len(leased()))),
    )

    deliver(way)

    assert told == [10, 10]


def test_a_database_that_is_away_meanwhile_costs_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(*impressions(20))

    def no_database(*args: Any) -> None:
        raise OperationalError

    way = route(
        collector,
        batch_size=10,
        send=looking(
            lambda: monkeypatch.setattr(drain, "claim", claim.claim),
            before=lambda: monkeypatch.setattr(drain, "claim", no_database),
        ),
    )

    assert deliver(way).sent == 20
    assert len(collector.entries) == 20


def test_a_suspect_is_sent_alone_though_it_was_claimed_ahead(collector: Collector) -> None:
    record(*impressions(10))
    record(*impressions(1, "suspect"))
    record(*impressions(1, "late"))
    suspect = rows()[10]
    Event.objects.filter(pk=suspect.id).update(attempts=ISOLATE_AFTER, lease_token=uuid4())

    assert deliver(route(collector, batch_size=10)).sent == 12
    assert [len(received.entries) for received in collector.received] == [10, 1, 1]
    assert visitors_of(collector.received[1].entries) == [suspect.visitor]


def test_duplicates_that_are_found_ahead_count(collector: Collector) -> None:
    record(*[conversion("Bob") for _ in range(25)])

    report = deliver(route(collector, batch_size=10))

    assert (report.sent, report.duplicates) == (1, 24)
    assert statuses().count(EventStatus.DUPLICATE) == 24
