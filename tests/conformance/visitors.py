"""
Visitors of every shape, and what each of them does on a site.

`session_for(case, number)` is a visitor's whole story: the calls in order, and the records that
user storage holds of them at first. It depends on the case and the number alone, so that a failure
comes back.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import Any

from .documents import VARIABLE_KEYS, Case, Json
from .oracle import Call, Session

REVENUES: tuple[Any, ...] = (
    *(None, 12.5, 100, "9.99", 0, "0", "", -3, 1e21, 0.1),
    *("12,50", "free", True, False, "  ", [5], {"amount": 5}),
)
GOAL_TYPES = (*([None] * 8), "ALL", "CUSTOM_GOAL", "REVENUE_TRACKING", "SIGNUP_GOAL")
CUSTOM_PROPERTIES: tuple[Any, ...] = (None, None, {"page": "pricing"}, {})
LISTED = {3: "Alice", 11: "bob@example.com", 19: "0007"}
"""Ids that the documents' lists of users name, by the visitor's number modulo 100."""
NOT_HASHABLE = {41: "\ud800"}
"""Likewise, modulo 200, on the documents written by hand: no UTF-8 can carry it."""
STRANGE_KEYS: tuple[Any, ...] = ("unknown", "unknown", 5, ["unknown"])
PUSHES: tuple[tuple[Any, ...], ...] = (
    ("plan", "gold"),
    ("plan", "gold" * 64),
    ("k" * 256, "gold"),
    ("", "gold"),
    ("plan", 5),
    ({"plan": "gold"},),
    ({"plan": "gold", "seats": 5, "trial": True, "price": 9.5, "note": None, "é": "ü"},),
    ({},),
    ({"k" * 300: "v" * 300},),
)


def user_id(number: int) -> str:
    """Return the id of visitor *number*: a name, an address, a UUID, digits, or not even ASCII."""
    draw = random.Random(number)
    shapes = (
        lambda: f"u{number}",
        lambda: f"visitor.{number}@example.com",
        lambda: str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        lambda: str(draw.randrange(10**12)),
        lambda: draw.choice(["Zoë", "李雷", "Ω-", "naïve ", "🦊"]) + str(number),
        lambda: f" user {number} of {draw.choice(['house', 'flat'])} ",
        lambda: draw.randbytes(16).hex(),
        lambda: "x" * draw.randrange(1, 300) + str(number),
    )
    listed = LISTED.get(number % 100)
    return listed or shapes[number % len(shapes)]()


def session_for(case: Case, number: int) -> Session:
    """Return what visitor *number* does on the site that *case* describes."""
    return Story(case, number).session()


class Story:
    """The making of one session."""

    def __init__(self, case: Case, number: int) -> None:
        self.case, self.number = case, number
        self.draw = random.Random(f"{case.name} {number}")
        self.user_id = NOT_HASHABLE.get(number % 200) or user_id(number)
        self.campaigns: Sequence[Json] = case.document["campaigns"] or [{"key": "any", "goals": []}]
        self.first = self.campaigns[number % len(self.campaigns)]
        neighbour = number + 1 + number // len(self.campaigns)
        self.second = self.campaigns[neighbour % len(self.campaigns)]

    def session(self) -> Session:
        """Return the session."""
        calls = [*self.arrival(), *self.features(), *self.conversions(), *self.departure()]
        return Session(calls=calls, records=self.records())

    def records(self) -> list[Json]:
        """Return the records that a visitor in three brings along, if the case has any."""
        if not self.case.records or self.number % 3:
            return []
        return [{"userId": self.user_id, **self.draw.choice(self.case.records)}]

    def arrival(self) -> list[Call]:
        """Return the calls of a visitor who meets one campaign, and its neighbour."""
        key, second = self.first["key"], self.second["key"]
        return [
            self.decision("get_variation_name", key),
            self.decision("activate", key, custom_properties=self.pick(CUSTOM_PROPERTIES)),
            self.decision("activate", key, user_agent="Mozilla/5.0", user_ip_address="192.0.2.1"),
            self.decision("is_feature_enabled", key),
            self.decision(self.pick(("activate", "is_feature_enabled")), second),
        ]

    def features(self) -> list[Call]:
        """Return the calls for feature variables; one visitor in ten asks for all."""
        type_ = self.first.get("type", "")
        keys = VARIABLE_KEYS if type_.startswith("FEATURE") and self.number % 10 == 0 else None
        return [
            self.decision("get_feature_variable_value", self.first["key"], key)
            for key in keys or [self.pick(VARIABLE_KEYS)]
        ]

    def conversions(self) -> list[Call]:
        """Return conversions of one campaign, the same again, of all, and of some."""
        key, goal = self.first["key"], self.goal()
        some = [key, self.second["key"], self.pick(STRANGE_KEYS)]
        return [
            self.track(key, goal),
            self.track(key, goal),
            self.track(None, self.goal()),
            self.track(some, self.goal(), revenue_value=self.pick(REVENUES)),
            self.track(key, self.goal(), revenue_value=self.pick(REVENUES)),
            self.decision("get_variation_name", key),
        ]

    def departure(self) -> list[Call]:
        """Return a push, now and then."""
        return [Call(method="push", args=(*self.pick(PUSHES), self.user_id))]

    def decision(self, method: str, *keys: str, **rest: Any) -> Call:
        """Return a call that decides, with variables of the case's."""
        given = {**rest, **self.variables()}
        return Call(method=method, args=(*keys, self.user_id), kwargs=without_none(given))

    def track(self, campaigns: Any, goal: str, **rest: Any) -> Call:
        """Return a conversion."""
        given = {
            "goal_type_to_track": self.pick(GOAL_TYPES),
            "event_properties": self.pick(self.case.event_properties),
            **rest,
            **self.variables(),
        }
        args = (campaigns, self.user_id, goal)
        return Call(method="track", args=args, kwargs=without_none(given))

    def variables(self) -> Json:
        """Return the variables for both kinds of segments, drawn anew for each call."""
        return {
            "custom_variables": self.pick(self.case.custom_variables),
            "variation_targeting_variables": self.pick(self.case.targeting_variables),
        }

    def goal(self) -> str:
        """Return the identifier of one of the first campaign's goals, or of no goal."""
        goals = self.first.get("goals") or [{"identifier": "signup"}]
        identifiers: list[str] = [*(each["identifier"] for each in goals), "unknown"]
        return self.draw.choice(identifiers)

    def pick(self, choices: Sequence[Any]) -> Any:
        """Return one of *choices*."""
        return choices[self.draw.randrange(len(choices))]


def without_none(values: Json) -> Json:
    """Return *values* without the arguments that are left out."""
    return {key: value for key, value in values.items() if value is not None}
