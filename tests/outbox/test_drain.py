import json
import logging
import math
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from django_vwo.models import Breaker, Event, EventStatus
from django_vwo.outbox.drain import DrainReport, Route, drain
from django_vwo.outbox.parts import TRIALS
from tests.collector import HANG, HTML, LOST_REPLY, Collector, Received, Reply

from .samples import (
    SDK_KEY,
    conversion,
    impression,
    impressions,
    in_threads,
    make_due,
    push,
    record,
    route,
    rows,
    statuses,
    visitors_of,
)

pytestmark = pytest.mark.django_db(transaction=True)

OUTAGES = [
    pytest.param(Reply(status=503), id="503"),
    pytest.param(Reply(status=500, body=b"<html>oops</html>"), id="500 with a page"),
    pytest.param(Reply(status=429), id="429"),
    pytest.param(Reply(status=408), id="408"),
    pytest.param(HANG, id="hangs"),
    pytest.param(Reply(drip_seconds=0.1), id="drips"),
    pytest.param(Reply(is_cut=True), id="cuts the connection"),
    pytest.param(Reply(headers={"Content-Length": "9999"}), id="is reset amid the body"),
    pytest.param(HTML, id="HTML page"),
    pytest.param(Reply(status=302, headers={"Location": "/login"}), id="redirects"),
    pytest.param(Reply(status=401), id="401"),
    pytest.param(Reply(status=403), id="403"),
    pytest.param(Reply(status=404), id="404"),
    pytest.param(Reply(status=407), id="407"),
]


def deliver(way: Route, seconds: float = 60.0, **options: Any) -> DrainReport:
    return drain(time.monotonic() + seconds, route=way, chance=lambda: 0.0, **options)


def end_the_rest() -> None:
    make_due()
    Breaker.objects.update(open_until=datetime(2020, 1, 1, tzinfo=UTC))


def wait(*, hours: int) -> None:
    """Let *hours* pass, for events and for the breaker."""
    past = timedelta(hours=hours)
    Event.objects.filter(due_at__isnull=False).update(due_at=F("due_at") - past)
    Breaker.objects.filter(open_until__isnull=False).update(open_until=F("open_until") - past)


def refuse_visitors(*visitors: str, status: int = 400) -> Any:
    """Return a collector's rule: requests with one of *visitors* are answered with *status*."""

    def rule(received: Received) -> Reply:
        is_refused = not set(visitors).isdisjoint(visitors_of(received.entries))
        return Reply(status=status, body=b"{}") if is_refused else Reply()

    return rule


def test_everything_that_is_due_arrives(collector: Collector) -> None:
    events = [*impressions(25), conversion("Bob"), push("Ann")]
    record(*events)

    report = deliver(route(collector, batch_size=10))

    assert (report.sent, report.requests, report.trouble) == (27, 3, "")
    assert statuses() == [EventStatus.SENT] * 27
    expected = [event.visitor for event in events] + [events[-1].visitor]
    assert sorted(visitors_of(collector.entries)) == sorted(expected)
    assert Breaker.objects.get().last_success_at is not None


def test_nothing_due_is_nothing_sent(collector: Collector) -> None:
    assert deliver(route(collector)) == DrainReport()
    assert collector.received == []


def test_a_drain_ends_in_time_and_says_so(collector: Collector) -> None:
    record(*impressions(4))
    way = route(collector, batch_size=1)

    assert deliver(way, seconds=-1.0) == DrainReport(is_interrupted=True)
    stopped = deliver(way, is_stopped=lambda: len(collector.received) >= 2)
    assert (stopped.sent, stopped.is_interrupted) == (2, True)
    assert deliver(way).sent == 2


def test_progress_is_told(collector: Collector) -> None:
    record(*impressions(4), impression("user-0"))
    told: list[int] = []

    deliver(route(collector, batch_size=2), on_progress=lambda report: told.append(report.settled))

    assert told[-1] == 5
    assert told == sorted(told)


