"""A settings document of VWO's as features of GrowthBook: the same shares and segments."""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

OPERATORS = {"gt": "$gt", "gte": "$gte", "lt": "$lt", "lte": "$lte"}
FUNCTION = re.compile(r"(\w+)\((.*)\)")


def growthbook_features(document: Json) -> Json:
    """Return a feature for each campaign, with an experiment as its one rule while that runs."""
    namespaces: dict[int, list[Any]] = {}
    for group_id, group in document["groups"].items():
        namespaces.update(shares(group_id, group))
    return {
        each["key"]: feature(each, namespaces.get(each["id"])) for each in document["campaigns"]
    }


def shares(group_id: str, group: Json) -> list[tuple[int, list[Any]]]:
    """Return the namespace of each campaign of a group: its part of those between 0 and 1."""
    members = group["campaigns"]
    return [
        (member, [f"group-{group_id}", place / len(members), (place + 1) / len(members)])
        for place, member in enumerate(members)
    ]


def feature(campaign: Json, namespace: list[Any] | None) -> Json:
    """Return a campaign as a feature; None is the value of a test that the visitor is not in."""
    rule = {
        "coverage": campaign["percentTraffic"] / 100,
        "hashAttribute": "id",
        "hashVersion": 2,
        **(share(campaign) if campaign["type"] != "FEATURE_ROLLOUT" else {"force": True}),
        **({"condition": condition(campaign["segments"])} if campaign["segments"] else {}),
        **({"namespace": namespace} if namespace else {}),
    }
    return {
        "defaultValue": None if campaign["type"] == "VISUAL_AB" else False,
        "rules": [rule] if campaign["status"] == "RUNNING" else [],
    }


def share(campaign: Json) -> Json:
    """Return the experiment of a campaign of several variations."""
    return {
        "key": campaign["key"],
        "variations": [value(campaign, variation) for variation in campaign["variations"]],
        "weights": [variation["weight"] / 100 for variation in campaign["variations"]],
    }


def value(campaign: Json, variation: Json) -> str | bool:
    """Return what a variation gives: its name, or whether the feature is on."""
    if campaign["type"] == "VISUAL_AB":
        return str(variation["name"])
    return bool(variation["isFeatureEnabled"])


def condition(segment: Json) -> Json:
    """Return a segment as a condition."""
    ((kind, operand),) = segment.items()
    if kind in ("and", "or"):
        return {f"${kind}": [condition(part) for part in operand]}
    if kind == "not":
        return {"$not": condition(operand)}
    if kind == "user":
        return {"id": {"$in": operand.split(",")}}
    ((name, text),) = operand.items()
    return {name: matcher(text)}


def matcher(text: str) -> Any:
    """Return what an attribute is compared with."""
    found = FUNCTION.fullmatch(text)
    if found is None:
        return text
    name, operand = found.groups()
    if name in OPERATORS:
        return {OPERATORS[name]: float(operand)}
    return {"$regex": pattern(name, operand)}


def pattern(name: str, operand: str) -> str:
    if name == "regex":
        return operand
    if name == "lower":
        return f"(?i)^{re.escape(operand)}$"
    return f"^{re.escape(operand)}$".replace(r"\*", ".*")
