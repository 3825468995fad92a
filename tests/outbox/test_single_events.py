"""Events that travel by requests of their own, from the outbox to a real collector."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F

from django_vwo.client import get_client
from django_vwo.engine.events import Event, Kind
from django_vwo.models import Breaker, EventStatus
from django_vwo.models import Event as EventRow
from django_vwo.outbox.delivery import Route
from django_vwo.outbox.drain import DrainReport, drain
from django_vwo.outbox.parts import TRIALS
from django_vwo.outbox.site import drain_site
from django_vwo.transport import Answer, send
from tests.collector import LOST_REPLY, Collector, Received, Reply
from tests.conftest import Configure
from tests.documents import ab_test, document

from .processes import environment, kill_group, running, wait_until
from .samples import (
    SDK_KEY,
    SENDER,
    conversion,
    impression,
    impressions,
    make_due,
    push,
    record,
    route,
    rows,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)

SINGLY = {"batches_events": False}
EVENT_ARCH = {"has_event_properties": True}
ARCH_SINGLY = {**SINGLY, **EVENT_ARCH}
BAD = Reply(status=400, body=b"{}")


def way(collector: Collector, sender: dict[str, bool], **changes: Any) -> Route:
    return route(collector, sender=replace(SENDER, base_url=collector.url, **sender), **changes)


def deliver(collector: Collector, sender: dict[str, bool], **changes: Any) -> DrainReport:
    return drain(time.monotonic() + 60, route=way(collector, sender, **changes))


def end_the_rest() -> None:
    make_due()
    Breaker.objects.update(open_until=datetime(2020, 1, 1, tzinfo=UTC))


def let_an_hour_pass() -> None:
    """Let everything be due in the order in which it will be."""
    past = timedelta(hours=1)
    EventRow.objects.filter(due_at__isnull=False).update(due_at=F("due_at") - past)
    Breaker.objects.filter(open_until__isnull=False).update(open_until=F("open_until") - past)


def endpoints(received: list[Received]) -> Counter[str]:
    return Counter(each.path.rpartition("/")[2] for each in received)


def messages(received: list[Received]) -> list[dict[str, Any]]:
    """Return what stands in each body that went to ``/events/t``."""
    return [json.loads(each.body)["d"] for each in received]


def metric(received: Received) -> dict[str, Any]:
    [message] = messages([received])
    return dict(message["event"]["props"]["vwoMeta"]["metric"])


def visitor_of(received: Received) -> str:
    return received.query["u"] if "u" in received.query else messages([received])[0]["visId"]


def refuse(*visitors: str, status: int = 400) -> Any:
    """Return a collector's rule: what comes of *visitors* is answered with *status*."""

    def rule(received: Received) -> Reply:
        is_refused = visitor_of(received) in visitors
        return Reply(status=status, body=b"{}") if is_refused else Reply()

    return rule


def of_one_call(user_id: str = "Bob", **changes: Any) -> list[Event]:
    """Return the conversions of one call in three campaigns."""
    return [
        conversion(
            user_id,
            campaign_id=str(number),
            campaign_key=f"campaign-{number}",
            goal_id=str(100 + number),
            unique_key=None,
            **changes,
        )
        for number in (11, 12, 13)
    ]


# --- What goes alone -------------------------------------------------------------------------


def test_each_event_of_a_classic_account_goes_by_itself(collector: Collector) -> None:
    events = [*impressions(4), conversion("Ann"), *of_one_call("Zoë")]
    record(*events)

    report = deliver(collector, SINGLY)

    assert (report.sent, report.requests, report.trouble) == (8, 8, "")
    assert endpoints(collector.accepted) == {"track-user": 4, "track-goal": 4}
    assert sorted(map(visitor_of, collector.accepted)) == sorted(each.visitor for each in events)
    assert all(each.method == "GET" and not each.body for each in collector.received)
    assert {row.last_status for row in rows()} == {200}


def test_a_push_of_three_dimensions_is_three_requests(collector: Collector) -> None:
    record(push(properties={"plan": "gold", "seats": 5, "é": True}))

    report = deliver(collector, SINGLY)

    assert (report.sent, report.requests) == (1, 3)
    tags = [json.loads(each.query["tags"])["u"] for each in collector.accepted]
    assert sorted(tags, key=str) == [{"plan": "gold"}, {"seats": 5}, {"é": True}]