@pytest.mark.parametrize("reply", OUTAGES)
def test_an_outage_delays_and_loses_nothing(collector: Collector, reply: Reply) -> None:
    record(*impressions(5))
    collector.script(reply)

    report = deliver(route(collector))

    assert report.sent == 0
    assert report.postponed == 5
    assert report.trouble
    assert len(collector.received) == 1
    assert statuses() == [EventStatus.PENDING] * 5
    assert all(row.lease_token is None and row.due_at and row.last_error for row in rows())

    assert deliver(route(collector)).trouble == report.trouble
    assert len(collector.received) == 1

    end_the_rest()
    assert deliver(route(collector)).sent == 5
    assert [len(received.entries) for received in collector.received[1:]] == [1, 4]
    assert statuses() == [EventStatus.SENT] * 5


def test_a_collector_that_is_not_there_delays(collector: Collector) -> None:
    record(impression())
    with Collector() as gone:
        pass

    report = deliver(route(gone))

    assert "127.0.0.1: " in report.trouble
    assert "refused" in report.trouble
    assert rows()[0].last_status == 0


def test_ten_thousand_failures_kill_no_event(collector: Collector) -> None:
    record(impression())
    Event.objects.update(attempts=10_000, last_status=503)
    Breaker.objects.create(
        account_id="123456", failures=10_000, open_until=datetime(2020, 1, 1, tzinfo=UTC)
    )
    collector.script(Reply(status=503))

    deliver(route(collector))

    assert statuses() == [EventStatus.PENDING]


def test_retry_after_is_honoured(collector: Collector) -> None:
    record(impression())
    collector.script(Reply(status=503, headers={"Retry-After": "600"}))

    deliver(route(collector))

    due_at, open_until = rows()[0].due_at, Breaker.objects.get().open_until
    assert due_at is not None
    assert open_until is not None
    assert 590 < (due_at - datetime.now(UTC)).total_seconds() <= 600
    assert abs((due_at - open_until).total_seconds()) < 5


def test_a_failed_trial_costs_one_request(collector: Collector) -> None:
    record(*impressions(10))
    collector.script(Reply(status=503), Reply(status=503))
    deliver(route(collector))
    end_the_rest()

    deliver(route(collector))

    assert [len(received.entries) for received in collector.received] == [10, 1]
    assert Breaker.objects.get().failures == 2


def test_a_trial_with_nothing_due_changes_nothing(collector: Collector) -> None:
    record(impression())
    collector.script(Reply(status=503))
    deliver(route(collector))
    Breaker.objects.update(open_until=datetime(2020, 1, 1, tzinfo=UTC))

    assert deliver(route(collector)) == DrainReport()
    make_due()
    assert deliver(route(collector)).sent == 1


def test_one_refused_event_dies_and_its_neighbours_arrive(collector: Collector) -> None:
    record(*impressions(100))
    culprit = rows()[37]
    collector.rule = refuse_visitors(culprit.visitor)

    report = deliver(route(collector))

    assert (report.sent, report.dead, report.postponed, report.trouble) == (99, 0, 1, "")
    assert report.requests <= math.log2(100) + 4
    for _ in range(2):
        end_the_rest()
        deliver(route(collector))
    dead = rows(status=EventStatus.DEAD)
    assert [row.id for row in dead] == [culprit.id]
    assert (dead[0].rejections, dead[0].last_status) == (3, 400)
    assert "HTTP 400" in dead[0].last_error
    assert len(collector.entries) == 99


def test_an_account_that_is_refused_throughout_kills_no_event(collector: Collector) -> None:
    record(*impressions(100))
    collector.rule = lambda received: Reply(status=400, body=b"{}")

    report = deliver(route(collector))

    assert "nothing was accepted" in report.trouble
    assert report.requests <= math.log2(100) + 2 + TRIALS
    for _ in range(5):
        end_the_rest()
        assert deliver(route(collector)).requests == TRIALS
    assert statuses() == [EventStatus.PENDING] * 100
    assert all(row.rejections == 0 for row in rows())


