"""
The steps to a decision. Each looks at one thing and either ends the way or leaves it to the next.

A campaign carries those of its dialect's steps that can apply to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .bucketing import (
    bucketed_variation,
    group_bucket,
    is_in_traffic,
    lay_out,
    whitelisting_bucket,
)
from .entities import (
    Assignment,
    Campaign,
    CampaignSet,
    Facts,
    Group,
    GroupRule,
    Purpose,
    Reason,
    Variation,
    Visitor,
)
from .segments import is_met


@dataclass(slots=True)
class Trial:
    """A decision in the making: everything that steps may look at."""

    campaigns: CampaignSet
    campaign: Campaign
    visitor: Visitor
    stored: Mapping[str, Assignment] | None
    """The visitor's assignments by assignment key; None without user storage."""
    purpose: Purpose
    requires_activation: bool
    set_by_site: Mapping[str, str] = field(default_factory=dict)
    """By campaign id, what user storage would call the variation that the site has set."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended the way."""

    variation: Variation | None
    reason: Reason


Step = Callable[[Trial], Outcome | None]

NOT_ACTIVATED = Outcome(None, Reason.NOT_ACTIVATED)
SEGMENT_MISMATCH = Outcome(None, Reason.SEGMENT_MISMATCH)
OUTSIDE_TRAFFIC = Outcome(None, Reason.OUTSIDE_TRAFFIC)
LOST_TO_GROUP = Outcome(None, Reason.LOST_TO_GROUP)
OUTSIDE_RANGES = Outcome(None, Reason.OUTSIDE_RANGES)
STORAGE_NEEDED = Outcome(None, Reason.STORAGE_NEEDED)


def bandit(trial: Trial) -> Outcome | None:
    """End where a bandit would have to forget whom it assigned; asking again stays possible."""
    if trial.stored is None and trial.purpose is not Purpose.READ:
        return STORAGE_NEEDED
    return None


def set_by_site(trial: Trial) -> Outcome | None:
    """End with the variation that the site has set for the visitor."""
    found = trial.set_by_site.get(trial.campaign.id)
    variation = None if found is None else trial.campaign.variations.get(found)
    return Outcome(variation, Reason.SET) if variation else None


def listed(trial: Trial) -> Outcome | None:
    """End with the variation that lists the visitor's id."""
    variation = trial.campaign.listed.get(trial.visitor.user_id)
    return Outcome(variation, Reason.FORCED) if variation else None


def forced(trial: Trial) -> Outcome | None:
    """End with the variation that whitelists the visitor."""
    variation = forced_variation(trial.campaigns, trial.campaign, trial.visitor)
    return Outcome(variation, Reason.FORCED) if variation else None


def stored(trial: Trial) -> Outcome | None:
    """End with the remembered variation, or where there should be one and is none."""
    if trial.stored is None:
        return None
    found = trial.stored.get(trial.campaign.assignment_key)
    if found is None:
        is_let_in = trial.purpose is Purpose.ACTIVATE or not trial.requires_activation
        return None if is_let_in else NOT_ACTIVATED
    variation = trial.campaign.variations.get(found.variation)
    return Outcome(variation, Reason.STORED) if variation else None


def segment(trial: Trial) -> Outcome | None:
    """End for a visitor outside the campaign's segment."""
    return None if is_in_segment(trial.campaign, trial.visitor) else SEGMENT_MISMATCH


def traffic(trial: Trial) -> Outcome | None:
    """End for a visitor outside the campaign's share of traffic."""
    return None if is_in_traffic(trial.campaign, trial.visitor.bucketing_id) else OUTSIDE_TRAFFIC


def group(trial: Trial) -> Outcome | None:
    """End for a visitor whom another campaign of the group has, or wins."""
    group = trial.campaign.group
    if group is None:
        return None
    others = other_members(trial.campaigns, group, trial.campaign)
    if any(has_visitor(trial, other) for other in others):
        return LOST_TO_GROUP
    winner = group_winner(trial, group, others)
    return None if winner == trial.campaign.id else LOST_TO_GROUP


