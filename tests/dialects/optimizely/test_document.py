"""Datafiles become campaigns, goals and features."""

from __future__ import annotations

import json

import pytest

from django_vwo import dialects
from django_vwo.dialects.base import Options
from django_vwo.dialects.optimizely import load
from django_vwo.engine.entities import CampaignType
from django_vwo.engine.errors import DocumentError
from tests.builders import campaign, document
from tests.datafiles import (
    ACCOUNT_ID,
    Json,
    allocation,
    datafile,
    event,
    experiment,
    flag,
    group,
    loaded,
    rollout,
    rule,
    variation,
)

FLAG_TEST = experiment(
    variations=[
        variation("101", "off", featureEnabled=False, variables=[{"id": "801", "value": "1"}]),
        variation("102", "on", featureEnabled=True, variables=[{"id": "801", "value": "12"}]),
    ]
)


def test_an_experiment_is_a_campaign_by_key_and_id() -> None:
    campaigns = loaded(datafile(experiment("checkout", "10")))
    found = campaigns.campaigns["checkout"]
    assert campaigns.campaigns_by_id == {"10": found}
    assert (found.type, found.assignment_key) == (CampaignType.AB, "10")
    assert {each.stored_as: each.name for each in found.variations.values()} == {
        "101": "a",
        "102": "b",
    }
    assert (campaigns.account_id, campaigns.version) == (ACCOUNT_ID, "7")


@pytest.mark.parametrize("status", ["Paused", "Not started", "Archived", "running", ""])
def test_only_what_is_running_is_decided_on(status: str) -> None:
    campaigns = loaded(datafile(experiment(status=status), events=[event()]))
    assert not campaigns.campaigns
    assert campaigns.paused_keys == {"test"}
    assert campaigns.paused_campaigns["test"].id == "10"
    assert campaigns.paused_goals == {"signup"}


def test_rules_and_experiments_of_groups_are_campaigns_too() -> None:
    grouped = experiment("grouped", "11")
    campaigns = loaded(datafile(groups=[group(grouped)], rollouts=[rollout(rule("60"))]))
    assert set(campaigns.campaigns) == {"grouped", "rule-60"}


def test_each_rule_of_a_key_counts_for_its_flag_and_the_last_for_the_key() -> None:
    first = experiment("same", "11", variations=[variation("111", "one")])
    second = experiment("same", "12", variations=[variation("121", "two")])
    flags = [flag("first", "11"), flag("second", "12")]
    campaigns = loaded(datafile(first, second, featureFlags=flags))
    assert campaigns.campaigns["same"].id == "12"
    assert set(campaigns.campaigns_by_id) == {"11", "12"}
    found = [campaigns.features[key].experiments[0].id for key in ("first", "second")]
    assert found == ["11", "12"]


def test_a_goal_counts_for_a_rule_whose_key_is_that_of_a_paused_one() -> None:
    paused = experiment("test", "11", status="Paused")
    campaigns = loaded(datafile(experiment(), paused, events=[event("signup", "21", ["10", "11"])]))
    assert [each.id for each in campaigns.campaigns_by_goal["signup"]] == ["10"]
    assert campaigns.paused_keys == {"test"}


@pytest.mark.parametrize("generation", ["today", "2.1"])
def test_one_id_under_two_keys_can_be_loaded(generation: str) -> None:
    rules = [rule("60"), {**rule("60"), "key": "again"}]
    document = datafile(featureFlags=[flag(rollout="50")], rollouts=[rollout(*rules)])
    assert "again" in loaded(document, generation=generation).campaigns


def test_an_allocation_to_no_id_is_nobodys_even_if_a_variation_has_none() -> None:
    nameless = experiment(
        variations=[variation("", "a")], trafficAllocation=allocation(("", 10000))
    )
    assert loaded(datafile(nameless)).campaigns["test"].bucketing.ranges.owners == (None,)


def test_goals_are_found_with_and_without_campaigns() -> None:
    events = [event("signup", "21", ["10", "unknown"]), event("alone", "22", [])]
    campaigns = loaded(datafile(experiment(), events=events))
    assert [each.key for each in campaigns.campaigns_by_goal["signup"]] == ["test"]
    assert set(campaigns.goals) == {"signup", "alone"}
    assert campaigns.campaigns["test"].goals["signup"].is_repeatable