def test_an_account_that_refuses_is_tried_again_soon(collector: Collector) -> None:
    record(*impressions(3))
    collector.rule = lambda received: Reply(status=400, body=b"{}")
    for _ in range(12):
        deliver(route(collector))
        end_the_rest()
    deliver(route(collector))

    open_until = Breaker.objects.get().open_until
    assert open_until is not None
    assert 20 < (open_until - datetime.now(UTC)).total_seconds() <= 30

    collector.rule = lambda received: Reply()
    end_the_rest()
    assert deliver(route(collector)).sent == 3


@pytest.mark.parametrize("bad", [range(20), range(80, 100), range(0, 100, 2)])
def test_a_run_of_refused_events_holds_up_no_other(collector: Collector, bad: range) -> None:
    record(*impressions(100))
    culprits = [rows()[number] for number in bad]
    collector.rule = refuse_visitors(*(row.visitor for row in culprits))

    report = deliver(route(collector))

    assert (report.sent, report.trouble) == (100 - len(bad), "")
    assert {row.rejections for row in rows(status=EventStatus.PENDING)} == {1}


def test_refused_events_at_the_head_do_not_block_those_behind(collector: Collector) -> None:
    record(*impressions(60))
    culprits = {row.id for row in rows()[:40]}
    collector.rule = refuse_visitors(*(row.visitor for row in rows(id__in=culprits)))
    way = route(collector, batch_size=20)

    for _ in range(5):
        deliver(way)
        wait(hours=1)
    sent = {row.id for row in rows(status=EventStatus.SENT)}
    assert sent == {row.id for row in rows() if row.id not in culprits}

    for number in range(20):
        record(impression(f"another-{number}"))
        wait(hours=1)
        deliver(way)
    assert {row.id for row in rows(status=EventStatus.DEAD)} == culprits
    assert not rows(status=EventStatus.PENDING)


def test_where_no_thread_can_start_the_events_wait(collector: Collector) -> None:
    record(*impressions(3))
    before = threading.stack_size(2**47)
    try:
        report = deliver(route(collector))
    finally:
        threading.stack_size(before)

    assert report.trouble == "127.0.0.1: no thread can be started"
    assert [(row.lease_token, row.last_status) for row in rows()] == [(None, 0)] * 3


def test_what_is_too_large_is_halved_at_once(collector: Collector) -> None:
    record(*impressions(64))

    def rule(received: Received) -> Reply:
        return Reply(status=413) if len(received.body) > 4_000 else Reply()

    collector.rule = rule
    report = deliver(route(collector))

    assert (report.sent, report.trouble) == (64, "")
    assert len(collector.entries) == 64


def test_an_event_too_large_by_itself_dies_with_the_reason(collector: Collector) -> None:
    record(impression("small"), conversion("large"), impression("other"))
    collector.rule = refuse_visitors(rows()[1].visitor, status=413)

    report = deliver(route(collector))

    assert (report.sent, report.dead) == (2, 1)
    assert statuses() == [EventStatus.SENT, EventStatus.DEAD, EventStatus.SENT]
    assert "too large" in rows()[1].last_error


def test_a_request_stays_within_its_bytes(collector: Collector) -> None:
    record(*impressions(50))

    deliver(route(collector, batch_bytes=2_000))

    assert len(collector.entries) == 50
    assert max(len(received.body) for received in collector.received) <= 2_000


