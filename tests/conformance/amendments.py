"""
What the official SDK is asked instead, where it cannot answer what was asked.

Each function returns a settings document that means for us what the given one does, and that the
official SDK takes as we take the given one. The given document is left as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from .documents import Json

TRUE: Json = {"and": []}
FALSE: Json = {"or": []}
BROKEN: Json = {}
MAX_DEPTH = 100
USER_ID = "_vwo_user_id"
UUID = "_vwo_uuid"
"""Variable under which an amended question has the visitor's UUID."""

BACKTRACKING_FREE = re.compile(r"\(\?>|[*+?}]\+")
"""An atomic group, or a possessive repeat."""

GOALS_SEPARATOR = "_vwo_"
OTHER_SEPARATOR = "-vwo-"

Leaf = Callable[[Json], Json]
"""Takes a leaf of a segment and returns what stands there instead."""


def visitor_uuid(account_id: object, user_id: str) -> str:
    """Return the id under which VWO knows a visitor."""
    account = uuid5(uuid5(NAMESPACE_URL, "https://vwo.com"), str(account_id))
    return uuid5(account, user_id).hex.upper()


# --- Documents -------------------------------------------------------------------------------


def with_campaigns(document: Json, change: Callable[[Json], Json | None]) -> Json:
    """Return *document* with each campaign as *change* returns it, without those it drops."""
    changed = [change(campaign) for campaign in document["campaigns"]]
    return {**document, "campaigns": [campaign for campaign in changed if campaign is not None]}


def without_paused(document: Json) -> Json:
    """Return *document* with its running campaigns only."""
    return with_campaigns(document, lambda campaign: campaign if is_running(campaign) else None)


def is_running(campaign: Json) -> bool:
    return bool(campaign["status"] == "RUNNING")


def without_namesakes(document: Json, campaign: Json) -> Json:
    """Return *document* with no other campaign of the key of *campaign*."""
    return with_campaigns(
        document,
        lambda each: each if each is campaign or each["key"] != campaign["key"] else None,
    )


def without_lost_groups(document: Json) -> Json:
    """Return *document* with nobody in a group that it does not have."""
    groups = document.get("groups", {})
    homes = {key: home for key, home in homes_of(document).items() if str(home) in groups}
    return {**document, "campaignGroups": homes}


def homes_of(document: Json) -> Json:
    """Return the group id of each grouped campaign, by campaign id."""
    homes: Json = document.get("campaignGroups", {})
    return homes


def with_numeric_ids(document: Json) -> Json:
    """Return *document* with campaign ids as numbers that are digits of text."""
    return with_campaigns(document, lambda each: {**each, "id": int(each["id"])})


def with_numeric_weights(document: Json) -> Json:
    """Return *document* with all weights as numbers; text that is none gets nobody."""

    def change(campaign: Json) -> Json:
        arms = [{**arm, "weight": weight_of(arm["weight"])} for arm in campaign["variations"]]
        return {**campaign, "variations": arms}

    return with_campaigns(document, change)


def weight_of(weight: float | str) -> float:
    try:
        number = float(weight)
    except ValueError:
        return 0
    return number if math.isfinite(number) else 0


def with_sound_goals(document: Json) -> Json:
    """Return *document* without the goals that cannot be reached."""
    return with_campaigns(
        document, lambda each: {**each, "goals": [*filter(is_sound_goal, each["goals"])]}
    )


def is_sound_goal(goal: Any) -> bool:
    """Return whether *goal* has an identifier and an id."""
    if not isinstance(goal, Mapping) or not isinstance(goal.get("identifier"), str):
        return False
    return isinstance(goal.get("id"), int | float | str) and not isinstance(goal["id"], bool)


def with_plain_goal_names(document: Json) -> Json:
    """Return *document* with goals whose identifiers user storage cannot take for several."""

    def change(campaign: Json) -> Json:
        return {**campaign, "goals": [*map(with_plain_name, campaign["goals"])]}

    return with_campaigns(document, change)


def with_plain_name(goal: Any) -> Any:
    if not is_sound_goal(goal):
        return goal
    return {**goal, "identifier": plain(goal["identifier"])}


def plain(identifier: str) -> str:
    return identifier.replace(GOALS_SEPARATOR, OTHER_SEPARATOR)


# --- Segments --------------------------------------------------------------------------------


def with_segments(
    document: Json, *, before: Callable[[Json], Json], forcing: Callable[[Json, Json], Json]
) -> Json:
    """
    Return *document* with other segments.

    *before* takes the tree that guards a campaign, *forcing* a campaign and the tree of one of its
    variations.
    """

    def change(campaign: Json) -> Json:
        tree = campaign.get("segments")
        guarded = {**campaign, "segments": before(tree)} if tree else campaign
        arms = [
            {**arm, "segments": forcing(campaign, arm["segments"])} if arm.get("segments") else arm
            for arm in campaign["variations"]
        ]
        return {**guarded, "variations": arms}

    return with_campaigns(document, change)


def with_leaves(tree: Any, change: Leaf) -> Any:
    """Return *tree* with each leaf as *change* returns it; what is no condition stays."""
    if not isinstance(tree, dict) or not tree:
        return tree
    operator, value = next(iter(tree.items()))
    if operator in ("and", "or") and isinstance(value, list):
        return {operator: [with_leaves(part, change) for part in value]}
    if operator == "not":
        return {operator: with_leaves(value, change)}
    return change(tree) if is_leaf(operator, value) else tree


def is_leaf(operator: str, value: Any) -> bool:
    """Return whether *value* is something to compare a visitor with."""
    is_comparison = operator == "custom_variable" and isinstance(value, dict) and bool(value)
    return is_comparison or operator == "user"


def leaves_of(tree: Any) -> Iterator[Json]:
    """Yield the leaves of *tree*."""
    found: list[Json] = []
    with_leaves(tree, lambda leaf: found.append(leaf) or leaf)  # type: ignore[func-returns-value]
    yield from found


def with_broken_depths(tree: Any, depth: int = 0) -> Any:
    """Return *tree* with what stands too deep in it broken."""
    if depth > MAX_DEPTH:
        return BROKEN
    if not isinstance(tree, dict) or not tree:
        return tree
    operator, value = next(iter(tree.items()))
    if operator in ("and", "or") and isinstance(value, list):
        return {operator: [with_broken_depths(part, depth + 1) for part in value]}
    return {operator: with_broken_depths(value, depth + 1)} if operator == "not" else tree


def without_refused_pattern(leaf: Json) -> Json:
    """Return *leaf*, or what is false where its regular expression cannot be bounded."""
    operand = next(iter(leaf.get("custom_variable", {}).values()), None)
    if not isinstance(operand, str) or not operand.startswith("regex("):
        return leaf
    return FALSE if BACKTRACKING_FREE.search(operand) else leaf


def by_uuid(uuid: str) -> Leaf:
    """Return what makes a leaf look at the visitor's UUID in place of the user id."""

    def change(leaf: Json) -> Json:
        operator, value = next(iter(leaf.items()))
        if operator == "user":
            is_listed = isinstance(value, str) and uuid in map(str.strip, value.split(","))
            return TRUE if is_listed else FALSE
        name, operand = next(iter(value.items()))
        return {operator: {UUID if name == USER_ID else name: operand}}

    return change


def segments_of(campaigns: Iterable[Json]) -> Iterator[Any]:
    """Yield every segment of *campaigns*, those that force variations included."""
    for campaign in campaigns:
        yield campaign.get("segments")
        yield from (arm.get("segments") for arm in campaign["variations"])
