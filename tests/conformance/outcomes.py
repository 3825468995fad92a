"""
What a call came to, in one vocabulary for both sides.

`Outcome` holds what a caller sees (the result), what user storage remembers, and what the vendor is
told, whether it goes out as three GET requests or as one POST.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django_vwo.client import Client
from django_vwo.engine.entities import Assignment
from django_vwo.engine.events import Event, Kind
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.memory import MemoryStorage

from .amendments import GOALS_SEPARATOR, is_sound_goal
from .documents import Case, Json
from .oracle import Answer, Call, Session

OWN_PROPERTIES = {
    *("vwo_sdkName", "vwo_sdkVersion", "vwo_envKey", "vwoMeta", "isCustomEvent"),
    *("id", "variation", "isFirst"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One thing that the vendor is told. Ids are strings, and empty where none is sent."""

    kind: str
    visitor: str
    campaign: str = ""
    variation: str = ""
    goal: str = ""
    revenue: str = ""
    """As a query has it: `str()` of what the caller gave."""
    user_agent: str = ""
    ip_address: str = ""
    properties: str = "{}"
    """Custom or event properties, or a dimension, as JSON with sorted keys."""


Assignments = dict[str, Mapping[str, Assignment]]
"""User id to assignment key to assignment, as our memory storage has it."""

Remembered = dict[tuple[str, str], tuple[str, frozenset[str]]]
"""User id and campaign key to the variation's name and the goals reached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one call came to."""

    result: Any
    remembered: Remembered
    told: tuple[Told, ...]
    error: str | None = None
    """The exception that ended the call inside the official SDK."""
    swallowed: tuple[str, ...] = ()
    """The exceptions that it went on from."""

    def agrees_with(self, other: Outcome) -> bool:
        """Return whether both sides did the same."""
        return (
            same_value(self.result, other.result)
            and self.remembered == other.remembered
            and self.told == other.told
        )


def same_value(one: Any, other: Any) -> bool:
    """Return whether two results are equal in type, too; NaN equals itself, order is free."""
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    return repr(one) == repr(other)


def as_text(properties: Any) -> str:
    """Return *properties* as comparable JSON."""
    return json.dumps(properties, sort_keys=True, default=repr)


# --- The official side -----------------------------------------------------------------------


def official_outcome(case: Case, answer: Answer) -> Outcome:
    """Return what the official SDK did."""
    return Outcome(
        result=answer.result,
        remembered=remembered_in(answer.stored),
        told=tuple(told for request in answer.sent for told in told_in(case, request)),
        error=answer.error,
        swallowed=tuple(answer.swallowed),
    )


def remembered_in(records: Iterable[Mapping[str, Any]]) -> Remembered:
    """Return what the official SDK's *records* hold."""
    return {
        (record["userId"], record["campaignKey"]): (
            record.get("variationName") or "",
            goals_in(record.get("goalIdentifiers")),
        )
        for record in records
    }


def records_of(remembered: Remembered) -> list[Json]:
    """Return the official SDK's records of what is *remembered*."""
    return [
        {"userId": user_id, "campaignKey": key, "variationName": name, **goals_of(goals)}
        for (user_id, key), (name, goals) in remembered.items()
    ]


def goals_of(goals: frozenset[str]) -> Json:
    """Return what a record tells of *goals*."""
    return {"goalIdentifiers": GOALS_SEPARATOR.join(sorted(goals))} if goals else {}


def goals_in(identifiers: str | None) -> frozenset[str]:
    """Return the goals that a record names."""
    return frozenset(identifiers.split(GOALS_SEPARATOR)) if identifiers else frozenset()


def told_in(case: Case, request: Json) -> Iterator[Told]:
    """Yield what one request tells."""
    endpoint = request["url"].rsplit("/", 1)[-1]
    if endpoint == "t":
        yield from told_in_event(case, request["params"], request["body"]["d"])
    else:
        yield told_in_query(endpoint, request["params"])


def told_in_query(endpoint: str, params: Json) -> Told:
    """Return what a GET request tells."""
    kind = {"track-user": "impression", "track-goal": "conversion", "push": "push"}[endpoint]
    dimension = json.loads(params["tags"])["u"] if "tags" in params else {}
    return Told(
        kind=kind,
        visitor=params["u"],
        campaign=str(params.get("experiment_id", "")),
        variation=str(params.get("combination", "")),
        goal=str(params.get("goal_id", "")),
        revenue=str(params.get("r", "")),
        user_agent=params["visitor_ua"],
        ip_address=params["visitor_ip"],
        properties=as_text(dimension),
    )


