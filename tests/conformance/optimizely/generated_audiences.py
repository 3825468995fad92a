"""Generated audiences, and generated attributes that often meet them."""

from __future__ import annotations

import json
import math
from typing import Any

from .chance import ABSENT, Chance, without_absent
from .official import Generation

Json = dict[str, Any]

TEXTS = ("gold", "Gold", "gol", "golden", "", "5", "größe", "true")
NUMBERS = (5, 5.0, 4.5, 6, 0, -1, 1, 2**53, 2**53 + 1, -(2**53), 1e300)
VERSIONS = (
    *("2", "2.1", "2.1.0", "2.1.3", "2.2", "10.0.0", "2.1.3-beta", "2.1.3-alpha.1", "2.1.3+b1"),
    *(
        "2.1.3-beta+7",
        "2.1.3+7-beta",
        "2.1-",
        "2.1-beta",
        "2.1.0-rc",
        "02.1",
        "2.1.3-10",
        "2.1.3-9",
    ),
)
ODD_VERSIONS = ("", "2.", "2.1.3.4", "2. 1", ".1", "v2", "2.x", "-1", "+1", "\u0662.1", "²")
ODD_VALUES = (
    *(None, True, False, math.inf, -math.inf, math.nan, 10**400, -(10**400), 1e-320, [], {}),
    *(["gold"], {"a": 1}),
)
KINDS: dict[str, tuple[Any, ...]] = {
    "plan": ("gold", "gold", "gold", *TEXTS),
    "age": (5, 5, 5.0, *NUMBERS),
    "beta": (True, True, False),
    "version": ("2.1.3", "2.1.3", *VERSIONS),
}
"""What the attributes usually are, by name."""
AIMED: dict[str, tuple[Any, ...]] = {
    "plan": ("gold", "Gold", "ol", "OL"),
    "age": (5, 5.0, 4, 6),
    "beta": (True, False, 1),
    "version": ("2.1.3", "2.1", "2.2", "2.1.3-beta"),
}
"""What they are compared with, half of the time: the first is also what they are."""
NAMES = tuple(KINDS)
OTHER_NAMES = ("größe", "unknown", "$opt_user_agent", "")
MATCHES: dict[str, tuple[Any, ...]] = {
    "plan": ("exact", "exact", "substring", "exists", ABSENT, None),
    "age": ("exact", "gt", "ge", "lt", "le", "exists", ABSENT),
    "beta": ("exact", "exact", "exists", None),
    "version": ("semver_eq", "semver_gt", "semver_ge", "semver_lt", "semver_le", "exact"),
}
"""How the attributes are usually compared."""
ALL_MATCHES = (
    *("exact", "exists", "substring", "gt", "ge", "lt", "le", "qualified"),
    *("semver_eq", "semver_gt", "semver_ge", "semver_lt", "semver_le"),
    *(ABSENT, None, "", "EXACT", "regex"),
)
TYPES = (*(["custom_attribute"] * 12), "third_party_dimension")
ODD_TYPES = (ABSENT, None, "", "custom_dimension", "custom_attribute ")


def any_value(chance: Chance) -> Any:
    """Return a value of any of JSON's types, or what Python calls a number and JSON does not."""
    return chance.among(chance.among(*TEXTS), chance.among(*NUMBERS), chance.among(*VERSIONS),
                        chance.among(*ODD_VERSIONS), chance.among(*ODD_VALUES))  # fmt: skip


def leaves(chance: Chance, generation: Generation) -> Json:
    """Return a condition on one attribute; in most, what is compared can be."""
    name = chance.among(*NAMES)
    match, kind = chance.among(*MATCHES[name]), chance.among(*TYPES)
    value = chance.among(*chance.among(AIMED[name], KINDS[name]))
    if chance.one_in(8):
        match = chance.among(*ALL_MATCHES)
    if chance.one_in(8):
        value = any_value(chance)
    if chance.one_in(20):
        name = chance.among(*OTHER_NAMES)
    if chance.one_in(20):
        kind = chance.among(*ODD_TYPES)
    if not generation.is_today and not chance.one_in(10):
        match = kind = ABSENT
    if isinstance(value, dict):
        value = [value]  # the SDKs take an object in a leaf for a leaf
    leaf = {"name": name, "type": kind, "match": match, "value": value}
    if chance.one_in(30):
        leaf[chance.among("name", "value")] = ABSENT
    return without_absent(leaf)


