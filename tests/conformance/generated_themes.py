"""Strategies for plays about one thing each, with little that could hide it, and for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from .documents import Json, campaign, split
from .generated import (
    FIRST_ID,
    GOALS,
    VARIABLE_KEYS,
    among,
    bundle,
    case_of,
    good_goals,
    groups,
    heads,
    variables,
    weighted,
)
from .generated_plays import (
    Line,
    Script,
    crowds,
    origins,
    play_of,
    properties,
    revenues,
    site_plays,
)
from .generated_segments import OPERATORS, texts, values
from .plays import Play
from .visitors import user_id

MOST_VALUES = 10

# --- Segments --------------------------------------------------------------------------------

guarded = among(lambda leaf: leaf, lambda leaf: leaf, lambda leaf: {"not": leaf})
compared = among(*((operator,) for operator in OPERATORS), *([OPERATORS] * 60))


@st.composite
def segment_plays(draw: st.DrawFn) -> Play:
    """Return plays about segments: each operator, some texts, and visitors with all values."""
    written = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
    guard = draw(guarded)
    operands = [form.format(text) for form in draw(compared) for text in written]
    document = {
        **draw(heads),
        "campaigns": [
            campaign(f"c{number}", number, goals=[], segments=guard(leaf_of(operand)))
            for number, operand in enumerate(operands, FIRST_ID)
        ],
    }
    swapped = [text.swapcase() for text in written]
    brought = [*draw(st.lists(values, max_size=MOST_VALUES)), *written, *swapped, True]
    visitors = [user_id(number) for number, _ in enumerate(brought)]
    facts = [{"plan": value} for value in brought]
    lines = [Line("get_variation_name", (each["key"],)) for each in document["campaigns"]]
    return themed([document], [lines], visitors, facts=facts, has_storage=False)


def leaf_of(operand: str) -> Json:
    return {"custom_variable": {"plan": operand}}


# --- Features --------------------------------------------------------------------------------

owners = bundle(
    type=("FEATURE_TEST", "FEATURE_TEST", "FEATURE_ROLLOUT"),
    percentTraffic=(100, 100, 60),
)
switches = bundle(isFeatureEnabled=(True, False, False))


@st.composite
def feature_plays(draw: st.DrawFn) -> Play:
    """Return plays about features: each variable of each, for visitors of each variation."""
    features = [draw(feature(number)) for number in range(draw(among(1, 2, 3)))]
    document = {**draw(heads), "campaigns": features}
    lines = [
        line
        for each in features
        for line in (
            Line("is_feature_enabled", (each["key"],), kwargs=draw(origins)),
            *(Line("get_feature_variable_value", (each["key"], key)) for key in VARIABLE_KEYS),
        )
    ]
    return themed([document], [lines], draw(crowds), has_storage=draw(st.booleans()))


@st.composite
def feature(draw: st.DrawFn, number: int) -> Json:
    """Return a feature whose variations have variables of their own, as it does itself."""
    arms = [{**arm, **draw(switches), "variables": draw(variables)} for arm in split(50, 50)]
    return campaign(
        f"c{number}", FIRST_ID + number, arms, variables=draw(variables), **draw(owners)
    )


# --- Goals -----------------------------------------------------------------------------------


@st.composite
def goal_plays(draw: st.DrawFn) -> Play:
    """Return plays about goals of all kinds, each reached twice by who was shown the campaigns."""
    sites = [
        campaign(f"c{number}", FIRST_ID + number, goals=draw(all_goals(100 * number)))
        for number in range(draw(among(1, 2)))
    ]
    document = {**draw(heads), "campaigns": sites}
    lines = [Line("activate", (each["key"],), kwargs=draw(origins)) for each in sites]
    for name in draw(st.lists(among(*GOALS), min_size=1, max_size=len(GOALS), unique=True)):
        given = {"revenue_value": draw(revenues), "event_properties": draw(properties)}
        lines += [Line("track", (draw(among("c0", None, ["c0", "c1"])),), (name,), given)] * 2
    return themed([document], [lines], draw(crowds), has_storage=draw(st.booleans()))


@st.composite
def all_goals(draw: st.DrawFn, first_id: int) -> list[Json]:
    """Return a goal of each name."""
    named = enumerate(GOALS, first_id)
    return [{"identifier": name, "id": number, **draw(good_goals)} for number, name in named]


# --- Groups ----------------------------------------------------------------------------------


@st.composite
def group_plays(draw: st.DrawFn) -> Play:
    """Return plays about groups that change, with user storage and without."""
    ids = range(FIRST_ID, FIRST_ID + draw(among(2, 3, 5)))
    arms = split(*draw(among((50, 50), (1,) * 100)))
    members = [
        campaign(f"c{number}", number, arms, goals=[], percentTraffic=draw(among(100, 100, 50)))
        for number in ids
    ]
    head = draw(heads)
    documents = [
        {**head, "campaigns": members, **draw(groups(list(ids)))} for _ in range(draw(among(1, 2)))
    ]
    order = draw(st.permutations(members))
    lines = [Line("activate", (each["key"],)) for each in order]
    scenes = [lines] * len(documents)
    return themed(documents, scenes, draw(crowds), has_storage=draw(st.booleans()))


# --- All -------------------------------------------------------------------------------------


def themed(
    documents: Sequence[Json],
    scenes: Sequence[Sequence[Line]],
    visitors: Sequence[Any],
    *,
    facts: Sequence[Any] = (None,),
    has_storage: bool,
) -> Play:
    """Return the play in which all visitors say the same lines."""
    acts = [case_of(document, options={}, has_text_weights=False) for document in documents]
    script = Script(tuple(map(tuple, scenes)), (), tuple(facts))
    return play_of(acts, [script], visitors, has_storage=has_storage)


plays = weighted(
    (4, site_plays()),
    (2, segment_plays()),
    (1, feature_plays()),
    (1, goal_plays()),
    (1, group_plays()),
)
