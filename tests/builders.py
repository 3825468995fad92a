"""Settings documents for tests, built from small parts."""

from __future__ import annotations

import json
from typing import Any

from django_vwo.dialects.vwo import load
from django_vwo.engine.entities import CampaignSet

Json = dict[str, Any]

ACCOUNT_ID = 123456
SDK_KEY = "5d1c7e90b2a84f3696f0c1d2e3a4b5c6"


def document(*campaigns: Json, **top: Any) -> Json:
    """Return a settings document."""
    head = {"version": 1, "accountId": ACCOUNT_ID, "sdkKey": SDK_KEY}
    return {**head, "campaigns": list(campaigns), **top}


def campaign(key: str = "test", id: Any = 10, **fields: Any) -> Json:  # noqa: A002
    """Return a running A/B test that takes everybody into two halves."""
    return {
        "id": id,
        "key": key,
        "type": "VISUAL_AB",
        "status": "RUNNING",
        "percentTraffic": 100,
        "variations": split(50, 50),
        "goals": [goal("signup", 21), goal("purchase", 22, "REVENUE_TRACKING")],
        **fields,
    }


def feature_test(key: str = "feature", id: Any = 20, **fields: Any) -> Json:  # noqa: A002
    """Return a feature test: off with blue buttons, on with red ones."""
    off, on = split(50, 50)
    off |= {"isFeatureEnabled": False, "variables": [variable("colour", "string", "blue")]}
    on |= {"isFeatureEnabled": True, "variables": [variable("colour", "string", "red")]}
    return campaign(key, id, **{"type": "FEATURE_TEST", "variations": [off, on], **fields})


def rollout(key: str = "rollout", id: Any = 30, **fields: Any) -> Json:  # noqa: A002
    """Return a rollout to everybody."""
    parts = {"variations": split(100), "variables": [variable("limit", "integer", 12)]}
    return campaign(key, id, **{"type": "FEATURE_ROLLOUT", "goals": [], **parts, **fields})


def variation(id: Any, name: str, weight: Any, **fields: Any) -> Json:  # noqa: A002
    """Return a variation."""
    return {"id": id, "name": name, "weight": weight, **fields}


def split(*weights: Any) -> list[Json]:
    """Return variations of these weights: Control, Variation-1, Variation-2 and so on."""
    names = ["Control", *(f"Variation-{number}" for number in range(1, len(weights)))]
    return [
        variation(number, name, weight)
        for number, (name, weight) in enumerate(zip(names, weights, strict=True), 1)
    ]


def goal(identifier: str, id: Any, type: str = "CUSTOM_GOAL", **fields: Any) -> Json:  # noqa: A002
    """Return a goal; *type* may be ``REVENUE_TRACKING``."""
    return {"identifier": identifier, "id": id, "type": type, **fields}


def variable(key: str, type: str, value: Any, id: Any = 1) -> Json:  # noqa: A002
    """Return a feature variable."""
    return {"id": id, "key": key, "type": type, "value": value}


def custom(name: str, operand: Any) -> Json:
    """Return a segment of one leaf."""
    return {"custom_variable": {name: operand}}


def whitelisting(name: str, operand: str, **fields: Any) -> Json:
    """Return a campaign whose variation *name* has those in it whose variable says *operand*."""
    variations = [
        {**each, "segments": custom("whitelist", operand)} if each["name"] == name else each
        for each in split(50, 50)
    ]
    return campaign(**{"variations": variations, "isForcedVariationEnabled": True, **fields})


def grouped(*campaigns: Json, **group: Any) -> Json:
    """Return a document whose campaigns exclude each other, in group 7."""
    members = [each["id"] for each in campaigns]
    return document(
        *campaigns,
        groups={"7": {"name": "one of these", "campaigns": members, **group}},
        campaignGroups={str(member): 7 for member in members},
    )


def loaded(document: Json) -> CampaignSet:
    """Return *document*, parsed."""
    return load(json.dumps(document), source="tests.json")
