"""`Optimizely`: its methods answer as the SDK's do, but where that is a crash or a surprise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_vwo.client import Client
from django_vwo.dialects.base import Sender
from django_vwo.dialects.optimizely import render_batch
from django_vwo.engine.bucketing import group_bucket
from django_vwo.engine.events import Event
from django_vwo.optimizely import EXCLUDE_VARIABLES, FlagDecision, Optimizely
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.profiles import ProfileStorage
from tests.backends import ProfileService
from tests.datafiles import (
    Json,
    allocation,
    datafile,
    event,
    exactly,
    experiment,
    flag,
    group,
    loaded,
    rollout,
    rule,
    variation,
)

SITE = datafile(
    experiment("pricing", "10"),
    events=[event("signup", "21", ["10"])],
    featureFlags=[flag("nav", rollout="50")],
    rollouts=[rollout(rule("60"))],
)
generations = pytest.mark.parametrize("generation", ["today", "2.1"])
no_text = pytest.mark.parametrize("given", ["", None, 5, True, b"x", ["x"], {}], ids=repr)


def vendor(document: Json = SITE, **options: Any) -> Optimizely:
    return Optimizely(Client(document, recorder=MemoryRecorder(), **options))


def events_of(own: Optimizely) -> list[Event]:
    recorder = own.client.recorder
    assert isinstance(recorder, MemoryRecorder)
    return recorder.events


def told(own: Optimizely) -> Json:
    """Return the one visitor that is told of."""
    (visitor,) = json.loads(render_batch(events_of(own), Sender(account_id="1")).body)["visitors"]
    return dict(visitor)


def conversion(own: Optimizely) -> Json:
    return dict(told(own)["snapshots"][0]["events"][0])


def audience_of(conditions: Any) -> Json:
    """Return a datafile whose experiment is for an audience of *conditions*, as text."""
    audiences = [{"id": "70", "name": "they", "conditions": json.dumps(conditions)}]
    return datafile(experiment("pricing", "10", audienceIds=["70"]), audiences=audiences)


def test_each_method_answers() -> None:
    own = vendor()
    shown = own.activate("pricing", "Bob")
    assert shown in ("a", "b")
    assert own.get_variation("pricing", "Bob") == shown
    assert own.is_feature_enabled("nav", "Bob") is True
    assert own.get_enabled_features("Bob") == ["nav"]
    assert own.get_feature_variable("nav", "limit", "Bob") == 9
    assert own.get_feature_variable_integer("nav", "limit", "Bob") == 9
    assert own.get_feature_variable_string("nav", "limit", "Bob") is None
    assert own.get_feature_variable("nav", "unknown", "Bob") is None
    assert own.get_all_feature_variables("nav", "Bob") == {"limit": 9}
    assert own.get_all_feature_variables("unknown", "Bob") is None
    assert own.decide("nav", "Bob") == FlagDecision(
        variation_key="on",
        enabled=True,
        variables={"limit": 9},
        rule_key="rule-60",
        flag_key="nav",
    )
    assert own.decide("nav", "Bob", options=[EXCLUDE_VARIABLES]).variables == {}
    assert own.decide("unknown", "Bob").flag_key == "unknown"
    own.track("signup", "Bob", None, {"revenue": 100})
    assert [each.kind.name for each in events_of(own)] == ["IMPRESSION", "CONVERSION"]


@generations
@no_text
def test_a_user_id_is_text_that_is_not_empty(generation: str, given: Any) -> None:
    own = vendor(generation=generation)
    assert own.activate("pricing", given) is None
    assert own.get_variation("pricing", given) is None
    assert own.is_feature_enabled("nav", given) is False
    assert own.get_enabled_features(given) == []
    assert own.get_feature_variable("nav", "limit", given) is None
    own.track("signup", given)
    assert not events_of(own)


@generations
def test_what_was_refused_has_not_been_set(generation: str) -> None:
    own = vendor(generation=generation)
    for user_id in ("", None, 5):
        assert own.set_forced_variation("pricing", user_id, "a") is False  # type: ignore[arg-type]
        assert own.get_forced_variation("pricing", user_id) is None  # type: ignore[arg-type]
    assert own.set_forced_variation("", "Bob", "a") is False


@generations
def test_an_allocation_may_name_what_is_not_there(generation: str) -> None:
    whole = experiment("pricing", "10", trafficAllocation=allocation(("gone", 10000)))
    assert vendor(datafile(whole), generation=generation).activate("pricing", "Bob") is None


@generations
def test_an_event_may_name_what_is_not_there(generation: str) -> None:
    site = {**SITE, "events": [event("signup", "21", ["gone", "10"])]}
    own = vendor(site, generation=generation)
    own.track("signup", "Bob")
    assert [each.campaign_key for each in events_of(own)] == ["pricing"]


@generations
def test_an_experiment_counts_once_for_an_event(generation: str) -> None:
    site = {**SITE, "events": [event("signup", "21", ["10", "10"])]}
    own = vendor(site, generation=generation)
    own.track("signup", "Bob")
    assert len(events_of(own)) == 1


@generations
def test_an_audience_that_is_not_there_is_not_met(generation: str) -> None:
    whole = datafile(experiment("pricing", "10", audienceIds=["gone"]))
    assert vendor(whole, generation=generation).activate("pricing", "Bob", {"plan": 1}) is None


@generations
@pytest.mark.parametrize("conditions", [[], ["or", "x"], ["or", None]], ids=repr)
def test_conditions_that_are_none_are_not_met(generation: str, conditions: Any) -> None:
    own = vendor(audience_of(conditions), generation=generation)
    assert own.activate("pricing", "Bob", {"plan": "gold"}) is None


def test_versions_that_cannot_be_compared_are_not_told() -> None:
    leaf = {**exactly("app", "1.2-beta"), "match": "semver_eq"}
    own = vendor(audience_of(["not", leaf]))
    assert own.activate("pricing", "Bob", {"app": "1.2.3"}) is None
    assert own.activate("pricing", "Bob", {"app": "1.3-beta"}) is not None


@generations
def test_a_value_that_no_float_can_be_loses_no_conversion(generation: str) -> None:
    own = vendor(generation=generation)
    own.track("signup", "Bob", event_tags={"value": 10**400, "colour": "red"})
    assert "value" not in conversion(own)
    assert conversion(own)["tags"]["colour"] == "red"


@pytest.mark.parametrize("tags", [0, [], "", False], ids=repr)
def test_tags_are_a_mapping(tags: Any) -> None:
    own = vendor()
    own.track("signup", "Bob", event_tags=tags)
    assert "tags" not in conversion(own)


@generations
@pytest.mark.parametrize("attributes", [0, [], "", False], ids=repr)
def test_attributes_that_are_false_are_none(generation: str, attributes: Any) -> None:
    own = vendor(generation=generation)
    assert own.decide("nav", "Bob", attributes).enabled
    assert own.activate("pricing", "Bob", attributes) == own.get_variation("pricing", "Bob")


@generations
@pytest.mark.parametrize("attributes", [5, [1], "text", True], ids=repr)
def test_attributes_are_a_mapping(generation: str, attributes: Any) -> None:
    own = vendor(generation=generation)
    assert own.activate("pricing", "Bob", attributes) is None
    assert own.is_feature_enabled("nav", "Bob", attributes) is False
    assert own.get_feature_variable("nav", "limit", "Bob", attributes) is None
    own.track("signup", "Bob", attributes)
    assert not events_of(own)


@generations
def test_whoever_has_a_bucketing_id_is_bucketed_by_it(generation: str) -> None:
    own = vendor(generation=generation)
    for number in range(50):
        by_name = own.get_variation("pricing", f"user-{number}")
        by_id = own.get_variation("pricing", "Bob", {"$opt_bucketing_id": f"user-{number}"})
        assert by_id == by_name


def test_each_visitor_is_in_the_experiment_that_has_their_bucket() -> None:
    grouped = group(experiment("one", "10"), experiment("two", "11"), experiment("three", "12"))
    campaigns = loaded(datafile(groups=[grouped]))
    of_all = campaigns.campaigns["one"].group
    assert of_all
    own, found = vendor(datafile(groups=[grouped])), set()
    for number in range(100):
        user_id = f"user-{number}"
        entered = [
            each.id for each in campaigns.campaigns.values() if own.get_variation(each.key, user_id)
        ]
        owner_id = of_all.allotment.owner_of(group_bucket(of_all, user_id))
        assert entered == [owner_id]
        found.add(owner_id)
    assert found == {"10", "11", "12"}


@generations
def test_an_attribute_has_a_name(generation: str) -> None:
    own = vendor(generation=generation)
    own.activate("pricing", "Bob", {5: "five", "plan": "gold", None: 1})  # type: ignore[dict-item]
    assert [each["key"] for each in told(own)["attributes"]] == ["plan"]


@generations
def test_what_json_has_no_word_for_is_left_out(generation: str) -> None:
    own = vendor(generation=generation)
    tags = {"x": float("inf"), "y": {1}, "z": 1}
    own.track("signup", "Bob", {"plan": float("nan")}, tags)
    assert conversion(own)["tags"] == {"z": 1}
    assert told(own)["attributes"] == []


@generations
@pytest.mark.parametrize("key", ["", [], {}, None, 5], ids=repr)
def test_a_key_is_text_that_is_not_empty(generation: str, key: Any) -> None:
    own = vendor(generation=generation)
    assert own.activate(key, "Bob") is None
    assert own.is_feature_enabled(key, "Bob") is False
    assert own.get_feature_variable("nav", key, "Bob") is None
    assert own.set_forced_variation(key, "Bob", "a") is False
    own.track(key, "Bob")
    assert not events_of(own)


def test_blanks_are_a_key() -> None:
    assert vendor(datafile(experiment(" ", "10"))).activate(" ", "Bob") in ("a", "b")


def test_an_experiment_has_its_own_variations() -> None:
    first = experiment("pricing", "10", forcedVariations={"Ann": "a"})
    second = experiment(
        "pricing",
        "11",
        variations=[variation("111", "c")],
        trafficAllocation=allocation(("111", 10000)),
    )
    own = vendor(datafile(first, second, featureFlags=[flag("nav", "10")]))
    assert own.decide("nav", "Ann").variation_key == "a"
    assert own.activate("pricing", "Ann") == "c"


@generations
def test_a_malformed_entry_of_a_profile_is_left_alone(generation: str) -> None:
    entries = {"10": None, "98": {}, "99": {"variation_id": "5"}}
    service = ProfileService({"user_id": "Bob", "experiment_bucket_map": dict(entries)})
    own = vendor(generation=generation, storage=ProfileStorage(service))
    shown = own.activate("pricing", "Bob")
    kept = service.lookup("Bob")["experiment_bucket_map"]
    assert shown in ("a", "b")
    assert kept == {**entries, "10": {"variation_id": {"a": "101", "b": "102"}[shown]}}


def test_only_true_enables_a_feature() -> None:
    on = variation("601", "on", featureEnabled=1, variables=[])
    site = datafile(
        featureFlags=[flag("nav", rollout="50")], rollouts=[rollout(rule("60", variations=[on]))]
    )
    assert vendor(site).decide("nav", "Bob").enabled is False
    assert vendor(site).is_feature_enabled("nav", "Bob") is False


@generations
@pytest.mark.parametrize("variation_key", ["", 0, False, []], ids=repr)
def test_only_none_takes_back_what_was_forced(generation: str, variation_key: Any) -> None:
    own = vendor(generation=generation)
    assert own.set_forced_variation("pricing", "Bob", "a")
    assert own.set_forced_variation("pricing", "Bob", variation_key) is False
    assert own.get_forced_variation("pricing", "Bob") == "a"
    assert own.set_forced_variation("pricing", "Bob", None)
    assert own.get_forced_variation("pricing", "Bob") is None