def test_the_conversions_of_one_call_are_one_request(collector: Collector) -> None:
    record(*of_one_call(), impression("Ann"), push("Ann"))

    report = deliver(collector, ARCH_SINGLY)

    assert (report.sent, report.requests) == (5, 3)
    assert endpoints(collector.accepted) == {"t": 3}
    [call] = [each for each in collector.accepted if each.query["en"] == "purchase"]
    assert metric(call) == {"id_11": ["g_111"], "id_12": ["g_112"], "id_13": ["g_113"]}


def test_conversions_that_were_recorded_at_other_moments_are_delivered_too(
    collector: Collector,
) -> None:
    late = [
        replace(each, occurred_at=each.occurred_at + timedelta(microseconds=number))
        for number, each in enumerate(of_one_call())
    ]
    record(*late)

    assert deliver(collector, ARCH_SINGLY).requests == 3
    assert statuses() == [EventStatus.SENT] * 3


def test_a_call_that_two_leases_part_arrives_whole(collector: Collector) -> None:
    record(*of_one_call())

    assert deliver(collector, ARCH_SINGLY, batch_size=2).requests == 2
    told = [metric(each) for each in collector.accepted]
    assert sorted(name for each in told for name in each) == ["id_11", "id_12", "id_13"]


def test_only_what_a_batch_has_no_place_for_leaves_it(collector: Collector) -> None:
    told = impression("Ann", custom_properties={"page": "pricing"})
    record(*impressions(20), told, conversion("Zoë", properties={"colour": "red"}, revenue=None))

    report = deliver(collector, EVENT_ARCH)

    assert (report.sent, report.requests) == (22, 3)
    assert endpoints(collector.accepted) == {"batch-events": 1, "t": 2}
    assert len(collector.entries) == 20
    props = [each["event"]["props"] for each in messages(collector.accepted[1:])]
    assert props[0]["vwoMeta"] == {"page": "pricing"}
    assert props[1]["colour"] == "red"


def test_a_classic_account_batches_whatever_is_told(collector: Collector) -> None:
    record(impression(custom_properties={"page": 1}), conversion("Ann", properties={"a": "b"}))

    assert deliver(collector, {}).requests == 1


@pytest.mark.parametrize("batches", [True, False])
def test_a_site_chooses_by_its_settings(
    batches: bool, collector: Collector, configure: Configure
) -> None:
    site = document(ab_test(), ab_test("other", id=17), isEventArchEnabled=True)
    configure(
        SETTINGS_DOCUMENT=site,
        COLLECTOR_URL=collector.url,
        BATCH_EVENTS=batches,
        SDK_KEY=SDK_KEY,
    )
    client = get_client()
    for key in ("pricing-page", "other"):
        client.activate(key, "Bob", user_agent="UA 1", user_ip_address="203.0.113.9")
    client.track(None, "Bob", "signup", event_properties=None if batches else {"plan": "gold"})

    assert drain_site(time.monotonic() + 60).sent == 4

    if batches:
        assert [each.path for each in collector.received] == ["/server-side/batch-events"]
        assert len(collector.entries) == 4
        return
    assert Counter(each.query["en"] for each in collector.received) == {
        "vwo_variationShown": 2,
        "signup": 1,
    }
    [call] = [each for each in collector.received if each.query["en"] == "signup"]
    assert metric(call) == {"id_7": ["g_21"], "id_17": ["g_21"]}
    assert messages([call])[0]["event"]["props"]["plan"] == "gold"
    shown = [each for each in collector.received if each is not call]
    assert {each.headers["x-device-user-agent"] for each in shown} == {"UA 1"}
    assert {each.headers["vwo-x-forwarded-for"] for each in shown} == {"203.0.113.9"}
    assert {(each.query.get("eb"), each.query.get("ss")) for each in shown} == {(None, "1")}


