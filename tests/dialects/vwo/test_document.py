"""From text to campaigns: what is taken, what is refused, and what is reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_vwo.dialects.limits import MAX_DOCUMENT_BYTES
from django_vwo.dialects.vwo import load
from django_vwo.engine.entities import CampaignType, GoalType, GroupRule
from django_vwo.engine.errors import DocumentError
from tests.builders import (
    SDK_KEY,
    Json,
    campaign,
    custom,
    document,
    feature_test,
    goal,
    grouped,
    loaded,
    rollout,
    split,
    variable,
    variation,
    whitelisting,
)

TEXT = json.dumps(document(campaign()))


# --- Text that is no document ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "empty"),
        (b"", "empty"),
        (" \n", "empty"),
        ("\ufeff", "empty"),
        (
            TEXT[:-1],
            f"not JSON (Expecting ',' delimiter, line 1, column {len(TEXT)})",
        ),
        (TEXT + "x", f"not JSON (Extra data, line 1, column {len(TEXT) + 1})"),
        (
            "{\n  version: 1}",
            "not JSON (Expecting property name enclosed in double quotes, line 2, column 3)",
        ),
        ("<!DOCTYPE html><p>Sorry", "HTML"),
        ("\n <html>", "HTML"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8 at byte 0"),
        (TEXT.encode() + b"\xe9", f"not UTF-8 at byte {len(TEXT)}"),
        (TEXT.replace("123456", "NaN"), "not JSON (NaN is no JSON)"),
        (TEXT.replace("123456", "-Infinity"), "not JSON (-Infinity is no JSON)"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_text_that_is_no_json_is_refused(text: str | bytes, found: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(text, source="vwo.json")

    assert str(caught.value) == f"vwo.json: the document is {found}; expected JSON in UTF-8."


@pytest.mark.parametrize(
    ("text", "found"),
    [("[]", "a list"), ("null", "None"), ('"x"', "a string"), ("5", "5"), ("true", "True")],
)
def test_json_that_is_no_object_is_refused(text: str, found: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(text, source="vwo.json")

    assert str(caught.value) == f"vwo.json: the document is {found}; expected an object."


def test_numbers_of_thousands_of_digits_are_refused() -> None:
    with pytest.raises(DocumentError, match=r"the document is not JSON \(Exceeds the limit"):
        load(TEXT.replace("123456", "1" * 5000), source="vwo.json")


@pytest.mark.parametrize("kind", [str, bytes])
def test_a_document_may_have_20_mb_and_no_more(kind: type) -> None:
    padding = " " * (MAX_DOCUMENT_BYTES - len(TEXT))
    fitting = TEXT + padding if kind is str else (TEXT + padding).encode()
    too_long = fitting + fitting[-1:] * 2**20

    assert "test" in load(fitting, source="vwo.json").campaigns
    with pytest.raises(DocumentError) as caught:
        load(too_long, source="vwo.json")
    assert str(caught.value) == "vwo.json: the document is 21 MB long; expected at most 20 MB."


@pytest.mark.parametrize(
    "text",
    [TEXT, TEXT.encode(), "\ufeff" + TEXT, b"\xef\xbb\xbf" + TEXT.encode(), f"\n {TEXT}\n"],
    ids=["text", "bytes", "marked text", "marked bytes", "blanks"],
)
def test_text_and_bytes_are_taken(text: str | bytes) -> None:
    assert load(text, source="vwo.json").campaigns.keys() == {"test"}


# --- What is taken -----------------------------------------------------------------------------


def test_the_head_of_a_document() -> None:
    site = loaded(
        document(version="3", collectionPrefix="eu01", isEventArchEnabled=True, unheard=[None])
    )

    assert (site.dialect, site.account_id, site.version) == ("vwo", "123456", "3")
    assert (site.sdk_key, site.collection_prefix) == (SDK_KEY, "eu01")
    assert site.has_event_properties is True
    assert SDK_KEY not in repr(site)


@pytest.mark.parametrize("prefix", [None, "", 5, ["eu01"], {}])
def test_a_prefix_that_is_no_text_is_none(prefix: Any) -> None:
    assert loaded(document(collectionPrefix=prefix)).collection_prefix == ""


@pytest.mark.parametrize("key", [None, ""])
def test_a_document_may_lack_the_key(key: Any) -> None:
    lacking = document(campaign())
    del lacking["sdkKey"]

    assert loaded(lacking).sdk_key == ""
    assert loaded(document(sdkKey=key)).sdk_key == ""


@pytest.mark.parametrize("value", [True, 1, "false", [0]])
def test_event_properties_are_switched_on_by_truth(value: Any) -> None:
    assert loaded(document(isEventArchEnabled=value)).has_event_properties is True
    assert loaded(document(isEventArchEnabled=0)).has_event_properties is False


@pytest.mark.parametrize("nothing", [[], {}])
def test_empty_collections_may_be_objects(nothing: Any) -> None:
    site = loaded(
        document(
            campaign("a", 1, goals=nothing, variables=nothing),
            campaign("b", 2, variations=nothing),
            feature_test("c", 3, variations=[variation(1, "On", 100, variables=nothing)]),
            groups={},
            campaignGroups={},
        )
    )

    assert site.campaigns.keys() == {"a", "b", "c"}
    assert site.campaigns["a"].goals == {}
    assert site.campaigns["b"].variations == {}
    assert loaded({**document(), "campaigns": nothing}).campaigns == {}


def test_a_campaign_as_it_is() -> None:
    test = loaded(document(campaign(id="10", name="A test", percentTraffic=60))).campaigns["test"]

    assert (test.id, test.key, test.name, test.type) == ("10", "test", "A test", CampaignType.AB)
    assert test.percent_traffic == 60
    assert [(arm.id, arm.name, arm.weight) for arm in test.variations.values()] == [
        ("1", "Control", 50),
        ("2", "Variation-1", 50),
    ]
    assert test.assignment_key == "test"
    assert test.bucketing.ranges.ends == (5000, 10000)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("VISUAL_AB", CampaignType.AB),
        ("FEATURE_TEST", CampaignType.FEATURE_TEST),
        ("FEATURE_ROLLOUT", CampaignType.ROLLOUT),
        ("visual_ab", CampaignType.OTHER),
        ("", CampaignType.OTHER),
    ],
)
def test_types(kind: str, expected: CampaignType) -> None:
    assert loaded(document(campaign(type=kind))).campaigns["test"].type is expected


@pytest.mark.parametrize("status", ["PAUSED", "running", "", "RUNNING "])
def test_only_running_campaigns_take_part(status: str) -> None:
    site = loaded(document(campaign("a", 1, status=status), campaign("b", 2, goals=[])))

    assert site.campaigns.keys() == {"b"}
    assert site.campaigns_by_id.keys() == {"2"}
    assert site.campaigns_by_goal == {}
    assert site.paused_keys == {"a"}
    assert site.paused_goals == {"signup", "purchase"}


def test_a_key_means_the_first_running_campaign_that_has_it() -> None:
    site = loaded(
        document(
            campaign("a", 1, status="PAUSED"),
            campaign("a", 2),
            campaign("a", 3, goals=[goal("late", 33)]),
        )
    )

    assert site.campaigns["a"].id == "2"
    assert site.paused_keys == frozenset()
    assert site.paused_goals == frozenset()
    assert [found.id for found in site.campaigns_by_goal["late"]] == ["3"]
    assert list(map(str, site.problems)) == [
        "campaigns[2].key: is taken: the first campaign with it runs"
    ]


def test_of_two_campaigns_with_an_id_the_first_is_meant() -> None:
    site = loaded(document(campaign("a", 1), campaign("b", 1)))

    assert site.campaigns_by_id["1"].key == "a"


def test_of_two_variations_with_a_name_the_first_is_remembered() -> None:
    arms = [variation(1, "Same", 50), variation(2, "Same", 50)]
    test = loaded(document(campaign(variations=arms))).campaigns["test"]

    assert test.variations["Same"].id == "1"
    assert [arm.id for arm in test.bucketing.ranges.owners] == ["1", "2"]


# --- Goals: of any shape -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "item",
    [
        *(1, None, "x", True, [], ["identifier"], {}),
        *({"identifier": "x"}, {"id": 5}, {"identifier": 5, "id": 5}),
        *({"identifier": "x", "id": None}, {"identifier": "x", "id": True}),
        *({"identifier": "x", "id": [1]}, {"identifier": None, "id": 1}),
        *({"identifier": "half \ud800", "id": 1}, {"identifier": "x", "id": "half \ud800"}),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("status", ["RUNNING", "PAUSED"])
def test_goals_that_cannot_be_reached_are_reported(item: Any, status: str) -> None:
    site = loaded(document(campaign(goals=[item, goal("signup", 21)], status=status)))

    if status == "PAUSED":
        assert "signup" in site.paused_goals
        assert "half \ud800" not in site.paused_goals
        return
    assert site.campaigns["test"].goals.keys() == {"signup"}
    assert list(map(str, site.problems)) == [
        "campaigns[0].goals[0]: lacks an identifier or an id: it cannot be reached"
    ]


def test_of_two_goals_with_an_identifier_the_first_counts() -> None:
    items = [goal("signup", 1), goal("signup", 2, "REVENUE_TRACKING")]

    found = loaded(document(campaign(goals=items))).campaigns["test"].goals["signup"]

    assert (found.id, found.type) == ("1", GoalType.CUSTOM)


@pytest.mark.parametrize(
    ("fields", "is_repeatable"),
    [
        ({}, False),
        ({"mca": -1}, True),
        ({"mca": -1.0}, True),
        ({"mca": "-1"}, False),
        ({"mca": 0}, False),
        ({"mca": None}, False),
        ({"mca": [-1]}, False),
        ({"hasProps": True}, True),
        ({"hasProps": 1}, True),
        ({"hasProps": "true"}, False),
        ({"hasProps": False}, False),
    ],
)
def test_goals_that_count_each_time(fields: Json, is_repeatable: bool) -> None:
    items = [goal("signup", 1, **fields)]

    found = loaded(document(campaign(goals=items))).campaigns["test"].goals["signup"]

    assert found.is_repeatable is is_repeatable


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("CUSTOM_GOAL", GoalType.CUSTOM),
        ("REVENUE_TRACKING", GoalType.REVENUE),
        ("WEIRD", GoalType.OTHER),
        (None, GoalType.OTHER),
        ([], GoalType.OTHER),
        ({}, GoalType.OTHER),
    ],
)
def test_goal_types(kind: Any, expected: GoalType) -> None:
    items = [goal("signup", "x1", kind)]

    found = loaded(document(campaign(goals=items))).campaigns["test"].goals["signup"]

    assert (found.type, found.id) == (expected, "x1")


@pytest.mark.parametrize(
    ("value", "expected"), [("price", "price"), ("", None), (None, None), (5, None), ([], None)]
)
def test_revenue_property(value: Any, expected: str | None) -> None:
    items = [goal("signup", 1, revenueProp=value)]

    found = loaded(document(campaign(goals=items))).campaigns["test"].goals["signup"]

    assert found.revenue_prop == expected


# --- Features ----------------------------------------------------------------------------------


def flags_of(kind: str, *arms: Json) -> list[bool]:
    test = loaded(document(campaign(type=kind, variations=list(arms)))).campaigns["test"]
    return [arm.is_feature_enabled for arm in test.variations.values()]


def test_a_rollout_or_an_unknown_type_is_on_whatever_its_variations_say() -> None:
    arms = (variation(1, "a", 50, isFeatureEnabled=False), variation(2, "b", 50))

    assert flags_of("FEATURE_ROLLOUT", *arms) == [True, True]
    assert flags_of("SOMETHING", *arms) == [True, True]


def test_a_feature_test_is_on_where_it_says_so() -> None:
    arms = (
        variation(1, "a", 30, isFeatureEnabled=False),
        variation(2, "b", 30, isFeatureEnabled=True),
        variation(3, "c", 40),
    )

    assert flags_of("FEATURE_TEST", *arms) == [False, True, False]


@pytest.mark.parametrize("control_id", [1, "1", 1.0])
def test_off_variations_have_the_values_of_the_control(control_id: Any) -> None:
    arms = [
        variation(2, "off", 30, isFeatureEnabled=False, variables=[variable("v", "string", "o")]),
        variation(3, "unsaid", 30, variables=[variable("v", "string", "u")]),
        variation(4, "on", 20, isFeatureEnabled=True, variables=[variable("v", "string", "n")]),
        variation(control_id, "control", 20, variables=[variable("v", "string", "c")]),
    ]
    test = loaded(document(feature_test(variations=arms))).campaigns["feature"]

    assert {name: arm.variables["v"] for name, arm in test.variations.items()} == {
        "off": "c",
        "unsaid": "u",
        "on": "n",
        "control": "c",
    }


def test_off_without_a_control_has_no_values() -> None:
    arms = [variation(2, "off", 100, isFeatureEnabled=False, variables=[variable("v", "x", 1)])]
    site = loaded(document(feature_test(variations=arms)))

    assert site.campaigns["feature"].variations["off"].variables == {}
    assert list(map(str, site.problems)) == [
        "campaigns[0].variations: have no control (id 1): off, they have no variables"
    ]


def test_a_rollouts_values_are_the_campaigns() -> None:
    arms = [variation(1, "website", 100, variables=[variable("limit", "integer", 99)])]
    test = loaded(document(rollout(variations=arms))).campaigns["rollout"]

    assert test.variations["website"].variables == {"limit": 12}


@pytest.mark.parametrize("make", [feature_test, rollout])
def test_features_may_lack_variables(make: Any) -> None:
    bare = make(variations=split(100))
    bare.pop("variables", None)
    site = loaded(document(bare))

    assert all(
        arm.variables == {} for test in site.campaigns.values() for arm in test.variations.values()
    )


# --- What is taken, but reported ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "is_nb", "said"),
    [
        (1, False, "is so low that 1.0% of those admitted get no variation"),
        (0.5, False, "is so low that 2.0% of those admitted get no variation"),
        (50, False, None),
        (1, True, None),
        (150, True, "is 150, not 0 to 100"),
        (-1, True, "is -1, not 0 to 100"),
    ],
)
def test_traffic_that_does_not_do_what_it_says_is_reported(
    percent: float, is_nb: bool, said: str | None
) -> None:
    problems = loaded(document(campaign(percentTraffic=percent), isNB=is_nb)).problems

    expected = [f"campaigns[0].percentTraffic: {said}"] if said else []
    assert list(map(str, problems)) == expected


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (
            document(campaign(type="BANNER")),
            "campaigns[0].type: is missing or unknown: most calls do not take the campaign",
        ),
        (
            document(campaign(variations=split("abc", 100))),
            "campaigns[0].variations[0].weight: is no finite number: the variation gets nobody",
        ),
        (
            document(campaign(variations=split("inf", 100))),
            "campaigns[0].variations[0].weight: is no finite number: the variation gets nobody",
        ),
        (
            document(campaign(variations=split(20, 30))),
            "campaigns[0].variations: have weights that sum to 50, not to 100",
        ),
        (
            document(campaign(variations=[])),
            "campaigns[0].variations: have weights that sum to 0, not to 100",
        ),
        (
            document(campaign(segments={"zzz": 1})),
            "campaigns[0].segments.zzz: is an unknown operator: nobody meets it",
        ),
        (
            document(campaign(variations=[variation(1, "a", 100, segments={"and": 5})])),
            "campaigns[0].variations[0].segments.and: is no list of conditions; the whole segment "
            "is false when it is reached",
        ),
        (
            document(campaign(), campaignGroups={"10": 3}),
            "campaigns[0]: is in group 3, which is missing: it counts as ungrouped",
        ),
        (
            grouped(campaign(), campaigns=[99]),
            "campaigns[0]: is in group 7, which does not list it: nobody enters it",
        ),
        (
            grouped(campaign(), et=3),
            "groups.7.et: is an unknown way to choose: the group admits nobody",
        ),
        (
            grouped(campaign(), et=2, p=[], wt={}),
            "groups.7: has no priority and no weights: of several, no campaign wins",
        ),
    ],
)
def test_problems_are_reported_once_with_their_place(whole: Json, said: str) -> None:
    site = loaded(whole)

    assert list(map(str, site.problems)) == [said]


def test_a_missing_type_is_reported() -> None:
    typeless = campaign()
    del typeless["type"]

    assert "most calls do not take the campaign" in str(loaded(document(typeless)).problems[0])


@pytest.mark.parametrize(
    "whole",
    [
        document(campaign(), feature_test(), rollout()),
        grouped(campaign(), campaign("b", 11), et=2, p=[10]),
        document(whitelisting("Control", "x"), campaign("b", 11, segments=custom("a", "gt(5)"))),
        document(campaign(variations=split("33.33", "33.33", "33.34"))),
        document(campaign(variations=split(100 / 3, 100 / 3, 100 / 3))),
        document(campaign(status="PAUSED", type="BANNER", variations=[])),
    ],
)
def test_a_sound_document_has_no_problems(whole: Json) -> None:
    assert loaded(whole).problems == ()


@pytest.mark.parametrize("weight", ["1e308", 1e308, -1e308, "-1e308", 10**300])
def test_weights_of_any_size_are_survived(weight: Any) -> None:
    test = loaded(document(campaign(variations=split(weight, 100)))).campaigns["test"]

    assert len(test.variations) == 2


def test_weights_as_text_are_numbers() -> None:
    test = loaded(document(campaign(variations=split("30", " 70 ")))).campaigns["test"]

    assert test.bucketing.ranges.ends == (3000, 10000)


@pytest.mark.parametrize(
    ("group", "rule"),
    [
        ({}, GroupRule.EQUAL_CHANCE),
        ({"et": 1}, GroupRule.EQUAL_CHANCE),
        ({"et": 1.0}, GroupRule.EQUAL_CHANCE),
        ({"et": 2}, GroupRule.PRIORITY_THEN_WEIGHTS),
        ({"et": 0}, GroupRule.NOBODY_WINS),
        ({"et": 1.5}, GroupRule.NOBODY_WINS),
    ],
)
def test_group_rules(group: Json, rule: GroupRule) -> None:
    found = loaded(grouped(campaign(), **group)).campaigns["test"].group

    assert found is not None
    assert found.rule is rule
    assert (found.id, found.name, found.campaign_ids) == ("7", "one of these", ("10",))


def test_a_group_of_thousands_of_digits_is_survived() -> None:
    assert loaded(document(campaign(), groups={"1" * 5000: {}})).campaigns.keys() == {"test"}


def test_loading_leaves_the_text_as_it_was() -> None:
    whole = grouped(campaign(), feature_test())
    before = json.dumps(whole)

    loaded(whole)

    assert json.dumps(whole) == before


@pytest.mark.parametrize(
    "change", [{"id": 9}, {"name": "Other"}, {"weight": 40}, {"isFeatureEnabled": True}]
)
def test_tests_share_their_variations_only_where_all_is_equal(change: Json) -> None:
    arms = split(50, 50)
    alike = campaign("alike", 11, variations=split(50, 50))
    other = campaign("other", 12, variations=[{**arms[0], **change}, arms[1]])
    found = loaded(document(campaign("one", 10, variations=arms), alike, other)).campaigns

    assert found["alike"].variations is found["one"].variations
    changed, _ = found["other"].variations.values()
    assert changed not in found["one"].variations.values()
    assert found["other"].bucketing.ranges.owners[0] is changed
