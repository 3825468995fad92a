"""Strategies for settings documents: every field, alone and together, and changes of a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from hypothesis import strategies as st

from .amendments import with_campaigns, with_numeric_weights
from .documents import ACCOUNT_ID, SDK_KEY, Case, Json
from .generated_segments import GOLD, deep_trees, trees

ABSENT = object()
"""What a field is that the document does not have."""

FLAG = (ABSENT, True, False, None)
"""The states of a flag that nobody checks; `null` is not the same as absent everywhere."""

FIRST_ID = 11
KEYS = ("c0", "c1", "c2", "c3", "c4", "c5")


def bundle(**states: Sequence[Any]) -> st.SearchStrategy[Json]:
    """Return objects with each combination of the fields' states, drawn at once."""
    return st.sampled_from([*combined(states)])


def combined(states: Mapping[str, Sequence[Any]]) -> Iterator[Json]:
    """Yield each combination of the *states* of fields; what is absent is left out."""
    for combination in product(*states.values()):
        pairs = zip(states, combination, strict=True)
        yield {name: state for name, state in pairs if state is not ABSENT}


def among(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def weighted(*choices: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Return what is drawn from each strategy as often as its number says."""
    lots = [strategy for times, strategy in choices for _ in range(times)]
    numbers = st.integers(0, len(lots) - 1)

    @st.composite
    def drawn(draw: st.DrawFn) -> Any:
        return draw(lots[draw(numbers)])

    return drawn()


def rarely(
    usual: st.SearchStrategy[Any], unusual: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Return what is *unusual* one time in thirty."""
    return weighted((29, usual), (1, unusual))


# --- Parts of a campaign ---------------------------------------------------------------------

segments = rarely(trees, deep_trees)
guards = weighted((7, st.just({})), (3, segments.filter(lambda tree: type(tree) is dict)))
"""The segment of a campaign, which must be an object; a variation's may be anything."""

VARIABLE_KEYS = ("text", "whole", "é")
VALUES: tuple[Any, ...] = (
    *(
        "blue",
        "",
        "12",
        "12.9",
        " 1e3 ",
        "true",
        '{"size": 1}',
        "[1, 2]",
        "{",
        "null",
        "1_0",
        "\u0663",
    ),
    *(12, -12.9, 12.0, 0, 10**20, 1e22, True, False, {}, {"size": [1, None, {"deep": "é"}]}),
)
variables = st.lists(
    bundle(
        id=(1, "3"),
        key=VARIABLE_KEYS,
        type=("string", "integer", "double", "boolean", "json", "colour", ""),
        value=VALUES,
    ),
    max_size=4,
)
some_variables = rarely(variables, among(ABSENT, {}))

WEIGHTS: tuple[tuple[float, ...], ...] = (
    *((50, 50), (100,), (33.33, 33.33, 33.34), (20, 80), (0, 100), (25, 25, 25, 25)),
    *((50, 50), (40, 60), (10, 20, 70), (1, 99), (50, 0, 50), (16.67, 83.33)),
    *((20, 30), (70, 70), (60, -10, 50), (0.01, 0.001, 99.989), ()),
    *((2.5,) * 40, (1.25,) * 80, (0.5,) * 200),
)
weights = weighted(
    (4, among(*WEIGHTS)), (1, st.lists(st.floats(0, 60) | st.integers(0, 60), max_size=4))
)
arms = bundle(segments=({}, ABSENT, None, [], 5), isFeatureEnabled=(True, False, ABSENT, True))


@st.composite
def variations(draw: st.DrawFn, *, has_features: bool) -> list[Json]:
    """Return the variations of a campaign; a rare one has the name of another, or text for id."""
    found = []
    for number, weight in enumerate(draw(weights), 1):
        arm = {"id": number, "name": f"Variation-{number}", "weight": weight}
        if number <= MOST_DRAWN_ARMS:
            arm.update(draw(arms))
            if draw(is_targeted):
                arm["segments"] = draw(targets)
            if has_features and (owned := draw(some_variables)) is not ABSENT:
                arm["variables"] = owned
            arm.update(draw(rarely(st.just({}), odd_arms)))
        found.append(arm)
    return found


MOST_DRAWN_ARMS = 4
"""Variations beyond so many have a weight and nothing else."""
is_targeted = among(False, True)
targets = weighted((2, st.just(GOLD)), (3, segments))
odd_arms = among(
    {"name": "Variation-1"}, {"id": "1"}, {"id": "2"}, {"name": "Größe"}, {"name": " "}
)
good_goals = bundle(
    type=("CUSTOM_GOAL", "CUSTOM_GOAL", "REVENUE_TRACKING", "REVENUE_TRACKING", "SURVEY", ABSENT),
    revenueProp=(ABSENT, ABSENT, "price", "total", "é", "", None),
    mca=(ABSENT, ABSENT, -1, -1.0, 1, 0, None, "-1"),
    hasProps=(ABSENT, ABSENT, True, 1, False, "yes", None),
)
GOALS = ("signup", "purchase", "order", "a_vwo_signup", "купить")
goal_names = st.lists(among(*GOALS[:3], *GOALS), min_size=1, max_size=4)
odd_goals = among([], ["signup"], [None], [{}], [{"identifier": "signup"}], [{"identifier": 5}])
traffic = weighted(
    (6, st.just(100)),
    (2, among(85, 50, 7, 1, 0, 33.3, 99.99, 0.5, 150, -1)),
    (1, st.integers(0, 100)),
)
types = among(
    *(["VISUAL_AB"] * 8),
    *(["FEATURE_TEST"] * 4),
    *(["FEATURE_ROLLOUT"] * 3),
    *("SURVEY", ABSENT),
)
flags = bundle(
    isForcedVariationEnabled=(ABSENT, True, True, False, 1),
    isBucketingSeedEnabled=(ABSENT, True, False),
    isOB=FLAG,
    isOBv2=FLAG,
    isMAB=(*([ABSENT] * 6), True, False),
    isUserListEnabled=(*([ABSENT] * 6), True, False),
)
states = among(*(["RUNNING"] * 12), "PAUSED", "running")


@st.composite
def campaigns(draw: st.DrawFn, number: int) -> Json:
    """Return the campaign that stands at *number* in a document."""
    kind = draw(types)
    has_features = kind in ("FEATURE_TEST", "FEATURE_ROLLOUT")
    names = draw(goal_names)
    goals: list[Any] = [
        {"identifier": name, "id": number * 100 + index, **draw(good_goals)}
        for index, name in enumerate(names, 1)
    ]
    drawn = {
        "type": kind,
        "segments": draw(guards),
        "variables": draw(some_variables) if has_features else ABSENT,
        **draw(flags),
    }
    return {
        "id": FIRST_ID + number,
        "key": KEYS[number],
        "status": draw(states),
        "percentTraffic": draw(traffic),
        "variations": draw(variations(has_features=has_features)) or {},
        "goals": [*draw(rarely(st.just([]), odd_goals)), *goals],
        **{name: value for name, value in drawn.items() if value is not ABSENT},
    }


# --- Groups ----------------------------------------------------------------------------------

shares = among(100, 50, 33.33, 20, 0) | st.floats(0, 100)
rules = bundle(et=(1, 2, 2, 2, ABSENT, 1, 3, 0), name=(ABSENT, "checkout"))


@st.composite
def groups(draw: st.DrawFn, ids: Sequence[int]) -> Json:
    """Return groups of some of the campaigns *ids*, and which group each campaign is in."""
    some = st.lists(among(*ids, *ids, 99), unique=True, min_size=min(2, len(ids)), max_size=5)
    found: Json = {}
    homes: Json = {}
    for group_id in draw(among((), (1,), (1, 2), (0,), (), ())):
        members = draw(some)
        group = {**draw(rules), "campaigns": members}
        if group.get("et") == 2:
            group["p"] = draw(some | st.just([]))
            group["wt"] = {str(member): draw(shares) for member in draw(some)}
        if draw(oddities) == "bare":
            del group["campaigns"]
        found[str(group_id)] = group
        homes.update({str(member): group_id for member in members})
    oddity = draw(oddities)
    if oddity == "lost":
        homes[str(ids[0])] = 99
    if oddity == "free":
        homes.pop(str(ids[0]), None)
    return {"groups": found, "campaignGroups": homes} if found or homes else {}


oddities = among(*([""] * 20), "bare", "lost", "free")

# --- Documents -------------------------------------------------------------------------------

heads = bundle(
    version=(1, "2"),
    accountId=(ACCOUNT_ID, str(ACCOUNT_ID), "é"),
    sdkKey=(SDK_KEY, ABSENT),
    isNB=(*FLAG, 1),
    isNBv2=FLAG,
    isEventArchEnabled=(ABSENT, True, False, 1),
    collectionPrefix=(ABSENT, "eu01", ""),
)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Return documents of up to six campaigns; in few of them, keys repeat or ids are text."""
    found = [draw(campaigns(number)) for number in range(draw(among(1, 3, 4, 5, 6)))]
    ids = [each["id"] for each in found]
    oddity = draw(among(*([""] * 20), "namesakes", "text ids"))
    if oddity == "namesakes":
        found[-1]["key"] = found[0]["key"]
    if oddity == "text ids":
        for campaign in found:
            campaign["id"] = str(campaign["id"])
    # What a key stands for in a group is not asked where several campaigns have it.
    grouped = draw(groups(ids)) if oddity != "namesakes" else {}
    return {**draw(heads), **grouped, "campaigns": found}


def case_of(document: Json, *, options: Json, has_text_weights: bool) -> Case:
    """Return the case of a generated document."""
    whole = with_text_weights(document) if has_text_weights else document
    numeric = with_numeric_weights(whole) if has_text_weights else None
    return Case(name="generated", document=whole, official_document=numeric, options=options)


def with_text_weights(document: Json) -> Json:
    """Return *document* with its weights as text."""
    return with_campaigns(
        document,
        lambda campaign: {
            **campaign,
            "variations": [{**arm, "weight": str(arm["weight"])} for arm in campaign["variations"]],
        },
    )