def sharp_leaves(chance: Chance, generation: Generation) -> Json:
    """Return a condition that many users just meet, or just do not."""
    name = chance.among("plan", "age", "age")
    match = chance.among(*(each for each in MATCHES[name] if each not in ("exact", "exists", None)))
    value = chance.among(*AIMED[name][:1], *AIMED[name])
    return without_absent({"name": name, "type": TYPES[0], "match": match, "value": value})


def trees(chance: Chance, generation: Generation, depth: int = 3) -> Any:
    """Return conditions: operators over leaves, some of them implied."""
    if depth == 0 or chance.one_in(4):
        return leaves(chance, generation)
    operator = chance.among("and", "and", "or", "or", "or", "not", ABSENT)
    if chance.one_in(60):
        operator = chance.among("AND", "xor", "Not")
    count = chance.among(1, 1, 2, 2, 3) if operator != "not" else chance.among(1, 1, 1, 1, 2)
    if chance.one_in(50):
        count = 0
    parts = [trees(chance, generation, depth - 1) for _ in range(count)]
    return parts if operator is ABSENT else [operator, *parts]


def json_text(value: Any) -> str:
    return json.dumps(value)


def is_json(value: Any) -> bool:
    """Return whether JSON has all the numbers in *value*."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


GOLD = ["and", ["or", ["or", {"name": "plan", "type": "custom_attribute", "value": "gold"}]]]
DUMMY = ["or", {"name": "$opt_dummy", "type": "custom_attribute", "value": "$opt_dummy"}]
"""What an untyped audience says where a typed one has its id."""
SHARP_ID = "72"
AUDIENCE_IDS = ("71", "72", "73", "74", "75")


def audiences(chance: Chance, generation: Generation) -> Json:
    """Return the audiences of a datafile, both lists of them."""
    untyped, typed = [{"id": "71", "name": "gold", "conditions": json_text(GOLD)}], []
    for number in AUDIENCE_IDS[1 : 1 + chance.upto(4)]:
        whole = {"id": number, "name": f"audience {number}"}
        kind = sharp_leaves if number == SHARP_ID else chance.among(leaves, trees)
        conditions = kind(chance, generation)
        if generation.is_today and chance.one_in(2) and is_json(conditions):
            typed.append({**whole, "conditions": conditions})
            if chance.one_in(2):
                untyped.append({**whole, "conditions": json_text(DUMMY)})
        else:
            untyped.append({**whole, "conditions": json_text(conditions)})
    if typed or chance.one_in(3):
        return {"audiences": untyped, "typedAudiences": typed}
    return {"audiences": untyped}


def audience_fields(chance: Chance, ids: list[str]) -> Json:
    """Return whom an experiment is for."""
    some = chance.some(ids, 2)
    if chance.one_in(2):
        some = []
    if SHARP_ID in ids and chance.one_in(6):
        some = [SHARP_ID]
    if chance.one_in(60):
        some = [*some, "99"]
    fields: Json = {"audienceIds": some}
    if chance.one_in(3):
        fields["audienceConditions"] = chance.among(
            *(None, [], some, ["or", *some], ["and", *some], ["not", *some[:1]]),
            *(["or", ["not", "71"]], ["and", "71", ["or", *some]], ["not", ["and", "99", "71"]]),
            *("71", ["and"], [*some, "99"]),
        )
    return fields


def attributes(chance: Chance) -> Json:
    """Return what a user is like; most meet the audience `GOLD`."""
    found: Json = {}
    for name in NAMES:
        if not chance.one_in(4):
            found[name] = chance.among(AIMED[name][0], chance.among(*KINDS[name]))
        elif chance.one_in(3):
            found[name] = any_value(chance)
    if chance.one_in(6):
        found[chance.among(*OTHER_NAMES)] = any_value(chance)
    if chance.one_in(8):
        found["$opt_bucketing_id"] = chance.among(
            "a", "b", "ünï", "Bob", "", "", None, 5, 5.0, True
        )
    if chance.one_in(20):
        found["plan"] = chance.among(["gold"], ("gold",), {"gold": 1})
    items = list(found.items())
    chance.shuffle(items)
    return dict(items)
