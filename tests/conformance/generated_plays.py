"""Strategies for plays: which visitors come, what they do, and what changes meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from .amendments import is_sound_goal
from .documents import Case, Json
from .generated import (
    ABSENT,
    GOALS,
    KEYS,
    VARIABLE_KEYS,
    among,
    bundle,
    case_of,
    documents,
    rarely,
    weighted,
)
from .generated_changes import changed
from .generated_segments import LISTED, facts
from .oracle import Call, Session
from .plays import Act, Play
from .visitors import CUSTOM_PROPERTIES, GOAL_TYPES, PUSHES, REVENUES, user_id, without_none

MOST_SCRIPTS = 4
MOST_LINES = 7


@dataclass(frozen=True, slots=True)
class Line:
    """A call that any visitor can make: *before* and *after* stand around the user id."""

    method: str
    before: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()
    kwargs: Json = field(default_factory=dict)

    def by(self, visitor: Any, variables: Json) -> Call:
        """Return the call that *visitor* makes."""
        kwargs = self.kwargs if self.method == "push" else {**self.kwargs, **variables}
        args = (*self.before, visitor, *self.after)
        return Call(method=self.method, args=args, kwargs=without_none(kwargs))


@dataclass(frozen=True, slots=True)
class Script:
    """What a visitor does in each act, and the records that user storage has of them at first."""

    acts: tuple[tuple[Line, ...], ...]
    records: tuple[Mapping[str, Any], ...]
    facts: tuple[Any, ...]
    """Variables, which visitors and lines take in turn."""

    def sessions(self, act: int, visitors: Sequence[Any]) -> list[Session]:
        """Return what the *visitors* do in one act."""
        return [
            Session(
                calls=[
                    line.by(visitor, self.variables(number + place))
                    for place, line in enumerate(self.acts[act])
                ],
                records=[{"userId": visitor, **record} for record in self.records],
            )
            for number, visitor in enumerate(visitors)
        ]

    def variables(self, number: int) -> Json:
        """Return the variables for segments and for whitelisting, in all combinations."""
        count = len(self.facts)
        return {
            "custom_variables": self.facts[number % count],
            "variation_targeting_variables": self.facts[number // count % count],
        }


# --- Visitors --------------------------------------------------------------------------------

crowds = st.builds(
    lambda start, number: [user_id(start + each) for each in range(number)],
    st.integers(0, 10**6),
    among(1, 24, 32, 40),
)
guests = st.lists(among(*LISTED) | st.text(min_size=1, max_size=6), max_size=2)
odd_visitors = among([], ["\ud800"], ["a\udfff"], [""], [None], [5])

# --- Arguments -------------------------------------------------------------------------------

variables = st.lists(rarely(facts, among(5, "plan", [], {})), min_size=1, max_size=12)
origins = bundle(
    user_agent=(ABSENT, ABSENT, "Mozilla/5.0 (é)", ""), user_ip_address=(ABSENT, "::1", "")
)
properties = rarely(
    bundle(price=(ABSENT, 9.5, 0, "7", None), total=(ABSENT, "7", [1]), é=(ABSENT, 5)),
    among("price", ["price"], [], 5),
)
revenues = weighted(
    (8, among(12.5, None, 12.5, *REVENUES)),
    (1, st.floats() | st.text(max_size=3) | st.integers() | among(10**400, (5,), b"5")),
)
odd = among("unknown", "", None, 5)
odd_lists = among(["c0", ["c1"]], [{}, "c0"], ("c0",), {"c0": 1}, [], [None, "c1"])
kinds = among("one", "one", "all", "some", "some")
METHODS = {
    "VISUAL_AB": ("activate", "activate", "activate", "get_variation_name"),
    "FEATURE_TEST": ("is_feature_enabled", "is_feature_enabled", "get_variation_name", "activate"),
}
DECIDING = ("is_feature_enabled", "is_feature_enabled", "activate", "get_variation_name")


Campaigns = st.SearchStrategy[Json]
"""Draws campaigns of a document, one of them most of the time."""


def key_of(campaign: Json) -> st.SearchStrategy[Any]:
    return rarely(st.just(campaign["key"]), odd)


def goal_of(campaign: Json) -> st.SearchStrategy[Any]:
    own = [goal["identifier"] for goal in filter(is_sound_goal, campaign["goals"])]
    return rarely(among(*(own * 4), *GOALS), odd)


def variable_of(campaign: Json) -> st.SearchStrategy[Any]:
    own = [each["key"] for each in campaign.get("variables") or ()]
    return rarely(among(*(own * 4), *VARIABLE_KEYS), odd)


@st.composite
def specifiers(draw: st.DrawFn, campaigns: Campaigns, campaign: Json) -> Any:
    """Return what `track` may name: a campaign, all, or some."""
    kind = draw(kinds)
    if kind == "one":
        return draw(key_of(campaign))
    if kind == "all":
        return None
    others = campaigns.map(lambda each: each["key"])
    some = st.lists(rarely(others, among("unknown", 5)), max_size=3)
    return draw(rarely(some.map(lambda keys: [*keys, campaign["key"]]), odd_lists))


# --- Lines -----------------------------------------------------------------------------------


@st.composite
def openings(draw: st.DrawFn, campaign: Json) -> Line:
    """Return calls that show a visitor *campaign*."""
    method = "activate" if campaign.get("type") == "VISUAL_AB" else "is_feature_enabled"
    return Line(method, (campaign["key"],), kwargs=draw(origins))


@st.composite
def decisions(draw: st.DrawFn, campaigns: Campaigns) -> Line:
    """Return calls that decide on a campaign, most with a method of its type."""
    campaign = draw(campaigns)
    method = draw(among(*METHODS.get(campaign.get("type"), DECIDING)))
    key = draw(key_of(campaign))
    if method == "get_variation_name":
        return Line(method, (key,))
    given = {**draw(origins), "custom_properties": draw(among(*CUSTOM_PROPERTIES))}
    return Line(method, (key,), kwargs=given)


@st.composite
def readings(draw: st.DrawFn, campaigns: Campaigns) -> Line:
    """Return calls that ask for a variable of a feature."""
    campaign = draw(campaigns)
    keys = draw(key_of(campaign)), draw(variable_of(campaign))
    return Line("get_feature_variable_value", keys)


@st.composite
def conversions(draw: st.DrawFn, campaigns: Campaigns) -> Line:
    """Return calls of `track`."""
    campaign = draw(campaigns)
    given = {
        **draw(origins),
        "revenue_value": draw(revenues),
        "goal_type_to_track": draw(among(*GOAL_TYPES)),
        "event_properties": draw(properties) or None,
    }
    specifier = draw(specifiers(campaigns, campaign))
    return Line("track", (specifier,), (draw(goal_of(campaign)),), given)


pushes = among(*PUSHES).map(lambda given: Line("push", given))


@st.composite
def dialogues(draw: st.DrawFn, document: Json) -> tuple[Line, ...]:
    """Return the lines of one act, which begins with a visit; half of them are said twice."""
    every = document["campaigns"]
    campaign = draw(among(*every))
    campaigns = among(*([campaign] * 2 * len(every)), *every)
    lines = weighted(
        (6, decisions(campaigns)),
        (6 if campaign.get("type") == "FEATURE_TEST" else 2, readings(campaigns)),
        (8, conversions(campaigns)),
        (1, pushes),
    )
    said = [draw(openings(campaign)), *draw(st.lists(lines, max_size=MOST_LINES))]
    return (*said, *draw(among((), tuple(said))))


@st.composite
def scripts(draw: st.DrawFn, acts: Sequence[Case]) -> Script:
    """Return what visitors do in these acts."""
    said = tuple(draw(dialogues(case.document)) for case in acts)
    known = draw(rarely(st.just([]), st.lists(records, max_size=2)))
    return Script(said, tuple(known), tuple(draw(variables)))


records = bundle(
    campaignKey=KEYS,
    variationName=("Variation-1", "Variation-2", "Variation-9", ""),
    goalIdentifiers=(ABSENT, "signup", "a_vwo_purchase", "order_vwo_signup"),
)


# --- Plays -----------------------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> list[Case]:
    """Return a document, and how it changes."""
    whole = [draw(documents())]
    for _ in range(draw(among(0, 1, 1, 2))):
        whole.append(draw(changed(whole[-1])))
    options = draw(among({}, {}, {}, {"goal_type_to_track": "CUSTOM_GOAL"}))
    has_text_weights = draw(rarely(st.just(False), st.just(True)))
    return [
        case_of(document, options=options, has_text_weights=has_text_weights) for document in whole
    ]


def play_of(
    acts: Sequence[Case], scripts: Sequence[Script], visitors: Sequence[Any], *, has_storage: bool
) -> Play:
    """Return the play in which each visitor follows each script."""
    return Play(
        acts=tuple(
            Act(
                case=case,
                sessions=tuple(
                    session for script in scripts for session in script.sessions(number, visitors)
                ),
            )
            for number, case in enumerate(acts)
        ),
        has_storage=has_storage,
    )


@st.composite
def site_plays(draw: st.DrawFn) -> Play:
    """Return plays about everything that a site does."""
    acts = draw(cases())
    has_storage = draw(among(False, True, True, False))
    followed = draw(st.lists(scripts(acts), min_size=1, max_size=MOST_SCRIPTS))
    present = [*draw(crowds), *draw(guests), *draw(rarely(st.just([]), odd_visitors))]
    return play_of(acts, followed, [*dict.fromkeys(present)], has_storage=has_storage)
