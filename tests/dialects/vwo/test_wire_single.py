"""Requests for single events: when they are needed, and what they look like."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_vwo import __version__
from django_vwo.dialects.base import Request, Sender
from django_vwo.dialects.vwo import lone_key, render_single
from django_vwo.engine.events import Event, Kind, new_message_id

from .test_wire import IMPRESSION, KEY, SENDER

SINGLY = replace(SENDER, batches_events=False)
EVENT_ARCH = replace(SENDER, has_event_properties=True)
ARCH_SINGLY = replace(EVENT_ARCH, batches_events=False)
CONVERSION = replace(
    IMPRESSION,
    kind=Kind.CONVERSION,
    goal_id="21",
    goal_identifier="buy",
    goal_type="REVENUE_TRACKING",
)
PUSH = replace(IMPRESSION, kind=Kind.PUSH, properties={"plan": "gold", "seats": 5, "é": None})
REVENUE = {"revenue": 5, "revenue_prop": "price"}
PRICED = {"revenue_prop": "price", "properties": {"price": 7}}


def content(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.body)["d"])


# --- Which events need them ------------------------------------------------------------------

FIT = [
    pytest.param(IMPRESSION, id="an impression"),
    pytest.param(PUSH, id="a push"),
    pytest.param(CONVERSION, id="a conversion"),
    pytest.param(replace(CONVERSION, revenue=5), id="a revenue"),
    pytest.param(replace(CONVERSION, **REVENUE), id="a revenue with a name"),
    pytest.param(replace(CONVERSION, **PRICED), id="the property that is the revenue"),
    pytest.param(
        replace(CONVERSION, goal_type="CUSTOM_GOAL", **PRICED),
        id="the property that is a plain goal's revenue",
    ),
    pytest.param(
        replace(CONVERSION, goal_type="CUSTOM_GOAL", revenue=5),
        id="a plain goal's revenue, which has no place anywhere",
    ),
    pytest.param(
        replace(CONVERSION, revenue=5, properties={"colour": "red"}),
        id="a revenue that only a batch has a place for",
    ),
]
EXCEED = [
    *(
        pytest.param(replace(IMPRESSION, custom_properties=value), id=f"custom properties {value}")
        for value in ({"page": 1}, {}, 0, False, "")
    ),
    pytest.param(replace(CONVERSION, properties={"colour": "red"}), id="a property"),
    pytest.param(replace(CONVERSION, properties={"price": None}), id="a property without value"),
    pytest.param(
        replace(CONVERSION, revenue_prop="price", properties={"price": 7, "colour": "red"}),
        id="a property beside the revenue",
    ),
    pytest.param(replace(CONVERSION, **{**PRICED, **REVENUE}), id="two revenues"),
    pytest.param(
        replace(CONVERSION, goal_type="CUSTOM_GOAL", **REVENUE), id="a plain goal's named revenue"
    ),
]


@pytest.mark.parametrize("event", FIT)
def test_a_batch_takes_what_it_has_a_place_for(event: Event) -> None:
    assert lone_key(event, EVENT_ARCH) is None


@pytest.mark.parametrize("event", EXCEED)
def test_what_a_batch_has_no_place_for_goes_by_itself(event: Event) -> None:
    assert lone_key(event, EVENT_ARCH) is not None


@pytest.mark.parametrize("event", [*FIT, *EXCEED])
def test_a_classic_account_has_no_other_place_either(event: Event) -> None:
    assert lone_key(event, SENDER) is None


@pytest.mark.parametrize("event", [*FIT, *EXCEED])
@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY])
def test_every_event_goes_by_itself_where_the_site_says_so(event: Event, sender: Sender) -> None:
    assert lone_key(event, sender) is not None


def test_the_conversions_of_one_call_share_a_request() -> None:
    another = replace(CONVERSION, message_id=new_message_id(), campaign_id="12")

    assert lone_key(CONVERSION, ARCH_SINGLY) == lone_key(another, ARCH_SINGLY)
    assert lone_key(CONVERSION, SINGLY) != lone_key(another, SINGLY)


@pytest.mark.parametrize(
    "change",
    [
        {"visitor": "EB79D7BFFF2A5EEDAAAA668C2C7F0DBE"},
        {"goal_identifier": "signup"},
        {"occurred_at": CONVERSION.occurred_at + timedelta(microseconds=1)},
    ],
    ids=["visitor", "goal", "moment"],
)
def test_other_calls_have_requests_of_their_own(change: dict[str, Any]) -> None:
    another = replace(CONVERSION, message_id=new_message_id(), **change)

    assert lone_key(CONVERSION, ARCH_SINGLY) != lone_key(another, ARCH_SINGLY)


@pytest.mark.parametrize("event", [IMPRESSION, PUSH])
def test_other_events_share_no_request(event: Event) -> None:
    assert lone_key(event, ARCH_SINGLY) != lone_key(
        replace(event, message_id=new_message_id()), ARCH_SINGLY
    )


# --- What they look like ---------------------------------------------------------------------


def test_a_push_that_tells_nothing_is_an_error() -> None:
    with pytest.raises(ValueError):
        render_single([replace(PUSH, properties={})], SINGLY)


@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY])
def test_what_is_no_json_is_an_error(sender: Sender) -> None:
    bad = {"a": float("nan")}
    events = [replace(PUSH, properties=bad), replace(CONVERSION, properties=bad)]

    with pytest.raises(ValueError):
        render_single(events[sender.has_event_properties :], sender)


def test_an_impression_of_a_classic_account() -> None:
    event = replace(IMPRESSION, user_agent="Mozilla/5.0 (é)", ip_address="203.0.113.9")
    sender = replace(SINGLY, usage={"ss": "1"}, collection_prefix="eu01")

    [request] = render_single([event], sender)

    chance = request.query["random"]
    assert 0 <= float(chance) < 1
    assert (request.method, request.body) == ("GET", b"")
    assert request.url == "https://dev.visualwebsiteoptimizer.com/eu01/server-side/track-user"
    assert list(request.query.items()) == [
        ("random", chance),
        ("sdk", "django-vwo"),
        ("sdk-v", __version__),
        ("ap", "server"),
        ("sId", "1772368215"),
        ("u", "8A5EB837980458DB8524FA6C65217F9B"),
        ("account_id", "123456"),
        ("env", KEY),
        ("visitor_ua", "Mozilla/5.0 (é)"),
        ("visitor_ip", "203.0.113.9"),
        ("experiment_id", "11"),
        ("combination", "2"),
        ("ed", '{"p": "server"}'),
        ("ss", "1"),
        ("_l", "1"),
    ]
    assert request.headers == {
        "User-Agent": "django-vwo",
        "X-Device-User-Agent": "Mozilla/5.0 (é)",
        "VWO-X-Forwarded-For": "203.0.113.9",
    }


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"revenue": 12.5}, "12.5"),
        ({"revenue": 10**20}, "100000000000000000000"),
        ({"revenue": "1,000"}, "1,000"),
        ({"revenue": None}, None),
        ({"revenue": 5, "goal_type": "CUSTOM_GOAL"}, None),
        ({"revenue_prop": "price", "properties": {"price": 7}}, None),
    ],
)
def test_a_conversion_of_a_classic_account(changes: dict[str, Any], sent: str | None) -> None:
    [request] = render_single([replace(CONVERSION, **changes)], replace(SINGLY, usage={"ss": "1"}))

    assert request.url.endswith("/server-side/track-goal")
    assert request.query["goal_id"] == "21"
    assert request.query.get("r") == sent
    assert "ss" not in request.query


@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY])
def test_a_push_does_not_tell_where_the_visitor_is(sender: Sender) -> None:
    push = replace(PUSH, user_agent="UA", ip_address="203.0.113.9")

    for request in render_single([push], sender):
        assert (request.query["visitor_ua"], request.query["visitor_ip"]) == ("", "")
        assert "X-Device-User-Agent" not in request.headers


def test_a_push_of_a_classic_account_has_a_request_for_each_dimension() -> None:
    requests = render_single([PUSH], SINGLY)

    assert [request.query["tags"] for request in requests] == [
        '{"u": {"plan": "gold"}}',
        '{"u": {"seats": 5}}',
        '{"u": {"\\u00e9": null}}',
    ]


def test_a_push_of_an_account_with_event_properties_is_one_request_of_texts() -> None:
    [request] = render_single([PUSH], ARCH_SINGLY)

    assert content(request)["visitor"]["props"] == {
        "vwo_fs_environment": KEY,
        "plan": "gold",
        "seats": "5",
        "é": "None",
    }


def test_the_conversions_of_a_call_are_one_request() -> None:
    properties = {"colour": "red", "isCustomEvent": "yes"}
    first = replace(CONVERSION, properties=properties, **REVENUE)
    second = replace(
        first, message_id=new_message_id(), campaign_id="12", goal_id="33", revenue_prop="value"
    )
    third = replace(
        first, message_id=new_message_id(), campaign_id="13", goal_id="34", revenue_prop=None
    )

    [request] = render_single([first, second, third], ARCH_SINGLY)

    assert request.query["en"] == content(request)["event"]["name"] == "buy"
    assert content(request)["event"]["props"] == {
        "vwo_sdkName": "django-vwo",
        "vwo_sdkVersion": __version__,
        "vwo_envKey": KEY,
        "vwoMeta": {
            "metric": {"id_11": ["g_21"], "id_12": ["g_33"], "id_13": ["g_34"]},
            "price": 5,
            "value": 5,
        },
        "isCustomEvent": "yes",
        "colour": "red",
    }


@pytest.mark.parametrize("value", [{"page": 1}, {}, 0, False, None])
def test_custom_properties_of_an_exposure_are_told_unless_there_are_none(value: object) -> None:
    sender = replace(EVENT_ARCH, usage={"eb": "1"})

    [request] = render_single([replace(IMPRESSION, custom_properties=value)], sender)

    told = content(request)["event"]["props"]
    assert told.get("vwoMeta") == value
    assert ("vwoMeta" in told) == (value is not None)
    assert (told["id"], told["variation"], told["isFirst"]) == (11, 2, 1)
    assert (request.query["eb"], request.query["_l"]) == ("1", "1")


def test_every_attempt_carries_the_same_message_id_and_time() -> None:
    first, second = (render_single([CONVERSION], ARCH_SINGLY)[0] for _ in range(2))

    assert first.body == second.body
    assert content(first)["msgId"] == "8A5EB837980458DB8524FA6C65217F9B-1772368215999"
    assert first.query["eTime"] == second.query["eTime"] == "1772368215999"


@pytest.mark.parametrize("thousandths", range(0, 1000, 37))
def test_times_are_exact_to_the_millisecond(thousandths: int) -> None:
    moment = datetime(2026, 3, 1, 12, 30, 15, thousandths * 1000, tzinfo=UTC)

    [request] = render_single([replace(IMPRESSION, occurred_at=moment)], ARCH_SINGLY)

    assert request.query["eTime"] == str(1_772_368_215_000 + thousandths)
    assert content(request)["sessionId"] == 1_772_368_215


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("", None),
        ("   ", None),
        ("line\r\nX-Evil: 1", None),
        ("end\n", None),
        ("end\r", None),
        ("a\0b", None),
        ("a\x7fb", None),
        ("Mozilla/5.0 (李)", None),
        ("\ud800", "?"),
        (" \t\xa0Mozilla/5.0", "Mozilla/5.0"),
        ("Mozilla/5.0\t(é) ", "Mozilla/5.0\t(é) "),
    ],
)
@pytest.mark.parametrize("sender", [SINGLY, ARCH_SINGLY])
def test_a_header_has_only_what_http_can_carry(
    sender: Sender, text: str, header: str | None
) -> None:
    [request] = render_single([replace(IMPRESSION, user_agent=text, ip_address=text)], sender)

    assert request.headers.get("X-Device-User-Agent") == header
    assert request.headers.get("VWO-X-Forwarded-For") == header
    whole = text.replace("\ud800", "?")
    assert (request.query["visitor_ua"], request.query["visitor_ip"]) == (whole, whole)


def test_secrets_stay_out_of_what_is_shown() -> None:
    shown = [render_single([PUSH], sender) for sender in (SINGLY, ARCH_SINGLY)]

    assert KEY not in repr(shown)
    assert "8A5EB837980458DB8524FA6C65217F9B" not in repr(shown)