@pytest.mark.parametrize(
    ("ends", "shares"),
    [
        ([("101", 5000), ("102", 10000)], {"a": 50, "b": 50}),
        ([("101", 2500), ("", 5000), ("102", 6000)], {"a": 25, "b": 10}),
        ([("102", 5000), ("101", 2500), ("101", 10000)], {"a": 50, "b": 50}),
        ([("101", -3), ("102", 0)], {"a": 0, "b": 0}),
        ([("gone", 4000), ("101", 99999)], {"a": 60, "b": 0}),
    ],
    ids=["halves", "a gap", "out of order", "nothing", "an unknown variation, and beyond the end"],
)
def test_traffic_is_laid_out_in_the_order_of_the_allocation(
    ends: list[tuple[str, int]], shares: dict[str, float]
) -> None:
    campaigns = loaded(datafile(experiment(trafficAllocation=allocation(*ends))))
    variations = campaigns.campaigns["test"].variations.values()
    assert {each.name: each.weight for each in variations} == pytest.approx(shares)


def test_variables_are_the_variations_own_where_it_is_enabled() -> None:
    site = datafile(FLAG_TEST, featureFlags=[flag("flag", "10")])
    (found,) = loaded(site).features["flag"].experiments
    values = {each.name: each.variables["limit"] for each in found.variations.values()}
    assert values == {"off": 7, "on": 12}
    (older,) = loaded(site, generation="2.1").features["flag"].experiments
    assert {each.name: each.variables["limit"] for each in older.variations.values()} == {
        "off": 1,
        "on": 12,
    }


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12),
        ("integer", "a dozen", None),
        ("double", "1.5", 1.5),
        ("boolean", "true", True),
        ("boolean", "True", False),
        ("string", "12", "12"),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "{", None),
        ("of another kind", "12", "12"),
    ],
)
def test_variables_have_their_type(kind: str, text: str, value: object) -> None:
    variables = [{"id": "801", "key": "own", "type": kind, "defaultValue": text}]
    campaigns = loaded(datafile(featureFlags=[flag(variables=variables)]))
    assert campaigns.features["flag"].defaults == {"own": value}


def test_a_string_may_be_json_today() -> None:
    variables = [
        {"id": "801", "key": "own", "type": "string", "subType": "json", "defaultValue": "[1]"}
    ]
    site = datafile(featureFlags=[flag(variables=variables)])
    assert loaded(site).features["flag"].defaults == {"own": [1]}
    assert loaded(site, generation="2.1").features["flag"].defaults == {"own": "[1]"}


def test_full_stack_2_asks_the_first_experiment_alone_or_the_groups() -> None:
    first, second = experiment("one", "10"), experiment("two", "11")
    site = datafile(first, second, featureFlags=[flag("flag", "10", "11")])
    assert len(loaded(site).features["flag"].experiments) == 2
    older = loaded(site, generation="2.1").features["flag"]
    assert [each.key for each in older.experiments] == ["one"]
    site = datafile(
        first, groups=[group(second, policy="overlapping")], featureFlags=[flag("flag", "10", "11")]
    )
    older = loaded(site, generation="2.1").features["flag"]
    assert older.group is not None
    assert [each.key for each in older.experiments] == ["one", "two"]


def test_a_dialect_is_known_by_its_document() -> None:
    for whole, name in ((datafile(), "optimizely"), (document(campaign()), "vwo")):
        assert dialects.load(json.dumps(whole), source="tests.json").dialect == name


def test_what_decides_ten_thousand_times_is_loaded_in_proportion() -> None:
    many = [experiment(f"test-{number}", str(number)) for number in range(10_000)]
    flags = [flag(f"flag-{number}", str(number)) for number in range(10_000)]
    campaigns = loaded(datafile(*many, featureFlags=flags))
    assert len(campaigns.features) == len(campaigns.campaigns) == 10_000


@pytest.mark.parametrize(
    "broken",
    [
        {"version": "5"},
        {"version": 4},
        {"revision": 7},
        {"experiments": None},
        {"featureFlags": [flag("flag", "99")]},
        {"featureFlags": [flag("flag", rollout="99")]},
        {"events": [{"id": "1"}]},
    ],
)
def test_what_cannot_be_used_is_refused_as_a_whole(broken: Json) -> None:
    with pytest.raises(DocumentError, match=r"tests\.json"):
        loaded({**datafile(experiment()), **broken})


def test_what_is_odd_in_a_datafile_costs_itself_alone() -> None:
    odd = experiment(forcedVariations={"Ann": ["a"], "Bob": None, "Eve": "a"})
    variables = [{"id": "801", "key": "own", "type": "integer", "defaultValue": float("inf")}]
    text = json.dumps(datafile(odd, featureFlags=[flag(variables=variables)]))
    campaigns = load(text.replace("Infinity", "1e999"), source="tests.json")
    assert set(campaigns.campaigns["test"].listed) == {"Eve"}
    assert campaigns.features["flag"].defaults == {"own": None}


def test_the_empty_document_is_taken() -> None:
    dialect = dialects.get_dialect("optimizely")
    text = json.dumps(dialect.empty_document("5"))
    assert dialect.load(text, source="none", options=Options()).account_id == "5"
