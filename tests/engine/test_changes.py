"""Documents are compared by what they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.engine.changes import Change, ChangeKind, changes
from tests.builders import (
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

SEGMENTS: list[Json] = [
    custom("browser", "regex(fire.*)"),
    custom("age", "regex(12)"),
    custom("age", "gt(nan)"),
    custom("age", "gt(18)"),
    custom("plan", "wildcard(*gold*)"),
    {"user": "ann, bob"},
    {"and": [custom("a", "lower(X)"), {"not": {"or": [custom("b", "1")]}}]},
    {"unheard-of": 1},
    {"and": [None]},
    custom("a", "regex((a+)+$)"),
]


def told(before: Json, after: Json) -> list[str]:
    return [str(change) for change in changes(loaded(before), loaded(after))]


def kinds(before: Json, after: Json) -> list[ChangeKind]:
    return [change.kind for change in changes(loaded(before), loaded(after))]


@pytest.mark.parametrize("segment", SEGMENTS, ids=json.dumps)
def test_the_same_document_loaded_twice_has_no_changes(segment: Json) -> None:
    text = document(
        campaign(segments=segment),
        feature_test(variations=feature_test()["variations"]),
        rollout(variables=[variable("share", "double", "nan")]),
        whitelisting("Control", "regex(.*)", key="listed", id=40),
        isNB=True,
    )
    assert told(text, text) == []


def test_json_that_means_the_same_is_no_change() -> None:
    one = document(campaign(variations=split(50, 50), segments={}, version=3), groups={})
    other = document(
        dict(reversed(campaign(variations=split("50.0", "5e1"), percentTraffic=100.0).items())),
        version="17",
        unheardOf=[1],
    )
    assert told(one, other) == []


def test_without_a_document_before_every_running_campaign_starts() -> None:
    after = loaded(document(campaign(), rollout(), campaign("old", 3, status="PAUSED")))
    assert [str(change) for change in changes(None, after)] == [
        "test: starts: A/B test, 100 % of visitors, Control 50 %, Variation-1 50 %",
        "rollout: starts: feature rollout, 100 % of visitors, Control 100 %",
    ]


def test_a_document_without_campaigns_ends_them_all() -> None:
    assert told(document(campaign()), document()) == ["test: is gone"]
    assert told(document(), document()) == []


def one(**changed: Any) -> tuple[Json, Json]:
    """Return a document of one campaign, and the same with the campaign's fields *changed*."""
    return document(campaign()), document(campaign(**changed))


THREE = [*split(20, 30), variation(3, "Variation-2", 50)]
GOALS = campaign()["goals"]