def test_an_event_that_cannot_be_rendered_costs_itself_alone(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    record(*impressions(9))
    Event.objects.filter(pk=rows()[4].id).update(extra=["no", "event"])

    report = deliver(route(collector))

    assert (report.sent, report.postponed, report.trouble) == (8, 1, "")
    assert "Not renderable" in rows()[4].last_error
    assert "cannot be rendered" in caplog.text


def test_a_lost_reply_sends_again_the_same(collector: Collector) -> None:
    record(impression())
    collector.script(LOST_REPLY)
    deliver(route(collector))
    end_the_rest()
    deliver(route(collector))

    first, second = collector.received
    assert first.body == second.body
    assert json.loads(first.body)["ev"][0]["sId"] == 1772368215
    assert statuses() == [EventStatus.SENT]


def test_workers_at_once_deliver_each_event_once(collector: Collector) -> None:
    events = impressions(120)
    record(*events)
    way = route(collector, batch_size=9)

    reports = in_threads(*[lambda: deliver(way)] * 3)

    assert sum(report.sent for report in reports) == 120
    assert sorted(visitors_of(collector.entries)) == sorted(event.visitor for event in events)


def test_a_worker_that_slept_through_its_lease_does_not_send(collector: Collector) -> None:
    record(impression())
    way = route(collector, lease_seconds=0.0)

    report = deliver(way, seconds=0.2)

    assert report.requests == 0
    assert statuses() == [EventStatus.PENDING]


KILLS = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    "mysql": ("SELECT connection_id()", "KILL {}"),
}


@pytest.mark.skipif(connection.vendor not in KILLS, reason="SQLite has no connection to lose")
def test_a_drain_gets_over_a_lost_database_connection(collector: Collector) -> None:
    record(*impressions(30))
    ask, kill = KILLS[connection.vendor]

    def lose_connection(report: DrainReport) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ask)
            [number] = cursor.fetchone()

        def work() -> None:
            with connection.cursor() as cursor:
                cursor.execute(kill.format(number))

        in_threads(work)

    report = deliver(route(collector, batch_size=10), on_progress=lose_connection)

    assert report.sent == 30
    assert len(collector.entries) == 30


class TimeLimitError(Exception):
    """Stands for what Celery raises amid a task."""


def test_a_time_limit_before_the_request_releases_the_events(collector: Collector) -> None:
    record(*impressions(3))

    class Dialect:
        PAYLOAD_VERSION = 1

        def lone_key(self, *args: Any) -> None:
            """Let all events travel together."""

        batch_key = lone_key

        def render_batch(self, *args: Any) -> None:
            raise TimeLimitError

    with pytest.raises(TimeLimitError):
        deliver(route(collector, dialect=Dialect()))

    assert [(row.lease_token, row.attempts) for row in rows()] == [(None, 0)] * 3
    assert deliver(route(collector)).sent == 3


def test_a_time_limit_amid_the_request_keeps_the_lease(collector: Collector) -> None:
    record(*impressions(3))

    def send(*args: Any, **options: Any) -> Any:
        raise TimeLimitError

    with pytest.raises(TimeLimitError):
        deliver(route(collector, send=send))

    assert all(row.lease_token is not None and row.attempts == 1 for row in rows())
    assert deliver(route(collector)).sent == 0
    make_due()
    assert deliver(route(collector)).sent == 3


def test_no_secret_and_no_user_id_is_logged_stored_or_sent(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    record(*(impression(f"bob-{number}@example.com") for number in range(8)))
    collector.script(Reply(status=503), Reply(status=400), Reply(status=403), HANG)
    for _ in range(5):
        deliver(route(collector))
        end_the_rest()
    errors = " ".join(row.last_error for row in rows()) + Breaker.objects.get().last_error

    assert statuses() == [EventStatus.SENT] * 8
    assert SDK_KEY not in caplog.text
    assert SDK_KEY not in errors
    assert "@example.com" not in caplog.text
    assert not any(b"@example.com" in received.body for received in collector.received)


def test_two_drains_of_other_accounts_do_not_mix(collector: Collector) -> None:
    record(impression(), impression("Ann", account_id="999"))

    assert deliver(route(collector)).sent == 1
    assert statuses() == [EventStatus.SENT, EventStatus.PENDING]
