"""Whether a deliberate difference may have had a part in a step, for each of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from . import amendments
from .amendments import FALSE, GOALS_SEPARATOR
from .documents import Json
from .questions import Step


def is_paused_in_track_all(step: Step) -> bool:
    """Return whether the official SDK tracked paused campaigns, as none was named."""
    if not step.is_track or step.call.args[0] is not None:
        return False
    return len(step.named) < len(step.case.document["campaigns"])


def is_in_lost_group(step: Step) -> bool:
    document = step.case.document
    homes, groups = amendments.homes_of(document), document.get("groups", {})
    return any(str(home) not in groups for home in homes.values())


def may_crash(step: Step) -> bool:
    """Return True: the official SDK may die as well of what it is asked instead."""
    return True


def is_undecided(step: Step) -> bool:
    """Return whether a feature test was asked whose variations may not say if they are on."""
    if step.call.method != "is_feature_enabled":
        return False
    arms = [arm for campaign in step.named for arm in campaign["variations"]]
    return any("isFeatureEnabled" not in arm for arm in arms)


def is_of_lost_variation(step: Step) -> bool:
    return any(lost_variations(step))


def lost_variations(step: Step) -> Iterator[Json]:
    """Yield the campaigns in which the visitor had a variation that is gone."""
    for campaign in step.named:
        name, _ = step.before.get((step.user_id, campaign["key"]), (None, None))
        if name is not None and name not in {arm["name"] for arm in campaign["variations"]}:
            yield campaign


def is_refused_revenue(step: Step) -> bool:
    """Return whether a revenue was given that is a bool, not finite, or no number."""
    revenue: Any = step.call.kwargs.get("revenue_value")
    return step.is_track and isinstance(revenue, str | bool | float | int) and not finite(revenue)


def finite(revenue: Any) -> bool:
    try:
        return not isinstance(revenue, bool) and math.isfinite(float(revenue))
    except (ValueError, OverflowError):
        return False


def has_odd_properties(step: Step) -> bool:
    properties = step.call.kwargs.get("event_properties")
    return step.is_track and properties is not None and not isinstance(properties, dict)


def has_leaf(step: Step) -> bool:
    """Return whether a segment may have something that the official SDK cannot evaluate."""
    segments = amendments.segments_of(step.case.document["campaigns"])
    return any(any(amendments.leaves_of(each)) for each in segments)


def has_namesakes(step: Step) -> bool:
    """Return whether a list names a key that several campaigns have."""
    if not step.is_track or not isinstance(step.call.args[0], list):
        return False
    keys = [each["key"] for each in step.case.document["campaigns"]]
    return any(isinstance(key, str) and keys.count(key) > 1 for key in step.call.args[0])


def has_text_ids(step: Step) -> bool:
    return any(isinstance(each["id"], str) for each in step.case.document["campaigns"])


def has_odd_goals(step: Step) -> bool:
    goals = [goal for each in step.case.document["campaigns"] for goal in each["goals"]]
    return step.is_track and not all(map(amendments.is_sound_goal, goals))


def is_goal_of_many(step: Step) -> bool:
    return step.is_track and GOALS_SEPARATOR in str(step.call.args[2])


def has_hashed_lists(step: Step) -> bool:
    if not is_text_to_hash(step.user_id):
        return False
    return any(each.get("isUserListEnabled") for each in step.case.document["campaigns"])


def has_deep_segment(step: Step) -> bool:
    segments = amendments.segments_of(step.case.document["campaigns"])
    return any(amendments.with_broken_depths(each) != each for each in segments)


def has_refused_pattern(step: Step) -> bool:
    segments = amendments.segments_of(step.case.document["campaigns"])
    leaves = (leaf for each in segments for leaf in amendments.leaves_of(each))
    return any(amendments.without_refused_pattern(leaf) is FALSE for leaf in leaves)


def is_unhashable(step: Step) -> bool:
    """Return whether the visitor's id is text that cannot be hashed, on which `track` dies."""
    return step.is_track and isinstance(step.user_id, str) and not is_text_to_hash(step.user_id)


def is_text_to_hash(user_id: Any) -> bool:
    try:
        return isinstance(user_id, str) and bool(user_id.encode())
    except UnicodeEncodeError:
        return False


def has_odd_keys(step: Step) -> bool:
    keys = step.call.args[0]
    return step.is_track and isinstance(keys, list) and not all(isinstance(k, str) for k in keys)
