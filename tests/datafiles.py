"""Optimizely's datafiles for tests, built from small parts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django_vwo.dialects.base import Options
from django_vwo.dialects.optimizely import load
from django_vwo.engine.entities import CampaignSet

Json = dict[str, Any]

ACCOUNT_ID = "10367498574"
PLAN = {"id": "701", "key": "plan"}


def datafile(*experiments: Json, **top: Any) -> Json:
    """Return a datafile."""
    head = {"version": "4", "accountId": ACCOUNT_ID, "projectId": "9001", "revision": "7"}
    lists: Json = {"groups": [], "events": [], "attributes": [PLAN], "audiences": []}
    return {**head, "anonymizeIP": False, "experiments": list(experiments), **lists, **top}


def experiment(key: str = "test", id: str = "10", **fields: Any) -> Json:  # noqa: A002
    """Return a running experiment that takes everybody into two halves, ``a`` and ``b``."""
    variations = [variation(f"{id}1", "a"), variation(f"{id}2", "b")]
    return {
        "id": id,
        "key": key,
        "layerId": f"{id}9",
        "status": "Running",
        "variations": variations,
        "trafficAllocation": allocation((f"{id}1", 5000), (f"{id}2", 10000)),
        "audienceIds": [],
        "forcedVariations": {},
        **fields,
    }


def variation(id: str, key: str, **fields: Any) -> Json:  # noqa: A002
    """Return a variation."""
    return {"id": id, "key": key, **fields}


def allocation(*ends: tuple[str, int]) -> list[Json]:
    """Return a traffic allocation: ids, each with where its range ends."""
    return [{"entityId": entity_id, "endOfRange": end} for entity_id, end in ends]


def event(key: str = "signup", id: str = "21", experiments: Iterable[str] = ("10",)) -> Json:  # noqa: A002
    """Return an event."""
    return {"id": id, "key": key, "experimentIds": list(experiments)}


def audience(id: str, conditions: Any) -> Json:  # noqa: A002
    """Return an audience of today's kind."""
    return {"id": id, "name": id, "conditions": conditions}


def exactly(name: str, value: Any) -> Json:
    """Return the condition that an attribute has a value."""
    return {"type": "custom_attribute", "name": name, "match": "exact", "value": value}


def group(*experiments: Json, policy: str = "random", **fields: Any) -> Json:
    """Return a group whose experiments have equal shares."""
    share = 10000 // len(experiments)
    ends = [(each["id"], share * number) for number, each in enumerate(experiments, 1)]
    own = {"id": "30", "policy": policy, "trafficAllocation": allocation(*ends)}
    return {**own, "experiments": list(experiments), **fields}


def flag(key: str = "flag", *experiments: str, rollout: str = "", **fields: Any) -> Json:
    """Return a feature flag with a number, 7 by default."""
    variables = [{"id": "801", "key": "limit", "type": "integer", "defaultValue": "7"}]
    own = {"id": "80", "key": key, "experimentIds": list(experiments), "rolloutId": rollout}
    return {**own, "variables": variables, **fields}


def rule(id: str, *, end: int = 10000, **fields: Any) -> Json:  # noqa: A002
    """Return a rule of a rollout, which has the feature on for those up to *end*."""
    on = variation(f"{id}1", "on", featureEnabled=True, variables=[{"id": "801", "value": "9"}])
    own = {"variations": [on], "trafficAllocation": allocation((f"{id}1", end))}
    return experiment(f"rule-{id}", id, **{**own, **fields})


def rollout(*rules: Json, id: str = "50") -> Json:  # noqa: A002
    """Return a rollout."""
    return {"id": id, "experiments": list(rules)}


def loaded(document: Json, **options: Any) -> CampaignSet:
    """Return *document*, parsed."""
    return load(json.dumps(document), source="tests.json", options=Options(**options))