def allotment(trial: Trial) -> Outcome | None:
    """End for a visitor whose bucket the group has given to another campaign, or to none."""
    group = trial.campaign.group
    if group is None or allotted(group, trial.visitor) == trial.campaign.id:
        return None
    return LOST_TO_GROUP


def bucket(trial: Trial) -> Outcome:
    """End with the variation whose range has the visitor's bucket."""
    variation = bucketed_variation(trial.campaign, trial.visitor.bucketing_id)
    return Outcome(variation, Reason.BUCKETED) if variation else OUTSIDE_RANGES


def forced_variation(
    campaigns: CampaignSet, campaign: Campaign, visitor: Visitor
) -> Variation | None:
    """Return the variation that whitelists *visitor*; of several the one with their bucket."""
    if not campaign.whitelisting:
        return None
    facts = whitelisting_facts(campaigns, campaign, visitor)
    matching = [
        variation
        for variation in campaign.whitelisting
        if variation.whitelist and is_met(variation.whitelist, facts)
    ]
    if len(matching) < 2:
        return matching[0] if matching else None
    total = sum(variation.weight for variation in matching)
    shares = (
        (variation, variation.weight / total * 100 if total else 100 / len(matching))
        for variation in matching
    )
    return lay_out(shares).owner_of(whitelisting_bucket(campaign, visitor.bucketing_id))


def whitelisting_facts(campaigns: CampaignSet, campaign: Campaign, visitor: Visitor) -> Facts:
    """Return what whitelisting reads: the targeting variables and who the visitor is."""
    listed_as = visitor.key if campaign.is_user_list_enabled else visitor.user_id
    return {**visitor.targeting_variables, campaigns.user_id_fact: listed_as}


def is_in_segment(campaign: Campaign, visitor: Visitor) -> bool:
    """Return whether *visitor* meets the campaign's segment."""
    return campaign.segment is None or is_met(campaign.segment, visitor.custom_variables)


def other_members(campaigns: CampaignSet, group: Group, campaign: Campaign) -> list[Campaign]:
    """Return the running members of *group* but *campaign*, in the group's order."""
    return [
        campaigns.campaigns_by_id[campaign_id]
        for campaign_id in group.campaign_ids
        if campaign_id != campaign.id and campaign_id in campaigns.campaigns_by_id
    ]


def has_visitor(trial: Trial, campaign: Campaign) -> bool:
    """Return whether *campaign* whitelists or remembers the visitor, be it in a lost variation."""
    if trial.stored is not None and campaign.assignment_key in trial.stored:
        return True
    return forced_variation(trial.campaigns, campaign, trial.visitor) is not None


def group_winner(trial: Trial, group: Group, others: list[Campaign]) -> str | None:
    """Return the id of the campaign that the visitor may enter."""
    visitor = trial.visitor
    eligible = {trial.campaign.id} | {
        other.id
        for other in others
        if is_in_segment(other, visitor) and is_in_traffic(other, visitor.bucketing_id)
    }
    in_order = [campaign_id for campaign_id in group.campaign_ids if campaign_id in eligible]
    if group.rule is GroupRule.NOBODY_WINS or not in_order:
        return None
    if len(in_order) == 1:
        return in_order[0]
    if group.rule is GroupRule.EQUAL_CHANCE:
        weights = [(campaign_id, 100 / len(in_order)) for campaign_id in in_order]
    else:
        for campaign_id in group.priority:
            if campaign_id in in_order:
                return campaign_id
        weights = [(key, group.weights[key]) for key in in_order if key in group.weights]
    return lay_out(weights).owner_of(group_bucket(group, visitor.bucketing_id))


def allotted(group: Group, visitor: Visitor) -> str | None:
    """Return the id of the campaign that has *visitor*'s bucket in *group*."""
    return group.allotment.owner_of(group_bucket(group, visitor.bucketing_id))
