"""
Where the project deliberately answers otherwise than the official SDK: all of it, in one table.

A step on which the two sides disagree is excused by the first difference whose predicate holds,
and fails the test otherwise. A difference that excused nothing fails the test as well: either it is
gone, or the documents no longer show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .documents import Case, Json
from .oracle import Call
from .outcomes import Outcome, Remembered, Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One call of a session, and what came of it on both sides."""

    case: Case
    call: Call
    before: Remembered
    """What user storage remembered before the call."""
    official: Outcome
    ours: Outcome

    @property
    def campaigns(self) -> list[Json]:
        """The document's campaigns that the call names; all of them where it names none."""
        asked = self.call.args[0] if self.call.args else None
        keys = [asked] if isinstance(asked, str) else asked
        every: list[Json] = list(self.case.document["campaigns"])
        return [each for each in every if not isinstance(keys, list) or each["key"] in keys]

    @property
    def is_track(self) -> bool:
        return self.call.method == "track"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that is done otherwise on purpose."""

    name: str
    reason: str
    excuses: Callable[[Step], bool]


def nothing_happened(outcome: Outcome) -> bool:
    """Return whether a call ended with the "nothing" result and told nothing."""
    result = outcome.result
    if isinstance(result, dict):
        return not any(result.values()) and not outcome.told
    return result in (None, False) and not outcome.told


# --- The predicates --------------------------------------------------------------------------


def is_paused_in_track_all(step: Step) -> bool:
    """The official SDK tracks paused campaigns, too, when it is given none."""
    if not step.is_track or step.call.args[0] is not None:
        return False
    paused = {each["key"] for each in step.campaigns if each["status"] != "RUNNING"}
    return bool(paused & set(step.official.result or {}))


def is_crash(step: Step) -> bool:
    """The official SDK dies where it has no variation, or no winner of a group, to give."""
    if step.official.error not in {"AttributeError", "UnboundLocalError", "ZeroDivisionError"}:
        return False
    goes_on = step.is_track and isinstance(step.ours.result, dict)
    return step.official.result in (None, False) and (goes_on or nothing_happened(step.ours))


def is_undecided_feature(step: Step) -> bool:
    """`is_feature_enabled` answers None where the variation has no `isFeatureEnabled`."""
    is_asked = step.call.method == "is_feature_enabled"
    alike = replace(step.ours, result=None).agrees_with(step.official)
    return is_asked and step.ours.result is False and alike


def is_gone_variation(step: Step) -> bool:
    """A visitor whose variation is gone is announced as a visitor of the new one."""
    news = [told for told in step.ours.told if told not in step.official.told]
    kept = tuple(told for told in step.ours.told if told in step.official.told)
    is_all = bool(news) and all(is_of_gone_variation(step, told) for told in news)
    rest = replace(step, ours=replace(step.ours, told=kept))
    return is_all and (rest.ours.agrees_with(step.official) or is_undecided_feature(rest))


def is_of_gone_variation(step: Step, told: Told) -> bool:
    """Return whether *told* announces a visitor whose variation was gone before."""
    if told.kind != "impression":
        return False
    campaign = next(each for each in step.campaigns if str(each["id"]) == told.campaign)
    names = {variation["name"] for variation in campaign["variations"]}
    return any(
        key == campaign["key"] and name not in names for (_, key), (name, _) in step.before.items()
    )


def is_refused_revenue(step: Step) -> bool:
    """Text that is no number, a bool, or what is not finite counts as no revenue at all."""
    revenue: Any = step.call.kwargs.get("revenue_value")
    if not step.is_track or not isinstance(revenue, str | bool | float) or reads_finite(revenue):
        return False
    bare = {replace(told, revenue="") for told in step.official.told}
    return bare.issuperset(step.ours.told) and is_weaker(step.ours.result, step.official.result)


def reads_finite(revenue: Any) -> bool:
    """Return whether *revenue* reads as a finite number."""
    try:
        return not isinstance(revenue, bool) and math.isfinite(float(revenue))
    except ValueError:
        return False


def is_weaker(ours: Any, official: Any) -> bool:
    """Return whether *ours* is the same mapping, but for goals that were not tracked."""
    if not isinstance(ours, dict) or not isinstance(official, dict):
        return False
    return ours.keys() == official.keys() and all(
        official[key] or not tracked for key, tracked in ours.items()
    )


def is_refused_properties(step: Step) -> bool:
    """Event properties must be a dict."""
    properties: Any = step.call.kwargs.get("event_properties")
    is_wrong = properties is not None and not isinstance(properties, dict)
    return step.is_track and is_wrong and step.ours.result is None and not step.ours.told


def has_broken_leaf(step: Step) -> bool:
    """The official SDK gave up on a segment of which one leaf cannot be evaluated."""
    handlers = ("evaluate_pre_segmentation", "_get_white_listed_variations_list")
    return any(each.endswith(handlers) for each in step.official.swallowed)


def is_in_missing_group(step: Step) -> bool:
    """A campaign whose group is missing counts as ungrouped."""
    if step.official.error != "AttributeError":
        return False
    groups = step.case.document.get("groups", {})
    homes = step.case.document.get("campaignGroups", {})
    return any(str(homes.get(str(each["id"]), "")) not in {"", *groups} for each in step.campaigns)


def is_last_of_a_key(step: Step) -> bool:
    """Of several campaigns with a key, the official SDK tracks the last where it gets a list."""
    if not step.is_track or not isinstance(step.call.args[0], list):
        return False
    keys = [each["key"] for each in step.campaigns]
    return len(keys) > len(set(keys))


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="track(None) looks at running campaigns only",
        reason="VWO discards what it hears of a paused campaign, so it is not tracked.",
        excuses=is_paused_in_track_all,
    ),
    Difference(
        name="a campaign whose group is missing counts as ungrouped",
        reason="The official SDK crashes. Its campaign runs, and loading reports the loss.",
        excuses=is_in_missing_group,
    ),
    Difference(
        name="no variation, no winner: an answer, not a crash",
        reason="The official SDK dies on weights, groups and traffic that leave a visitor out; its "
        "track then answers False and forgets the campaigns after that one.",
        excuses=is_crash,
    ),
    Difference(
        name="is_feature_enabled answers a bool",
        reason="A flag that is neither on nor off is off.",
        excuses=is_undecided_feature,
    ),
    Difference(
        name="a new variation for a gone one is announced",
        reason="Without the visit its conversions would count for no visitor.",
        excuses=is_gone_variation,
    ),
    Difference(
        name="a revenue must read as a finite number",
        reason="VWO cannot add up anything else.",
        excuses=is_refused_revenue,
    ),
    Difference(
        name="event properties must be a dict",
        reason="The official SDK stores the goal and then fails to send it.",
        excuses=is_refused_properties,
    ),
    Difference(
        name="a leaf that cannot be evaluated is false by itself",
        reason="One bad operand must not shut a whole segment.",
        excuses=has_broken_leaf,
    ),
    Difference(
        name="a key in a list means the first running campaign, too",
        reason="It does everywhere else.",
        excuses=is_last_of_a_key,
    ),
)
