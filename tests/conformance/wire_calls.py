"""Calls with hostile text and values of every type in each of their places."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from .documents import Json, campaign, document, goal, split
from .oracle import Call, Session

TEXTS = (
    *("plain", "Zoë", "李雷", "🦊\U0001d4b3", "e\u0301İß", "\u202ertl\u2028\u2029", "\ufeff\uffff"),
    *("two words", " lead", "trail ", "tab\there", "line\nbreak", "cr\rlf\r\n", "\x85\xa0"),
    *('quo"te', "back\\slash", "it's", '{"u": 1}', "[]", "<b>&amp;</b>", "${x} {y} %(z)s"),
    *("per%cent %41 %zz", "a&b=c+d", "#e?f/g;h,i", "~-_.!*()", "../..", "\x01\x1f\x7f"),
    *("null", "0", "True", "é" * 200, 'a", "time": 1772368215678, "b": "', "x&random=0.5"),
)
HEADER_TEXTS: tuple[str | None, ...] = (
    *(None, None, "", "Mozilla/5.0 (X11; Linux x86_64)", "Opéra/9 (ü; £)", "tab\there", "trail "),
    *('quo"te', "back\\slash", "per%cent %41", "a&b=c+d#?/;,:", "0", "é" * 200, "a\x85\xa0b"),
)
"""What both sides can put into a header."""
ADDRESSES = (None, "", "203.0.113.9", "2001:db8::1", "203.0.113.9, 10.0.0.1", "unknown é")
REVENUES: tuple[Any, ...] = (
    *(None, None, 12.5, 100, "9.99", 0, 0.0, "", "0", -3, 1e21, 0.1, 1e-9, 10**20),
    *(" 7 ", "1e3", "1_000", "+5", "٣", "1234567.890"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 5, -1.5, 1e21, 2**53, "", "text", [], {}),
    *([1, "é", None, [True]], {"a": {"b": 'quo"te', "é": []}}, "é\n\t\x01"),
)
OVERRIDES = ("isCustomEvent", "vwoMeta", "vwo_sdkName", "vwo_sdkVersion", "vwo_envKey", "id")
CUSTOM_PROPERTIES: tuple[Any, ...] = (*VALUES, None, {"page": "pricing"}, {"a": 1, "é\n": [2.5]})
WORTHS: tuple[Json, ...] = (
    {"type": "REVENUE_TRACKING", "revenueProp": "price"},
    {"type": "CUSTOM_GOAL"},
    {"type": "REVENUE_TRACKING", "revenueProp": "é \n", "mca": -1},
    {"type": "CUSTOM_GOAL", "revenueProp": "price"},
    {"type": "REVENUE_TRACKING"},
    {"type": "REVENUE_TRACKING", "mca": -1},
)
"""What a goal may be worth."""


def hostile_document(**top: Any) -> Json:
    """Return a document of campaigns that share goals of all names, each worth something else."""
    return document(
        campaign("first", 11, split(50, 50), goals=goals(0)),
        campaign("second", 1_234_567, split(20, 30, 50), goals=goals(1)),
        campaign("third", 13, type="FEATURE_TEST", goals=goals(2)),
        **top,
    )


def goals(shift: int) -> list[Json]:
    """Return a goal for each text, its worth counted from *shift* on."""
    return [
        goal(text, 200 + number, **WORTHS[(number + shift * 2) % len(WORTHS)])
        for number, text in enumerate(TEXTS)
    ]


def session_for(name: str, number: int, *, then: Sequence[Call] = ()) -> Session:
    """Return what visitor *number* does, and *then*; always the same for the same *name*."""
    draw = Draw(f"{name} {number}")
    visitor = f"{draw.text()}{number}"
    calls = [
        *(draw.exposure(method, key, visitor) for method, key in EXPOSURES),
        *(draw.conversion(visitor, draw.chance.choice(SPECIFIERS)) for _ in range(4)),
        *(draw.push(visitor) for _ in range(2)),
    ]
    return Session(calls=[*calls, *then])


EXPOSURES = (("activate", "first"), ("activate", "second"), ("is_feature_enabled", "third"))
SPECIFIERS: tuple[Any, ...] = ("first", "third", ["second", "first"], None)


class Draw:
    """Arguments, drawn by chance that repeats itself."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)

    def text(self) -> str:
        return self.chance.choice(TEXTS)

    def exposure(self, method: str, key: str, visitor: str) -> Call:
        custom = self.chance.choice(CUSTOM_PROPERTIES)
        kwargs = {**self.origin(), "custom_properties": custom}
        return Call(method=method, args=(key, visitor), kwargs=kwargs)

    def conversion(self, visitor: str, specifier: Any) -> Call:
        kwargs = {
            **self.origin(),
            "revenue_value": self.chance.choice(REVENUES),
            "event_properties": self.chance.choice([None, {}, self.properties()]),
        }
        return Call(method="track", args=(specifier, visitor, self.text()), kwargs=kwargs)

    def push(self, visitor: str) -> Call:
        if self.chance.random() < 0.4:
            return Call(method="push", args=(self.text(), self.text(), visitor))
        return Call(method="push", args=(self.properties(), visitor))

    def origin(self) -> Json:
        return {
            "user_agent": self.chance.choice(HEADER_TEXTS),
            "user_ip_address": self.chance.choice(ADDRESSES),
        }

    def properties(self) -> Json:
        """Return one to four properties; some bear names that the SDK gives itself."""
        names = (*TEXTS, *OVERRIDES, "vwo_fs_environment", *["price"] * 20)
        picked = self.chance.choices(names, k=self.chance.randint(1, 4))
        return {name: self.chance.choice((*VALUES, self.text())) for name in picked}