# --- What may go wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY], ids=["classic", "event-arch"])
def test_an_outage_amid_single_events_loses_nothing(
    collector: Collector, sender: dict[str, bool]
) -> None:
    events = impressions(10)
    record(*events)
    collector.script(*[Reply()] * 4, Reply(status=503))

    report = deliver(collector, sender)

    assert (report.sent, report.postponed, report.requests) == (4, 6, 5)
    assert report.trouble
    assert statuses().count(EventStatus.PENDING) == 6
    assert all(row.lease_token is None for row in rows())

    end_the_rest()
    assert deliver(collector, sender).sent == 6
    assert sorted(map(visitor_of, collector.accepted)) == sorted(each.visitor for each in events)


def test_an_outage_amid_a_push_sends_all_of_it_again(collector: Collector) -> None:
    record(push(properties={"a": 1, "b": 2, "c": 3}))
    collector.script(Reply(), Reply(status=503))

    report = deliver(collector, SINGLY)

    assert (report.sent, report.postponed, report.requests) == (0, 1, 2)
    assert statuses() == [EventStatus.PENDING]

    end_the_rest()
    assert deliver(collector, SINGLY).sent == 1
    tags = Counter(each.query["tags"] for each in collector.accepted)
    assert tags == {'{"u": {"a": 1}}': 2, '{"u": {"b": 2}}': 1, '{"u": {"c": 3}}': 1}


def test_a_reopened_collector_is_tried_with_one_event(collector: Collector) -> None:
    record(*impressions(3), *of_one_call())
    collector.script(Reply(status=503), Reply(status=503))
    deliver(collector, ARCH_SINGLY)
    end_the_rest()

    assert deliver(collector, ARCH_SINGLY).requests == 1
    assert Breaker.objects.get().failures == 2

    end_the_rest()
    assert deliver(collector, ARCH_SINGLY).sent == 6
    assert endpoints(collector.accepted) == {"t": 4}


def test_a_lost_reply_sends_again_the_same_message(collector: Collector) -> None:
    record(*of_one_call())
    collector.script(LOST_REPLY)
    deliver(collector, ARCH_SINGLY)
    end_the_rest()
    deliver(collector, ARCH_SINGLY)

    first, second = collector.accepted
    assert first.body == second.body
    assert messages([second])[0]["msgId"] == f"{rows()[0].visitor}-1772368215000"
    assert first.query["eTime"] == second.query["eTime"]
    assert statuses() == [EventStatus.SENT] * 3


def test_a_worker_that_is_killed_between_acceptance_and_mark_sends_again_the_same_message(
    collector: Collector, configure: Configure
) -> None:
    site = document(ab_test(), isEventArchEnabled=True)
    record(impression("Ann", custom_properties={"a": 1}), impression("Zoë", custom_properties=0))
    collector.script(Reply(), Reply(before_seconds=60, is_cut=True, accepts=True))
    variables = environment(collector, SETTINGS_DOCUMENT=site, SDK_KEY=SDK_KEY)
    with running("-m", "django", "vwo_deliver", "--once", environment=variables) as worker:
        wait_until(lambda: len(collector.received) == 2)
        kill_group(worker)
        worker.wait()

    assert sorted(statuses()) == [EventStatus.PENDING, EventStatus.SENT]
    make_due()
    assert deliver(collector, EVENT_ARCH).sent == 1
    first, second, third = messages(collector.accepted)
    assert {first["visId"], second["visId"]} == {row.visitor for row in rows()}
    assert (third["msgId"], third["event"]["time"]) == (second["msgId"], second["event"]["time"])


@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY], ids=["classic", "event-arch"])
def test_an_event_that_is_refused_fails_after_the_third_time(
    collector: Collector, sender: dict[str, bool]
) -> None:
    record(*impressions(5))
    culprit = rows()[2]
    collector.rule = refuse(culprit.visitor)

    report = deliver(collector, sender)

    assert (report.sent, report.postponed, report.dead, report.trouble) == (4, 1, 0, "")
    for _ in range(2):
        end_the_rest()
        record(*impressions(2, prefix=f"other-{time.monotonic()}-"))
        deliver(collector, sender)
    [dead] = rows(status=EventStatus.DEAD)
    assert (dead.id, dead.rejections, dead.last_status) == (culprit.id, 3, 400)
    assert not rows(status=EventStatus.PENDING)


def test_a_refused_call_counts_against_each_of_its_conversions(collector: Collector) -> None:
    record(*of_one_call())
    collector.rule = lambda received: BAD

    for rejections in (1, 2, 3):
        deliver(collector, ARCH_SINGLY)
        assert [row.rejections for row in rows()] == [rejections] * 3
        end_the_rest()
    assert statuses() == [EventStatus.DEAD] * 3


