"""What Optimizely is told, and how it tells who it is."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from django_vwo.client import Client
from django_vwo.dialects.base import Sender
from django_vwo.dialects.optimizely import (
    batch_key,
    lone_key,
    render_batch,
    render_single,
    settings_request,
    webhook_proof,
)
from django_vwo.engine.events import Event, Kind
from django_vwo.recorders.cleaning import clean_told
from django_vwo.recorders.memory import MemoryRecorder
from tests.datafiles import Json, datafile, event, experiment, flag, rollout, rule

SENDER = Sender(account_id="10367498574")
MOMENT = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
SITE = datafile(
    experiment(),
    events=[event()],
    featureFlags=[flag("flag", rollout="50")],
    rollouts=[rollout(rule("60"))],
)


def client(document: Json = SITE, **options: Any) -> Client:
    return Client(
        document, recorder=MemoryRecorder(), clock=lambda: MOMENT, raise_errors=True, **options
    )


def events_of(client: Client) -> list[Event]:
    recorder = client.recorder
    assert isinstance(recorder, MemoryRecorder)
    return recorder.events


def sent(client: Client) -> Json:
    """Return the body of the request for all that was recorded."""
    found: Json = json.loads(render_batch(events_of(client), SENDER).body)
    return found


def snapshot(client: Client) -> Json:
    (visitor,) = sent(client)["visitors"]
    (only,) = visitor["snapshots"]
    return dict(only)


def test_an_activation_is_told_with_its_decision() -> None:
    own = client()
    own.activate("test", "Bob", custom_variables={"plan": "gold", "unknown": 1})
    (told,) = events_of(own)
    body = sent(own)
    assert body | {"visitors": None, "client_version": None} == {
        "account_id": "10367498574",
        "project_id": "9001",
        "revision": "7",
        "client_name": "django-vwo",
        "client_version": None,
        "anonymize_ip": False,
        "enrich_decisions": True,
        "visitors": None,
    }
    assert body["visitors"] == [
        {
            "visitor_id": "Bob",
            "attributes": [{"entity_id": "701", "key": "plan", "type": "custom", "value": "gold"}],
            "snapshots": [
                {
                    "decisions": [
                        {
                            "campaign_id": "109",
                            "experiment_id": "10",
                            "variation_id": told.variation_id,
                            "metadata": {
                                "flag_key": "",
                                "rule_key": "test",
                                "rule_type": "experiment",
                                "variation_key": told.variation_name,
                                "enabled": True,
                            },
                        }
                    ],
                    "events": [
                        {
                            "entity_id": "109",
                            "key": "campaign_activated",
                            "timestamp": 1795780800123,
                            "uuid": str(told.uuid),
                        }
                    ],
                }
            ],
        }
    ]


def test_each_activation_is_told() -> None:
    own = client()
    own.activate("test", "Bob")
    own.activate("test", "Bob")
    assert len(sent(own)["visitors"]) == 2


def test_a_conversion_of_several_campaigns_is_one_message() -> None:
    site = datafile(
        experiment(), experiment("other", "11"), events=[event(experiments=["10", "11"])]
    )
    for generation, has_decisions in (("today", False), ("2.1", True)):
        own = client(site, generation=generation)
        own.track(None, "Bob", "signup", revenue_value=12.5, event_properties={"colour": "red"})
        assert len(events_of(own)) == 2
        told = snapshot(own)
        (conversion,) = told["events"]
        assert conversion["revenue"] == conversion["tags"]["revenue"] == 1250
        assert conversion["tags"]["colour"] == "red"
        assert ("decisions" in told) is has_decisions
        if has_decisions:
            assert [each["experiment_id"] for each in told["decisions"]] == ["10", "11"]


def test_attributes_are_the_first_to_be_left_out_for_want_of_space() -> None:
    site = datafile(
        experiment(),
        events=[event()],
        attributes=[{"id": str(number), "key": f"a{number}"} for number in range(100)],
    )
    own = client(site, generation="2.1")
    given = {f"a{number}": "x" * 400 for number in range(100)}
    own.track(None, "Bob", "signup", custom_variables=given)
    kept = clean_told(events_of(own)[0].told)
    assert len(kept["decisions"]) == 1
    assert 10 < len(kept["attributes"]) < 100
    (told,) = events_of(own)
    assert clean_told(told.told, limit=400)["decisions"], "although attributes are left out"


def test_parts_of_a_message_that_travel_alone_are_the_whole_of_it() -> None:
    site = datafile(
        experiment(), experiment("other", "11"), events=[event(experiments=["10", "11"])]
    )
    own = client(site, generation="2.1")
    own.track(None, "Bob", "signup")
    bodies = {render_batch([each], SENDER).body for each in events_of(own)}
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"revenue": 4200}, {"revenue": 4200}),
        ({"revenue": "4200"}, {}),
        ({"revenue": True}, {}),
        ({"revenue": 1.5}, {}),
        ({"revenue": -(10**20)}, {"revenue": -(10**20)}),
        ({"value": "1e3"}, {"value": 1000.0}),
        ({"value": 10**400}, {}),
        ({"value": "nan"}, {}),
        ({"value": False}, {}),
    ],
)
def test_revenue_and_value_are_told_as_far_as_they_are_numbers(tags: Json, told: Json) -> None:
    own = client()
    own.track(None, "Bob", "signup", event_properties=tags)
    (conversion,) = snapshot(own)["events"]
    assert {name: conversion[name] for name in ("revenue", "value") if name in conversion} == told
    assert conversion["tags"] == tags


@pytest.mark.parametrize(
    ("tag", "sent"),
    [
        ({"value": None, "a": {"tags": None, "b": None}}, {"a": {"b": None}}),
        ([{"value": None, "b": 1}, [{"revenue": None}]], [{"b": 1}, [{}]]),
        (({"decisions": None},), [{}]),
    ],
)
def test_some_names_are_left_out_of_tags_where_they_stand_for_nothing(tag: Any, sent: Any) -> None:
    own = client()
    own.track(None, "Bob", "signup", event_properties={"x": tag, "value": None})
    assert snapshot(own)["events"][0]["tags"] == {"x": sent}


@pytest.mark.parametrize("tag", [99, "99", None])
def test_a_revenue_value_wins_over_the_tag_of_revenue(tag: object) -> None:
    own = client()
    own.track(None, "Bob", "signup", revenue_value=12.5, event_properties={"revenue": tag})
    (conversion,) = snapshot(own)["events"]
    assert conversion["revenue"] == conversion["tags"]["revenue"] == 1250


def test_tags_that_json_has_no_word_for_are_left_out() -> None:
    own = client()
    own.track(None, "Bob", "signup", event_properties={"x": math.inf, "y": {1}, "z": 1})
    assert snapshot(own)["events"][0]["tags"] == {"z": 1}


@pytest.mark.parametrize(
    ("value", "today", "older"),
    [
        ("", True, False),
        (0, True, False),
        (False, True, False),
        (2**53, True, True),
        (2**53 + 1, False, True),
        (-(2**53), True, True),
        (-(2**53) - 1, False, True),
        (math.inf, False, False),
        (math.nan, False, False),
        (10**400, False, True),
        ([1], False, True),
        (None, False, False),
    ],
)
def test_attributes_are_told_as_far_as_each_generation_does(
    value: object, today: bool, older: bool
) -> None:
    for generation, is_told in (("today", today), ("2.1", older)):
        own = client(generation=generation)
        own.activate("test", "Bob", custom_variables={"plan": value})
        assert bool(sent(own)["visitors"][0]["attributes"]) is is_told


def test_the_rollout_tells_where_the_datafile_wants_all_decisions() -> None:
    own = client()
    assert own.is_feature_enabled("flag", "Bob")
    assert not events_of(own)
    own = client({**SITE, "sendFlagDecisions": True})
    own.is_feature_enabled("flag", "Bob")
    (decision,) = snapshot(own)["decisions"]
    assert decision["metadata"]["rule_type"] == "rollout"
    assert decision["metadata"]["flag_key"] == "flag"


def test_no_decision_at_all_is_told_where_the_datafile_wants_it() -> None:
    site = datafile(featureFlags=[flag()], sendFlagDecisions=True)
    own = client(site)
    assert not own.is_feature_enabled("flag", "Bob")
    told = snapshot(own)
    assert told["decisions"][0]["variation_id"] is None
    assert told["decisions"][0]["metadata"]["rule_key"] == ""
    assert told["events"][0]["entity_id"] == ""


@pytest.mark.parametrize(("region", "host"), [("EU", "eu.logx"), ("eu", "eu.logx"), ("US", "logx")])
def test_events_go_to_the_region_of_the_datafile(region: str, host: str) -> None:
    own = client({**SITE, "region": region})
    own.activate("test", "Bob")
    request = render_batch(events_of(own), SENDER)
    assert request.url == f"https://{host}.optimizely.com/v1/events"


def test_events_of_different_revisions_share_no_batch() -> None:
    keys = []
    for revision in ("7", "8"):
        own = client({**SITE, "revision": revision})
        own.activate("test", "Bob")
        keys += [batch_key(each) for each in events_of(own)]
    assert len(set(keys)) == 2


def test_a_site_may_want_each_event_by_itself() -> None:
    own = client()
    own.activate("test", "Bob")
    (told,) = events_of(own)
    alone = Sender(account_id="1", batches_events=False)
    assert lone_key(told, SENDER) is None
    assert lone_key(told, alone) == told.uuid
    (request,) = render_single([told], alone)
    assert request.body == render_batch([told], SENDER).body


def test_a_push_cannot_be_told() -> None:
    own = client()
    assert own.push({"plan": "gold"}, "Bob") is False
    assert not events_of(own)
    own.activate("test", "Bob")
    (told,) = events_of(own)
    with pytest.raises(ValueError, match="properties of visitors"):
        render_batch([replace(told, kind=Kind.PUSH)], SENDER)


def test_the_datafiles_address_shows_no_key() -> None:
    request = settings_request(Sender(account_id="", sdk_key="a/secret key"))
    assert request.url + request.secret_path == (
        "https://cdn.optimizely.com/datafiles/a%2Fsecret%20key.json"
    )
    assert "secret" not in repr(request)


def test_a_webhook_is_signed_with_its_body() -> None:
    # RFC 2202, test case 2.
    proof = webhook_proof(b"Jefe", b"what do ya want for nothing?")
    assert proof == "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
