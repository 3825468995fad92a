"""
The steps to a decision. Each looks at one thing and either decides or leaves it to the next.

A campaign carries those of its dialect's steps that can apply to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .bucketing import (
    equal_shares,
    group_bucket,
    is_in_traffic,
    owner_among,
    whitelisting_bucket,
)
from .decision import Decision
from .entities import (
    NOTHING,
    Assignments,
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

# Python 3.11 takes 0.06 µs to look a member of an enumeration up.
BUCKETED = Reason.BUCKETED
FORCED = Reason.FORCED
LOST_TO_GROUP = Reason.LOST_TO_GROUP
NOT_ACTIVATED = Reason.NOT_ACTIVATED
OUTSIDE_RANGES = Reason.OUTSIDE_RANGES
OUTSIDE_TRAFFIC = Reason.OUTSIDE_TRAFFIC
SEGMENT_MISMATCH = Reason.SEGMENT_MISMATCH
SET = Reason.SET
STORAGE_NEEDED = Reason.STORAGE_NEEDED
STORED = Reason.STORED
ACTIVATE, READ = Purpose.ACTIVATE, Purpose.READ
EQUAL_CHANCE, NOBODY_WINS = GroupRule.EQUAL_CHANCE, GroupRule.NOBODY_WINS


@dataclass
class Trial:
    """Who is decided on, and what for: everything that steps look at beside the campaign."""

    campaigns: CampaignSet
    visitor: Visitor
    stored: Assignments | None = None
    """The visitor's assignments by assignment key; None without user storage."""
    purpose: Purpose = Purpose.ACTIVATE
    requires_activation: bool = True
    """Whether only `Purpose.ACTIVATE` gives a visitor their first assignment."""
    set_by_site: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NOTHING)
    """By user id and campaign id, what user storage would call the variation that is wanted."""


Step = Callable[[Trial, Campaign], Decision | None]


def bandit(trial: Trial, campaign: Campaign) -> Decision | None:
    """End where a bandit would have to forget whom it assigned; asking again stays possible."""
    if trial.stored is None and trial.purpose is not READ:
        return Decision(campaign, None, STORAGE_NEEDED)
    return None


