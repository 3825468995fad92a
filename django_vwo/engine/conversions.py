"""Which campaigns a reached goal counts for, and what it needs to count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .entities import Campaign, CampaignSet, CampaignType, Goal, GoalType

# Python 3.11 takes 0.06 µs to look a member of an enumeration up.
ROLLOUT, REVENUE, OTHER = CampaignType.ROLLOUT, GoalType.REVENUE, GoalType.OTHER
ALL_GOALS = "ALL"
GOAL_TYPES = (ALL_GOALS, GoalType.CUSTOM.value, GoalType.REVENUE.value)
"""What `goal_type_to_track` may be."""


def campaigns_with_goal(
    campaigns: CampaignSet, specifier: str | list[Any] | None, goal_identifier: str
) -> list[Campaign]:
    """
    Return the running campaigns that *specifier* means: a key, keys in a list, or None for all.

    One key, or None, means only those that have the goal. In a list, what is no key of a running
    campaign is left out, and a campaign without the goal is kept.
    """
    if specifier is None:
        return list(campaigns.campaigns_by_goal.get(goal_identifier, ()))
    if isinstance(specifier, str):
        campaign = campaigns.campaigns.get(specifier)
        return [campaign] if campaign and goal_identifier in campaign.goals else []
    keys = [key for key in dict.fromkeys(filter(is_text, specifier)) if key in campaigns.campaigns]
    return [campaigns.campaigns[key] for key in keys]


def is_text(value: object) -> bool:
    return isinstance(value, str)


def takes_goal(campaign: Campaign, goal: Goal | None, goal_type_to_track: str) -> bool:
    """Return whether *goal* of *campaign* is to be tracked at all."""
    if goal is None or campaign.type is ROLLOUT:
        return False
    is_wanted = goal_type_to_track in (ALL_GOALS, goal.type)
    return is_wanted or goal.type is OTHER


def lacks_revenue(
    goal: Goal, revenue: float | str | None, properties: Mapping[str, Any], takes_properties: bool
) -> bool:
    """Return whether *goal* is a revenue goal and nothing says how much."""
    if goal.type is not REVENUE or revenue is not None:
        return False
    if not takes_properties:
        return True
    return goal.revenue_prop not in properties if goal.revenue_prop else not goal.needs_no_revenue