CASES: dict[str, tuple[tuple[Json, Json], list[tuple[ChangeKind, str]]]] = {
    "re-weighted": (
        one(variations=split(20, 80)),
        [
            (
                ChangeKind.WEIGHTS,
                "weights Control 50 %, Variation-1 50 % -> Control 20 %, Variation-1 80 %",
            )
        ],
    ),
    "weight by a trace": (
        one(variations=split(50, 50.001)),
        [
            (
                ChangeKind.WEIGHTS,
                "weights Control 50 %, Variation-1 50 % -> Control 50 %, Variation-1 50.001 %",
            )
        ],
    ),
    "traffic": (one(percentTraffic=33.3), [(ChangeKind.TRAFFIC, "traffic 100 % -> 33.3 %")]),
    "variation added": (
        one(variations=[*split(50, 50), variation(3, "Variation-2", 0)]),
        [(ChangeKind.VARIATION_ADDED, "Variation-2 is new, 0 %")],
    ),
    "variation gone": (
        one(variations=split(50)),
        [(ChangeKind.VARIATION_GONE, "Variation-1 is gone")],
    ),
    "variation renamed": (
        one(variations=[variation(1, "Control", 50), variation(2, "Blue", 50)]),
        [(ChangeKind.VARIATION_RENAMED, "Variation-1 is called Blue now")],
    ),
    "variation with another id": (
        one(variations=[variation(1, "Control", 50), variation(9, "Variation-1", 50)]),
        [(ChangeKind.VARIATION_RENAMED, "Variation-1 has the id 9, not 2")],
    ),
    "names exchanged": (
        one(variations=[variation(2, "Control", 50), variation(1, "Variation-1", 50)]),
        [
            (ChangeKind.VARIATION_RENAMED, "Control is called Variation-1 now"),
            (ChangeKind.VARIATION_RENAMED, "Variation-1 is called Control now"),
            (ChangeKind.BUCKETING, "the variations are in another order: visitors change places"),
        ],
    ),
    "another order": (
        one(variations=split(50, 50)[::-1]),
        [(ChangeKind.BUCKETING, "the variations are in another order: visitors change places")],
    ),
    "segment": (
        one(segments=custom("a", "b")),
        [(ChangeKind.SEGMENT, "has a segment now: not everybody is admitted")],
    ),
    "type": (
        one(type="FEATURE_TEST"),
        [
            (ChangeKind.TYPE, "A/B test -> feature test"),
        ],
    ),
    "bandit": (one(isMAB=True), [(ChangeKind.TYPE, "is a multi-armed bandit")]),
    "goal added": (
        one(goals=[*GOALS, goal("visit", 30)]),
        [(ChangeKind.GOAL_ADDED, "goal visit is new")],
    ),
    "goal gone": (one(goals=GOALS[:1]), [(ChangeKind.GOAL_GONE, "goal purchase is gone")]),
    "goal of another type": (
        one(goals=[goal("signup", 21, "REVENUE_TRACKING", revenueProp="total"), GOALS[1]]),
        [
            (
                ChangeKind.GOAL_CHANGED,
                "goal signup: CUSTOM_GOAL -> REVENUE_TRACKING, revenue from the call -> total",
            )
        ],
    ),
    "goal that counts each time": (
        one(goals=[goal("signup", 5, mca=-1), GOALS[1]]),
        [(ChangeKind.GOAL_CHANGED, "goal signup: id 21 -> 5, counts each time")],
    ),
    "seed": (
        one(isBucketingSeedEnabled=True),
        [
            (
                ChangeKind.BUCKETING,
                "bucketing of who is admitted: <user id> -> 10_<user id>; visitors change places",
            ),
            (
                ChangeKind.BUCKETING,
                "bucketing of the variation: <user id> -> 10_<user id>; visitors change places",
            ),
        ],
    ),
    "replaced": (
        one(id=99),
        [
            (ChangeKind.REPLACED, "is another campaign now, with the id 99"),
            (
                ChangeKind.BUCKETING,
                "bucketing of the variation: 10_123456_<user id> -> 99_123456_<user id>; "
                "visitors change places",
            ),
        ],
    ),
    "paused": (one(status="PAUSED"), [(ChangeKind.PAUSED, "no longer runs")]),
    "key": (
        one(key="other"),
        [
            (
                ChangeKind.RENAMED,
                "its key is other now: what was remembered under the old one is not found",
            )
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_a_campaign_is_told(case: str) -> None:
    (before, after), expected = CASES[case]
    # Low traffic stretches the buckets of the oldest accounts; this one is of the newest.
    before, after = before | {"isNBv2": True}, after | {"isNBv2": True}
    if case == "seed":
        before, after = before | {"isNBv2": False}, after | {"isNBv2": False}
    found = changes(loaded(before), loaded(after))
    assert found == tuple(Change(kind, "test", text) for kind, text in expected)


def test_low_traffic_of_the_oldest_accounts_moves_visitors() -> None:
    assert told(*one(percentTraffic=50)) == [
        "test: traffic 100 % -> 50 %",
        "test: buckets are stretched by 1 -> 2: visitors change places",
    ]


@pytest.mark.parametrize("segment", SEGMENTS[1:], ids=json.dumps)
def test_another_segment_is_told(segment: Json) -> None:
    before = document(campaign(segments=SEGMENTS[0]))
    assert told(before, document(campaign(segments=segment))) == ["test: the segment is another"]
    assert told(before, document(campaign())) == [
        "test: has no segment any more: everybody is admitted"
    ]


def test_other_listed_users_are_another_segment() -> None:
    before = document(campaign(segments={"user": "ann,bob"}))
    assert told(before, document(campaign(segments={"user": "bob, ann"}))) == []
    after = document(campaign(segments={"user": "ann, cem"}))
    assert kinds(before, after) == [ChangeKind.SEGMENT]


def test_whitelisting_and_its_switch_are_told() -> None:
    before = whitelisting("Control", "x")
    off = {**before, "isForcedVariationEnabled": False}
    other = whitelisting("Control", "y", isUserListEnabled=True)
    assert told(document(before), document(off)) == ["test: whitelisting is off"]
    assert told(document(off), document(before)) == ["test: whitelisting is on"]
    assert told(document(before), document(other)) == [
        "test: whitelisting lists hashed user ids",
        "test: whitelisting of Control is another",
    ]


def test_variables_and_switches_of_features_are_told() -> None:
    after = feature_test()
    after["variations"][1] |= {
        "isFeatureEnabled": False,
        "variables": [],
    }
    assert told(document(feature_test()), document(after)) == [
        "feature: the feature is on -> off in Variation-1",
        "feature: colour in Variation-1: 'red' -> 'blue'",
    ]
    more = rollout(
        variables=[
            variable("limit", "boolean", True),
            variable("labels", "json", {"buy": "x" * 99}),
        ]
    )
    assert told(document(rollout()), document(more)) == [
        "rollout: limit in Control: 12 -> True",
        "rollout: labels in Control: missing -> an object",
    ]


def test_a_value_of_another_type_is_another_value() -> None:
    one, other = (
        document(rollout(variables=[variable("limit", kind, 1)])) for kind in ("integer", "double")
    )
    assert told(one, other) == ["rollout: limit in Control: 1 -> 1.0"]


def test_campaigns_come_and_go_in_the_order_of_the_documents() -> None:
    before = document(
        campaign("a", 1),
        campaign("b", 2),
        campaign("c", 3),
        campaign("d", 4, status="PAUSED"),
        campaign("gone-paused", 5, status="PAUSED"),
    )
    after = document(
        campaign("new", 9),
        campaign("d", 4),
        campaign("c", 3, percentTraffic=1),
        campaign("b", 2, status="STOPPED"),
        campaign("waiting", 8, status="DRAFT"),
        isNBv2=True,
    )
    before["isNBv2"] = True
    assert [
        (change.kind, change.campaign_key) for change in changes(loaded(before), loaded(after))
    ] == [
        (ChangeKind.STARTED, "new"),
        (ChangeKind.STARTED, "d"),
        (ChangeKind.TRAFFIC, "c"),
        (ChangeKind.GONE, "a"),
        (ChangeKind.PAUSED, "b"),
        (ChangeKind.ADDED, "waiting"),
        (ChangeKind.GONE, "gone-paused"),
    ]
    assert "d: starts again: " in told(before, after)[1]


def test_a_key_that_moves_to_another_known_campaign_is_no_renaming() -> None:
    before = document(campaign("a", 1), campaign("b", 2))
    after = document(campaign("b", 1))
    assert kinds(before, after) == [
        ChangeKind.REPLACED,
        ChangeKind.GONE,
    ]


def test_groups_are_compared_once_for_all_members() -> None:
    a, b, c = (campaign(key, number) for number, key in enumerate("abc", 1))
    before, after = grouped(a, b), grouped(a, b, c, et=2, p=[2], wt={"1": 40, "3": 60})
    assert told(before, {**after, "campaigns": [a, b]}) == [
        "group one of these: members a, b -> a, b, 3",
        "group one of these: chooses by equal chance -> priority then weights",
        "group one of these: priority none -> b",
        "group one of these: weights none -> a 40, 3 60",
    ]
    assert told(before, document(a, b)) == [
        "a: leaves the group one of these",
        "b: leaves the group one of these",
    ]
    assert told(document(a, b), before) == [
        "a: joins the group one of these",
        "b: joins the group one of these",
    ]


def test_what_concerns_the_whole_account_is_told_without_secrets() -> None:
    before = document()
    after = document(
        accountId="99", sdkKey="0123456789", collectionPrefix="eu01", isEventArchEnabled=True
    )
    assert told(before, after) == [
        "account 123456 -> 99: no visitor is remembered",
        "the SDK key is another: another environment?",
        "collection prefix none -> eu01",
        "the account takes events with properties",
    ]
    assert "0123456789" not in "".join(told(before, after))
    assert "99 -> 123456" in told(after, before)[0]


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "percentTraffic": st.sampled_from([0, 1, 50, 100, 1e300, -5]),
        "variations": st.sampled_from(
            [split(50, 50), split(1), [], split("nan", "x", 1e308), THREE]
        ),
        "segments": st.sampled_from(SEGMENTS),
        "status": st.sampled_from(["RUNNING", "PAUSED"]),
        "type": st.sampled_from(["VISUAL_AB", "FEATURE_TEST", "FEATURE_ROLLOUT", "?"]),
        "goals": st.sampled_from([[], [None, 5, {}], GOALS]),
        "isMAB": st.booleans(),
        "id": st.sampled_from([1, "1", 2]),
        "key": st.sampled_from(["test", "", "other", "two\nlines"]),
    },
)
DOCUMENTS = st.lists(FIELDS, max_size=3).map(
    lambda fields: document(*(campaign(**each) for each in fields))
)


@given(DOCUMENTS, DOCUMENTS)
def test_any_two_documents_can_be_compared(before: Json, after: Json) -> None:
    old, new = loaded(before), loaded(after)
    found = changes(old, new)
    assert found == changes(loaded(before), loaded(after))
    assert all(str(change) and "\n" not in str(change) for change in found)
    assert changes(new, loaded(after)) == ()
    if found:
        assert changes(new, old), "what is a change one way is one the other way"
