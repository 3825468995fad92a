"""Which campaigns a goal counts for, and when it needs a revenue."""

from __future__ import annotations

from typing import Any

import pytest

from django_vwo.engine.conversions import campaigns_with_goal, lacks_revenue, takes_goal
from django_vwo.engine.entities import Goal, GoalType
from tests.builders import campaign, document, feature_test, goal, loaded, rollout

SITE = loaded(
    document(
        campaign("a", 10),
        campaign("paused", 11, status="PAUSED"),
        feature_test("b", 12),
        campaign("c", 13, goals=[goal("other", 31)]),
        rollout("d", 14, goals=[goal("signup", 41)]),
        campaign("a", 15, goals=[goal("signup", 51), goal("late", 52)]),
    )
)


@pytest.mark.parametrize(
    ("specifier", "goal_identifier", "keys"),
    [
        (None, "signup", ["a", "b", "d", "a"]),
        (None, "nothing", []),
        ("a", "signup", ["a"]),
        ("a", "late", []),
        ("c", "signup", []),
        ("paused", "signup", []),
        ("", "signup", []),
        (["c", "a", "paused", "zzz", "a"], "signup", ["c", "a"]),
        ([5, None, ["a"], {}, b"a", "b"], "signup", ["b"]),
        ([], "signup", []),
    ],
)
def test_campaigns_that_a_goal_counts_for(
    specifier: Any, goal_identifier: str, keys: list[str]
) -> None:
    found = campaigns_with_goal(SITE, specifier, goal_identifier)

    assert [each.key for each in found] == keys


def test_of_two_campaigns_with_a_key_the_first_is_meant() -> None:
    assert campaigns_with_goal(SITE, ["a"], "signup")[0].id == "10"
    assert campaigns_with_goal(SITE, "a", "signup")[0].id == "10"


@pytest.mark.parametrize("goal_type", list(GoalType))
@pytest.mark.parametrize("wanted", ["ALL", "CUSTOM_GOAL", "REVENUE_TRACKING"])
def test_goals_of_the_other_type_are_not_taken(goal_type: GoalType, wanted: str) -> None:
    reached = Goal(id="1", identifier="signup", type=goal_type)
    is_taken = wanted in ("ALL", goal_type) or goal_type is GoalType.OTHER

    assert takes_goal(SITE.campaigns["a"], reached, wanted) is is_taken
    assert takes_goal(SITE.campaigns["d"], reached, wanted) is False
    assert takes_goal(SITE.campaigns["a"], None, wanted) is False


@pytest.mark.parametrize(
    ("fields", "revenue", "properties", "on_classic", "with_properties"),
    [
        ({"type": "CUSTOM_GOAL"}, None, {}, False, False),
        ({"type": "SOMETHING"}, None, {}, False, False),
        ({}, None, {}, True, True),
        ({}, 5, {}, False, False),
        ({}, "5", {}, False, False),
        ({"revenueProp": "price"}, None, {"price": None}, True, False),
        ({"revenueProp": "price"}, None, {"price": 0}, True, False),
        ({"revenueProp": "price"}, None, {"other": 1}, True, True),
        ({"revenueProp": "price", "mca": -1}, None, {}, True, True),
        ({"mca": -1}, None, {}, True, False),
        ({"mca": -1.0, "revenueProp": ""}, None, {}, True, False),
        ({"mca": -1, "revenueProp": 5}, None, {}, True, True),
        ({"mca": "-1"}, None, {}, True, True),
        ({"mca": 1}, None, {}, True, True),
        ({"hasProps": True}, None, {}, True, True),
    ],
)
def test_revenue_goals_need_a_revenue(
    fields: dict[str, Any],
    revenue: Any,
    properties: dict[str, Any],
    on_classic: bool,
    with_properties: bool,
) -> None:
    for has_properties, lacks in ((False, on_classic), (True, with_properties)):
        items = [goal("buy", 1, **{"type": "REVENUE_TRACKING", **fields})]
        site = loaded(document(campaign(goals=items), isEventArchEnabled=has_properties))
        reached = site.campaigns["test"].goals["buy"]

        assert lacks_revenue(reached, revenue, properties, has_properties) is lacks
