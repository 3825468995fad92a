"""What makes a document unfit: each field of the table, with everything that it must not be."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest

from django_vwo.dialects.vwo import load
from django_vwo.engine.errors import DocumentError
from tests.builders import SDK_KEY, Json, campaign, document, loaded, variable, variation

ID = "a number or a string"
TEXT = "a string"
FLAG = "true or false"
LIST = "a list"
OBJECT = "an object"
NUMBER = "a number"
NUMBERS = "a list of numbers"
PERCENT = "a number from 0 to 100 (percent of visitors)"
WEIGHT = "a number (percent of the campaign's visitors)"
VALUE = "a number, string, bool or object"

ANYTHING: dict[str, tuple[Any, str]] = {
    "null": (None, "None"),
    "bool": (True, "True"),
    "number": (5, "5"),
    "string": ("x", "'x'"),
    "list": ([1], "a list"),
    "empty list": ([], "a list"),
    "object": ({"a": 1}, "an object"),
    "empty object": ({}, "an object"),
}
"""A value of each type, and how a message shows it."""

FIELDS: list[tuple[str, str, set[str], bool]] = [
    # Where, what is expected, which types are taken, and whether it must be there.
    ("version", ID, {"number", "string"}, True),
    ("accountId", ID, {"number", "string"}, True),
    ("campaigns", LIST, {"empty list", "empty object"}, True),
    ("groups", OBJECT, {"empty object"}, False),
    ("campaignGroups", OBJECT, {"empty object"}, False),
    ("campaigns[0].id", ID, {"number", "string"}, True),
    ("campaigns[0].key", TEXT, {"string"}, True),
    ("campaigns[0].status", TEXT, {"string"}, True),
    ("campaigns[0].percentTraffic", PERCENT, {"number"}, True),
    ("campaigns[0].goals", LIST, {"list", "empty list", "empty object"}, True),
    ("campaigns[0].variations", LIST, {"empty list", "empty object"}, True),
    ("campaigns[0].type", TEXT, {"string"}, False),
    ("campaigns[0].name", TEXT, {"string"}, False),
    ("campaigns[0].segments", OBJECT, {"object", "empty object"}, False),
    ("campaigns[0].variables", LIST, {"empty list", "empty object"}, False),
    ("campaigns[0].isBucketingSeedEnabled", FLAG, {"bool"}, False),
    ("campaigns[0].variations[0].id", ID, {"number", "string"}, True),
    ("campaigns[0].variations[0].name", TEXT, {"string"}, True),
    ("campaigns[0].variations[0].weight", WEIGHT, {"number", "string"}, True),
    ("campaigns[0].variations[0].isFeatureEnabled", FLAG, {"bool"}, False),
    ("campaigns[0].variations[0].variables", LIST, {"empty list", "empty object"}, False),
    ("campaigns[0].variables[0].id", ID, {"number", "string"}, True),
    ("campaigns[0].variables[0].key", TEXT, {"string"}, True),
    ("campaigns[0].variables[0].type", TEXT, {"string"}, True),
    (
        "campaigns[0].variables[0].value",
        VALUE,
        {"number", "string", "bool", "object", "empty object"},
        True,
    ),
    ("campaigns[0].variations[0].variables[0].key", TEXT, {"string"}, True),
    ("groups.7", OBJECT, {"object", "empty object"}, False),
    ("groups.7.name", TEXT, {"string"}, False),
    ("groups.7.campaigns", NUMBERS, {"list", "empty list"}, False),
    ("groups.7.p", NUMBERS, {"list", "empty list"}, False),
    ("groups.7.et", "1 (random) or 2 (advanced)", {"number"}, False),
    ("groups.7.wt", OBJECT, {"object", "empty object"}, False),
    ("groups.7.wt.10", NUMBER, {"number"}, False),
    ("campaignGroups.10", NUMBER, {"number"}, False),
]


def whole() -> Json:
    """Return a document that has every field of the table."""
    limit = [variable("limit", "integer", 5)]
    arm = variation(1, "Control", 100, isFeatureEnabled=True, variables=limit)
    test = campaign(variations=[arm], variables=copy.deepcopy(limit), name="A test", segments={})
    group = {"name": "g", "campaigns": [10], "p": [10], "et": 2, "wt": {"10": 100}}
    return document(
        {**test, "isBucketingSeedEnabled": False},
        groups={"7": group},
        campaignGroups={"10": 7},
    )


def steps_of(path: str) -> list[Any]:
    """Return *path* as keys and indices."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    owners = ("groups", "campaignGroups", "wt")
    return [
        int(part) if part.isdigit() and before not in owners else part
        for before, part in zip(["", *parts], parts, strict=False)
    ]


def owner_of(root: Json, path: str) -> tuple[Any, Any]:
    """Return what holds the field at *path*, and its key there."""
    *way, last = steps_of(path)
    found: Any = root
    for step in way:
        found = found[step]
    return found, last