def set_by_site(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the variation that the site has set for the visitor."""
    of_visitor = trial.set_by_site.get(trial.visitor.user_id)
    found = of_visitor.get(campaign.id) if of_visitor else None
    variation = campaign.variations.get(found) if found is not None else None
    return Decision(campaign, variation, SET) if variation else None


def listed(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the variation that lists the visitor's id."""
    variation = campaign.listed.get(trial.visitor.user_id)
    return Decision(campaign, variation, FORCED) if variation else None


def forced(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the variation that whitelists the visitor."""
    variation = forced_variation(trial.campaigns, campaign, trial.visitor)
    return Decision(campaign, variation, FORCED) if variation else None


def stored(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the remembered variation, or where there should be one and is none."""
    if trial.stored is None:
        return None
    found = trial.stored.get(campaign.assignment_key)
    if found is None:
        is_let_in = trial.purpose is ACTIVATE or not trial.requires_activation
        return None if is_let_in else Decision(campaign, None, NOT_ACTIVATED)
    variation = campaign.variations.get(found.variation)
    return Decision(campaign, variation, STORED) if variation else None


def segment(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor outside the campaign's segment."""
    if is_met(campaign.segment, trial.visitor.custom_variables):
        return None
    return Decision(campaign, None, SEGMENT_MISMATCH)


def traffic(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor outside the campaign's share of traffic."""
    if is_in_traffic(campaign, trial.visitor.bucketing_id):
        return None
    return Decision(campaign, None, OUTSIDE_TRAFFIC)


def group(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor whom another campaign of the group has, or wins."""
    group = campaign.group
    if group is None:
        return None
    for member in trial.campaigns.members(group):
        if member.id != campaign.id and has_visitor(trial, member):
            return Decision(campaign, None, LOST_TO_GROUP)
    if group_winner(trial, campaign, group) == campaign.id:
        return None
    return Decision(campaign, None, LOST_TO_GROUP)


def allotment(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor whose bucket the group has given to another campaign, or to none."""
    group = campaign.group
    if group is None or allotted(group, trial.visitor) == campaign.id:
        return None
    return Decision(campaign, None, LOST_TO_GROUP)


def bucket(trial: Trial, campaign: Campaign) -> Decision:
    """End with the variation whose range has the visitor's bucket."""
    scheme = campaign.bucketing
    owners = scheme.ranges.owners
    hash_value = scheme.variation_seed.hash(trial.visitor.bucketing_id)
    place = bisect_right(scheme.hash_ends, hash_value) - 1
    variation = owners[place] if 0 <= place < len(owners) else None
    if variation is None:
        return Decision(campaign, None, OUTSIDE_RANGES)
    decision = Decision(campaign, variation, BUCKETED)
    if trial.stored is not None and campaign.is_remembered:
        decision.is_new = True
        lost = trial.stored.get(campaign.assignment_key)
        decision.replaces = lost.variation if lost else None
    return decision


def forced_variation(
    campaigns: CampaignSet, campaign: Campaign, visitor: Visitor
) -> Variation | None:
    """Return the variation that whitelists *visitor*; of several the one with their bucket."""
    facts = whitelisting_facts(campaigns, campaign, visitor)
    matching = []
    for variation in campaign.whitelisting:
        if variation.whitelist and is_met(variation.whitelist, facts):
            matching.append(variation)
    if len(matching) < 2:
        return matching[0] if matching else None
    total = sum(variation.weight for variation in matching)
    shares = (
        (variation, variation.weight / total * 100 if total else 100 / len(matching))
        for variation in matching
    )
    return owner_among(shares, whitelisting_bucket(campaign, visitor.bucketing_id))


def whitelisting_facts(campaigns: CampaignSet, campaign: Campaign, visitor: Visitor) -> Facts:
    """Return what whitelisting reads: the targeting variables and who the visitor is."""
    listed_as = visitor.key if campaign.is_user_list_enabled else visitor.user_id
    own = {campaigns.user_id_fact: listed_as}
    return {**visitor.targeting_variables, **own} if visitor.targeting_variables else own


def has_visitor(trial: Trial, campaign: Campaign) -> bool:
    """Return whether *campaign* whitelists or remembers the visitor, be it in a lost variation."""
    if trial.stored is not None and campaign.assignment_key in trial.stored:
        return True
    if not campaign.whitelisting:
        return False  # without a call: this is asked of every other member of a group
    return forced_variation(trial.campaigns, campaign, trial.visitor) is not None


def would_take(campaign: Campaign, visitor: Visitor) -> bool:
    """Return whether *visitor* meets the campaign's segment and is within its traffic."""
    is_in_segment = is_met(campaign.segment, visitor.custom_variables)
    return is_in_segment and is_in_traffic(campaign, visitor.bucketing_id)


def group_winner(trial: Trial, campaign: Campaign, group: Group) -> str | None:
    """Return the id of the member that the visitor may enter, given that it may be *campaign*."""
    visitor = trial.visitor
    eligible = []
    for member in trial.campaigns.members(group):
        if member.id == campaign.id or would_take(member, visitor):
            eligible.append(member.id)
    if group.rule is NOBODY_WINS or not eligible:
        return None
    if len(eligible) == 1:
        return eligible[0]
    if group.rule is EQUAL_CHANCE:
        place = equal_shares(len(eligible)).owner_of(group_bucket(group, visitor.bucketing_id))
        return None if place is None else eligible[place]
    for campaign_id in group.priority:
        if campaign_id in eligible:
            return campaign_id
    weights = [(key, group.weights[key]) for key in eligible if key in group.weights]
    return owner_among(weights, group_bucket(group, visitor.bucketing_id))


def allotted(group: Group, visitor: Visitor) -> str | None:
    """Return the id of the campaign that has *visitor*'s bucket in *group*."""
    return group.allotment.owner_of(group_bucket(group, visitor.bucketing_id))