def test_an_account_that_is_refused_throughout_kills_no_single_event(collector: Collector) -> None:
    record(*impressions(100))
    collector.rule = lambda received: BAD

    for _ in range(4):
        report = deliver(collector, SINGLY)
        assert "nothing was accepted" in report.trouble
        assert report.requests == TRIALS
        end_the_rest()
    assert {row.rejections for row in rows()} == {0}
    assert statuses() == [EventStatus.PENDING] * 100


def test_a_batch_that_is_refused_throughout_counts_against_nothing(collector: Collector) -> None:
    record(*impressions(40), impression("Ann", custom_properties={"a": 1}))
    collector.rule = lambda received: BAD if received.entries else Reply()

    report = deliver(collector, EVENT_ARCH)

    assert (report.sent, report.dead) == (0, 0)
    assert {row.rejections for row in rows()} == {0}


def test_a_single_refused_entry_holds_up_no_single_event(collector: Collector) -> None:
    record(impression("bad"), *(impression(name, custom_properties=0) for name in ("a", "b")))
    collector.rule = lambda received: BAD if received.entries else Reply()

    report = deliver(collector, EVENT_ARCH)

    assert (report.sent, report.postponed) == (2, 1)
    assert [row.rejections for row in rows()] == [1, 0, 0]


def test_a_call_too_large_by_itself_fails_whole(collector: Collector) -> None:
    record(*of_one_call("Ann"), *impressions(2))
    collector.rule = refuse(rows()[0].visitor, status=413)

    report = deliver(collector, ARCH_SINGLY)

    assert (report.sent, report.dead) == (2, 3)
    assert statuses() == [EventStatus.DEAD] * 3 + [EventStatus.SENT] * 2
    assert "too large" in rows()[0].last_error


@pytest.mark.parametrize("status", [414, 431])
def test_an_event_too_long_for_an_address_holds_up_no_other(
    collector: Collector, status: int
) -> None:
    record(impression("Ann"), push("Long", properties={"note": "é" * 2_000}), *impressions(5))
    collector.rule = lambda received: (
        Reply(status=status) if len(received.query.get("tags", "")) > 3_000 else Reply()
    )

    report = deliver(collector, SINGLY)

    assert (report.sent, report.dead, report.trouble) == (6, 1, "")
    [dead] = rows(status=EventStatus.DEAD)
    assert (dead.kind, dead.last_status) == (Kind.PUSH, status)


def test_a_push_of_very_many_dimensions_travels_in_a_batch(collector: Collector) -> None:
    few, many = ({f"k{number}": number for number in range(count)} for count in (20, 21))
    record(push("Ann", properties=few), push("Zoë", properties=many))

    assert deliver(collector, SINGLY).sent == 2
    assert endpoints(collector.accepted) == {"push": 20, "batch-events": 1}
    assert len(collector.entries) == 21


def test_a_push_of_very_many_dimensions_is_one_request_where_properties_are_taken(
    collector: Collector,
) -> None:
    record(push(properties={f"k{number}": number for number in range(60)}))

    assert deliver(collector, ARCH_SINGLY).requests == 1
    assert endpoints(collector.accepted) == {"t": 1}


def test_a_push_that_is_accepted_in_part_fails_for_its_own_fault(collector: Collector) -> None:
    record(*(push(name, properties={"a": 1, "bad": 2}) for name in ("Ann", "Bob", "Zoë")))
    collector.rule = lambda received: BAD if "bad" in received.query["tags"] else Reply()

    for rejections in (1, 2, 3):
        assert deliver(collector, SINGLY).trouble == ""
        assert [row.rejections for row in rows()] == [rejections] * 3
        end_the_rest()
    assert statuses() == [EventStatus.DEAD] * 3


def test_a_fault_of_one_endpoint_holds_up_the_other_little(collector: Collector) -> None:
    record(impression("Ann", custom_properties={"a": 1}), impression("Zoë", custom_properties=0))
    collector.rule = lambda received: Reply() if received.entries else Reply(status=403)

    for number in range(5):
        record(*impressions(5, prefix=f"round-{number}-"))
        let_an_hour_pass()
        report = deliver(collector, EVENT_ARCH)
        assert (report.sent, report.postponed) == (5, 2)
        assert Breaker.objects.get().failures == 1
    assert statuses() == [EventStatus.PENDING] * 2 + [EventStatus.SENT] * 25


