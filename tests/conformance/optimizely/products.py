"""Plays of everything with everything: conditions with values, versions with versions, tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from tests.conformance.oracle import Call

from .chance import ABSENT, without_absent
from .generated_audiences import (
    NUMBERS,
    ODD_TYPES,
    ODD_VALUES,
    ODD_VERSIONS,
    TEXTS,
    TYPES,
    VERSIONS,
    Json,
    json_text,
)
from .generated_plays import NUMBERS as VALUE_TAGS
from .generated_plays import REVENUES, Act, Play
from .official import Generation

VALUES = (*TEXTS[:5], *NUMBERS, *(each for each in ODD_VALUES if each != {}), "2.1")
MATCHES = ("exact", "exists", "substring", "gt", "le", "qualified", ABSENT, "", "regex")
SEMVER = ("semver_eq", "semver_gt", "semver_ge", "semver_lt", "semver_le")
CASE = "x"
"""The attribute that the conditions are on."""


def everybody(number: str, **fields: Any) -> Json:
    """Return an experiment with one variation for all."""
    arm = {"id": f"{number}1", "key": "a"}
    return {
        **{"id": number, "key": f"e{number}", "layerId": number, "status": "Running"},
        **{"variations": [arm], "forcedVariations": {}, "audienceIds": []},
        "trafficAllocation": [{"entityId": arm["id"], "endOfRange": 10_000}],
        **fields,
    }


def datafile(experiments: Sequence[Json], **fields: Any) -> Json:
    """Return a datafile of *experiments*."""
    return {
        **{"version": "4", "accountId": "12001", "projectId": "111001", "revision": "42"},
        **{"experiments": list(experiments), "groups": [], "attributes": [], "audiences": []},
        "events": [{"id": "20", "key": "buy", "experimentIds": [e["id"] for e in experiments]}],
        **fields,
    }


def play_of(document: Json, calls: Sequence[Call]) -> Play:
    """Return a play of one act, without a user profile service."""
    return Play(acts=(Act(document=document, calls=tuple(calls)),), profiles=None)


def play_on(leaves: Sequence[Json], attributes: Sequence[Json]) -> Play:
    """Return a play in which a user of each kind meets an experiment for each leaf, and its not."""
    trees = [tree for leaf in leaves for tree in (leaf, ["not", leaf])]
    numbers = [str(1000 + index) for index in range(len(trees))]
    experiments = [everybody(number, audienceIds=[f"a{number}"]) for number in numbers]
    audiences = [
        {"id": f"a{number}", "name": "", "conditions": json_text(["or", tree])}
        for number, tree in zip(numbers, trees, strict=True)
    ]
    document = datafile(experiments, audiences=audiences)
    calls = [
        Call(method="get_variation", args=(f"e{number}", "Bob", told))
        for number, told in product(numbers, attributes)
    ]
    return play_of(document, calls)


def condition_plays(generation: Generation) -> Iterator[Play]:
    """Yield a play for each match, or, where that does not matter, one."""
    told: list[Json] = [{CASE: value} for value in VALUES]
    told += [{}, {"y": 5}]
    values = [*(value for value in VALUES if not isinstance(value, dict | list)), ABSENT]
    for match in MATCHES if generation.is_today else (ABSENT,):
        leaves = [
            without_absent(
                {"name": CASE, "type": "custom_attribute", "match": match, "value": value}
            )
            for value in values
        ]
        yield play_on(leaves, told)
    odd = [{"name": CASE, "type": kind, "value": "gold"} for kind in (*ODD_TYPES, *TYPES)]
    odd += [{"name": name, "type": TYPES[0], "value": None} for name in (None, ABSENT)]
    yield play_on([without_absent(leaf) for leaf in odd], [{CASE: "gold"}, {}, {"y": 5}])


def version_plays(generation: Generation) -> Iterator[Play]:
    """Yield a play for each version that others are compared with, where that is done."""
    versions = (*VERSIONS, *ODD_VERSIONS, "2.1.3-9", "2.1.3-10.1", "2.1.4-beta")
    for version in versions if generation.is_today else ():
        leaves = [
            {"name": CASE, "type": TYPES[0], "match": match, "value": version} for match in SEMVER
        ]
        yield play_on(leaves, [{CASE: told} for told in versions])


def tag_plays() -> Iterator[Play]:
    """Yield a play in which every revenue is tracked with every value."""
    tags: list[Any] = [None, {}, {"a": 1}]
    for revenue, value in product((*REVENUES, ABSENT), (*VALUE_TAGS, ABSENT)):
        tags.append(without_absent({"revenue": revenue, "value": value}))
    calls = [Call(method="track", args=("buy", "Bob", None, each)) for each in tags]
    yield play_of(datafile([everybody("1000"), everybody("1001")]), calls)


def rare_plays(generation: Generation) -> Iterator[Play]:
    """Yield plays of what is generated too rarely to count on."""
    shown = [
        Call(method=method, args=(key, "Bob", {"plan": "gold"}))
        for key in ("e10", "e11", " ", "")
        for method in ("activate", "get_variation")
    ]
    told = [Call(method="track", args=("buy", "Bob", {"plan": "gold"}))]
    for key in (" ", "", "e11"):
        forced = [Call(method="set_forced_variation", args=(key, "Bob", "b"))]
        cleared = [
            Call(method="set_forced_variation", args=("e10", "Bob", given)) for given in FALSE
        ]
        yield play_of(datafile([of_two("10"), of_two("11", key=key)]), [*shown, *forced, *shown])
        yield play_of(datafile([of_two("10"), of_two("11", key=key)]), [*forced, *told, *cleared])
    odd = (["or", "x"], ["or", ["not", "x"]]) if generation.is_today else ()
    for conditions in ([], ["and", []], *odd):
        audiences = [{"id": "71", "name": "", "conditions": json_text(conditions)}]
        yield play_of(datafile([everybody("10", audienceIds=["71"])], audiences=audiences), shown)
    if generation.is_today:
        users = [f"u{number}" for number in range(8)]
        listed = of_two("10", forcedVariations=dict.fromkeys(users, "b"))
        namesake = everybody("11", key="e10", variations=[{"id": "111", "key": "c"}])
        asked = [Call(method="is_feature_enabled", args=("f", user)) for user in users]
        yield play_of(datafile([listed, namesake], **FLAG), asked)
    for entry in (None, {}, "101", []):
        stored = {"user_id": "Bob", "experiment_bucket_map": {"10": entry, "12": entry}}
        acts = (Act(document=datafile([of_two("10"), everybody("11")]), calls=tuple(shown)),)
        yield Play(acts=acts, profiles={"Bob": stored})


FALSE = (0, False, "", [])
FLAG = {
    "featureFlags": [
        {"id": "30", "key": "f", "experimentIds": ["10"], "rolloutId": "", "variables": []}
    ]
}


def of_two(number: str, **fields: Any) -> Json:
    """Return an experiment of two halves."""
    arms = [{"id": f"{number}1", "key": "a"}, {"id": f"{number}2", "key": "b"}]
    halves = [
        {"entityId": arm["id"], "endOfRange": end}
        for arm, end in zip(arms, (5000, 10_000), strict=True)
    ]
    return everybody(number, **{"variations": arms, "trafficAllocation": halves, **fields})
