"""What a datafile changes about flags, groups and forced variations is told."""

from __future__ import annotations

from typing import Any

import pytest

from django_vwo.engine.changes import changes
from tests.datafiles import (
    Json,
    allocation,
    datafile,
    experiment,
    flag,
    group,
    loaded,
    rule,
    variation,
)
from tests.datafiles import rollout as rollout_of


def on(value: str) -> Json:
    """Return a variation that has the feature, and a value of its variable."""
    return variation("101", "a", featureEnabled=True, variables=[{"id": "801", "value": value}])


def site(*flags: Json, value: str = "8", end: int = 10000, **fields: Any) -> Json:
    variations = [on(value), variation("102", "b", featureEnabled=False)]
    return datafile(
        experiment("test", "10", variations=variations, **fields),
        featureFlags=list(flags or [flag("nav", "10", rollout="50")]),
        rollouts=[rollout_of(rule("60", end=end))],
    )


def variable(value: str) -> list[Json]:
    return [{"id": "801", "key": "limit", "type": "integer", "defaultValue": value}]


CASES: dict[str, tuple[Json, list[str]]] = {
    "nothing": (site(), []),
    "a flag is gone": (
        site(flag("other")),
        ["other: the feature is new", "nav: the feature is gone"],
    ),
    "no rollout": (
        site(flag("nav", "10")),
        ["nav: the feature is decided by test, rule-60 -> test"],
    ),
    "decided by nothing": (
        site(flag("nav")),
        ["nav: the feature is decided by test, rule-60 -> none"],
    ),
    "a default": (
        site(flag("nav", "10", rollout="50", variables=variable("6"))),
        ["nav: by default, limit: 7 -> 6"],
    ),
    "a value": (site(value="9"), ["nav: in a of test, limit: 8 -> 9"]),
    "a share of a rollout": (site(end=500), ["rule-60: weights on 100 % -> on 5 %"]),
    "forced users": (
        site(forcedVariations={"ann": "a", "bob": "b"}),
        ["test: the users who are forced into a variation are others (0 -> 2)"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_a_feature_is_told(case: str) -> None:
    after, told = CASES[case]
    assert [str(each) for each in changes(loaded(site()), loaded(after))] == told


def test_another_split_of_a_group_is_told() -> None:
    members = [experiment("one", "10"), experiment("two", "11")]
    uneven = {"trafficAllocation": allocation(("10", 2500), ("11", 10000))}
    before, after = (
        loaded(datafile(groups=[group(*members, **fields)])) for fields in ({}, uneven)
    )
    (told,) = changes(before, after)
    assert str(told) == ("group 30: the shares of its members are others: visitors change places")