def test_what_one_endpoint_accepts_tells_nothing_of_what_the_other_refuses(
    collector: Collector,
) -> None:
    record(*impressions(5), *(impression(name, custom_properties=0) for name in ("Ann", "Zoë")))
    collector.rule = lambda received: BAD if received.entries else Reply()

    for _ in range(6):
        deliver(collector, EVENT_ARCH)
        end_the_rest()
    assert statuses() == [EventStatus.PENDING] * 5 + [EventStatus.SENT] * 2
    assert {row.rejections for row in rows()} == {0}
    assert Breaker.objects.get().failures > 0

    collector.rule = lambda received: Reply()
    deliver(collector, EVENT_ARCH)
    assert statuses() == [EventStatus.SENT] * 7


def test_calls_of_the_very_same_moment_are_told_apart(collector: Collector) -> None:
    calls = [conversion(unique_key=None, revenue_prop="price", revenue=paid) for paid in (5, 7)]
    record(*calls)

    assert deliver(collector, ARCH_SINGLY).requests == 2
    told = [each["event"]["props"]["vwoMeta"]["price"] for each in messages(collector.accepted)]
    assert sorted(told) == [5, 7]


@pytest.mark.parametrize("name", ["user_agent", "ip_address", "revenue"])
@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY, {}], ids=["classic", "arch", "batch"])
def test_a_lone_surrogate_in_a_foreign_row_is_sent_as_a_question_mark(
    collector: Collector, sender: dict[str, bool], name: str
) -> None:
    record(conversion())
    if connection.vendor != "sqlite":
        pytest.skip("this database keeps no lone surrogates")
    EventRow.objects.update(extra={name: "\ud800"})

    report = deliver(collector, sender)

    assert (report.sent, report.trouble) == (1, "")


def test_a_row_that_holds_no_event_costs_itself_alone(collector: Collector) -> None:
    record(*impressions(4), push("Ann"), push("Zoë"))
    pushes = rows()[4:]
    EventRow.objects.filter(pk=rows()[1].id).update(extra=["no", "event"])
    EventRow.objects.filter(pk=pushes[0].id).update(extra={})

    report = deliver(collector, SINGLY)

    assert (report.sent, report.postponed, report.trouble) == (4, 2, "")
    errors = {row.id: row.last_error for row in rows(status=EventStatus.PENDING)}
    assert set(errors) == {rows()[1].id, pushes[0].id}
    assert all("Not renderable" in error for error in errors.values())


def test_a_stop_amid_a_push_releases_it(collector: Collector) -> None:
    record(push(properties={"a": 1, "b": 2, "c": 3}))

    report = drain(
        time.monotonic() + 60,
        route=way(collector, SINGLY),
        is_stopped=lambda: len(collector.received) >= 2,
    )

    assert (report.sent, report.requests, report.is_interrupted) == (0, 2, True)
    assert [(row.lease_token, row.status) for row in rows()] == [(None, EventStatus.PENDING)]
    assert deliver(collector, SINGLY).sent == 1


def test_a_worker_that_lost_its_lease_marks_nothing(collector: Collector) -> None:
    record(*impressions(3))

    def send_late(*args: Any, **options: Any) -> Answer:
        EventRow.objects.update(lease_token=uuid4())
        return send(*args, **options)

    report = deliver(collector, SINGLY, send=send_late)

    assert (report.sent, report.requests) == (0, 3)
    assert statuses() == [EventStatus.PENDING] * 3


def test_no_secret_is_logged(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    record(*(impression(f"bob-{number}@example.com") for number in range(3)))
    collector.script(Reply(status=503), BAD, Reply(status=403))
    for _ in range(4):
        deliver(collector, ARCH_SINGLY)
        end_the_rest()

    assert statuses() == [EventStatus.SENT] * 3
    assert SDK_KEY not in caplog.text
    assert "@example.com" not in caplog.text
    assert not any("@example.com" in str(each) for each in collector.received)