def refusal(text: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        load(text, source="vwo.json")
    return str(caught.value)


def wrong_values() -> Iterable[Any]:
    for path, expected, taken, _ in FIELDS:
        for name, (value, shown) in ANYTHING.items():
            if name not in taken:
                yield pytest.param(path, expected, value, shown, id=f"{path} {name}")


def right_values() -> Iterable[Any]:
    for path, _, taken, _ in FIELDS:
        for name in sorted(taken):
            yield pytest.param(path, ANYTHING[name][0], id=f"{path} {name}")


@pytest.mark.parametrize(("path", "expected", "value", "shown"), [*wrong_values()])
def test_wrong_types_are_refused_with_place_and_expectation(
    path: str, expected: str, value: Any, shown: str
) -> None:
    broken = whole()
    owner, key = owner_of(broken, path)
    owner[key] = value

    said = refusal(json.dumps(broken))

    # A list of the right kind that holds the wrong thing is refused for what it holds.
    if value == [1] and expected == LIST:
        assert said == f"vwo.json: {path}[0] is 1; expected an object."
    elif value == {"a": 1} and path in ("groups", "campaignGroups"):
        assert said == f"vwo.json: a key of {path} is 'a'; expected digits."
    else:
        assert said == f"vwo.json: {path} is {shown}; expected {expected}."


@pytest.mark.parametrize(("path", "value"), [*right_values()])
def test_right_types_are_taken(path: str, value: Any) -> None:
    fitting = whole()
    owner, key = owner_of(fitting, path)
    owner[key] = value

    assert loaded(fitting).account_id == str(fitting["accountId"])


@pytest.mark.parametrize(
    ("path", "expected", "_", "is_needed"), FIELDS, ids=[row[0] for row in FIELDS]
)
def test_what_is_missing(path: str, expected: str, _: set[str], is_needed: bool) -> None:
    lacking = whole()
    owner, key = owner_of(lacking, path)
    del owner[key]

    if is_needed:
        assert refusal(json.dumps(lacking)) == (
            f"vwo.json: {path} is missing; expected {expected}."
        )
    else:
        assert "test" in loaded(lacking).campaigns


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": {"x": {}}}, "a key of groups is 'x'; expected digits."),
        ({"groups": {"3\n": {}}}, "a key of groups is '3\\n'; expected digits."),
        ({"groups": {"٣": {}}}, "a key of groups is '٣'; expected digits."),
        ({"groups": {"": {}}}, "a key of groups is ''; expected digits."),
        ({"campaignGroups": {"3x": 1}}, "a key of campaignGroups is '3x'; expected digits."),
        (
            {"groups": {"7": {"campaigns": [10, 10.0]}}},
            "groups.7.campaigns is a list with repetitions; expected distinct numbers.",
        ),
        (
            {"groups": {"7": {"campaigns": [10, "11"]}}},
            "groups.7.campaigns[1] is '11'; expected a number.",
        ),
        ({"groups": {"7": {"p": [True]}}}, "groups.7.p[0] is True; expected a number."),
        (
            {"groups": {"7": {"wt": {"10": "50"}}}},
            "groups.7.wt.10 is '50'; expected a number.",
        ),
        ({"campaigns": [None]}, "campaigns[0] is None; expected an object."),
        ({"campaigns": {"0": {}}}, "campaigns is an object; expected a list."),
    ],
)
def test_other_refusals(changes: Json, said: str) -> None:
    assert refusal(json.dumps(document(**changes))) == f"vwo.json: {said}"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 400])
def test_numbers_that_are_too_large_to_reckon_with_are_refused(number: str) -> None:
    text = json.dumps(document(campaign(percentTraffic=0))).replace(
        '"percentTraffic": 0', f'"percentTraffic": {number}'
    )

    assert "campaigns[0].percentTraffic is " in refusal(text)


@pytest.mark.parametrize(
    "path",
    [
        "accountId",
        "campaigns[0].id",
        "campaigns[0].key",
        "campaigns[0].name",
        "campaigns[0].variations[0].name",
        "campaigns[0].variables[0].key",
        "groups.7.name",
    ],
)
def test_text_with_a_lone_surrogate_is_refused(path: str) -> None:
    halved = whole()
    owner, key = owner_of(halved, path)
    owner[key] = "half a character: \ud800"
    with pytest.raises(DocumentError) as caught:
        loaded(halved)
    assert (caught.value.path, caught.value.expected) == (path, "text without lone surrogates")
    str(caught.value).encode()


def test_the_first_fault_is_told() -> None:
    first = campaign("a", 1)
    second = campaign("b", 2, variations=[variation(1, "x", 50), {"id": 2, "name": 5}])

    assert refusal(json.dumps(document(first, second, groups=None))) == (
        "vwo.json: campaigns[1].variations[1].name is 5; expected a string."
    )


def test_a_refusal_never_shows_the_key() -> None:
    for broken in (
        {**whole(), "campaigns": [campaign(status=5)]},
        {**whole(), "version": {"sdkKey": SDK_KEY}},
        {**whole(), "version": [SDK_KEY]},
    ):
        assert SDK_KEY not in refusal(json.dumps(broken))
    assert SDK_KEY not in refusal(json.dumps(whole())[:-40])