def told_in_event(case: Case, params: Json, event: Json) -> Iterator[Told]:
    """Yield what a POST request of an event-arch account tells; a conversion per campaign."""
    properties = event["event"]["props"]
    common: Json = {
        "visitor": event["visId"],
        "user_agent": params["visitor_ua"],
        "ip_address": params["visitor_ip"],
    }
    if params["en"] == "vwo_variationShown":
        seen = {"campaign": str(properties["id"]), "variation": str(properties["variation"])}
        meta = as_text(properties.get("vwoMeta") or {})
        yield Told(kind="impression", properties=meta, **seen, **common)
    elif params["en"] == "vwo_syncVisitorProp":
        for key, value in event["visitor"]["props"].items():
            if key != "vwo_fs_environment":
                yield Told(kind="push", properties=as_text({key: value}), **common)
    else:
        yield from conversions_in(case, properties, common)


def conversions_in(case: Case, properties: Json, common: Json) -> Iterator[Told]:
    """Yield the conversions of one event; none of them names a variation."""
    own = {key: value for key, value in properties.items() if key not in OWN_PROPERTIES}
    meta, props = properties["vwoMeta"], revenue_props(case)
    for campaign, goals in meta["metric"].items():
        for goal in goals:
            ids = campaign.removeprefix("id_"), goal.removeprefix("g_")
            name = props.get(ids)
            revenue = str(meta[name]) if name and name in meta else ""
            told = {**common, "revenue": revenue, "properties": as_text(own)}
            yield Told(kind="conversion", campaign=ids[0], goal=ids[1], **told)


def revenue_props(case: Case) -> dict[tuple[str, str], str | None]:
    """Return the `revenueProp` of each goal, by campaign id and goal id."""
    return {
        (str(campaign["id"]), str(goal["id"])): goal.get("revenueProp")
        for campaign in case.document["campaigns"]
        for goal in filter(is_sound_goal, campaign["goals"])
    }


# --- Our side --------------------------------------------------------------------------------


class OurSide:
    """Our client on one document, with or without user storage."""

    def __init__(self, case: Case, *, has_storage: bool) -> None:
        self.case = case
        self.is_event_arch = bool(case.document.get("isEventArchEnabled"))
        self.storage = MemoryStorage() if has_storage else None
        self.recorder = MemoryRecorder()
        self.client = Client(
            case.document, storage=self.storage, recorder=self.recorder, **case.options
        )

    def outcomes(self, session: Session, assignments: Assignments | None = None) -> list[Outcome]:
        """Return what each call of *session* came to, on its records or on *assignments*."""
        if self.storage is not None:
            known = assignments_of(session.records) if assignments is None else assignments
            self.storage.assignments = known
        return [self.outcome(call) for call in session.calls]

    def outcome(self, call: Call) -> Outcome:
        """Return what one call came to."""
        self.recorder.events.clear()
        result = getattr(self.client, call.method)(*call.args, **call.kwargs)
        return Outcome(
            result=dict(result) if isinstance(result, dict) else result,
            remembered=self.remembered(),
            told=tuple(told for event in self.recorder.events for told in self.told_by(event)),
        )

    def remembered(self) -> Remembered:
        """Return what user storage holds."""
        if self.storage is None:
            return {}
        return {
            (user_id, key): (found.variation, frozenset(found.goals))
            for user_id, assignments in self.storage.assignments.items()
            for key, found in assignments.items()
        }

    def told_by(self, event: Event) -> Iterator[Told]:
        """Yield what *event* tells once it is rendered; a push tells one thing per dimension."""
        common = {"visitor": event.visitor}
        if event.kind is Kind.PUSH:
            for key, value in event.properties.items():
                shown = {str(key): str(value)} if self.is_event_arch else {key: value}
                yield Told(kind="push", properties=as_text(shown), **common)
            return
        is_impression = event.kind is Kind.IMPRESSION
        yield Told(
            kind="impression" if is_impression else "conversion",
            campaign=event.campaign_id,
            variation=event.variation_id if is_impression or not self.is_event_arch else "",
            goal=event.goal_id,
            revenue=self.revenue_of(event),
            user_agent=event.user_agent,
            ip_address=event.ip_address,
            properties=as_text(self.properties_of(event) or {}),
            **common,
        )

    def properties_of(self, event: Event) -> object:
        """Return what *event* tells beside, where the wire has a place for it."""
        if not self.is_event_arch:
            return None
        is_impression = event.kind is Kind.IMPRESSION
        return event.custom_properties if is_impression else dict(event.properties)

    def revenue_of(self, event: Event) -> str:
        """Return the revenue of *event* that reaches the wire."""
        has_place = event.revenue_prop if self.is_event_arch else event.goal_type != "CUSTOM_GOAL"
        return str(event.revenue) if has_place and event.revenue else ""


def assignments_of(records: Sequence[Mapping[str, Any]]) -> Assignments:
    """Return *records* as our memory storage holds them."""
    found: dict[str, dict[str, Assignment]] = {}
    for record in records:
        goals = goals_in(record.get("goalIdentifiers"))
        assignment = Assignment(record["variationName"], goals)
        found.setdefault(record["userId"], {})[record["campaignKey"]] = assignment
    return {**found}
