"""
The steps to a decision. Each looks at one thing and either decides or leaves it to the next.

A campaign carries those of its dialect's steps that can apply to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping

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
from .hashing import HASHES

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


class Trial(Visitor):
    """A visitor who is decided on: with everything that steps look at beside the campaign."""

    def __init__(
        self,
        campaigns: CampaignSet,
        user_id: str,
        custom_variables: Facts = NOTHING,
        targeting_variables: Facts = NOTHING,
        stored: Assignments | None = None,
        purpose: Purpose = Purpose.ACTIVATE,
        requires_activation: bool = True,
        set_by_site: Mapping[str, str] = NOTHING,
    ) -> None:
        # Without Visitor's own, which would be one call more in each decision.
        self.campaigns = campaigns
        self.user_id = self.bucketing_id = user_id
        self.custom_variables = custom_variables
        self.targeting_variables = targeting_variables
        self.visitor_key = campaigns.visitor_key
        self.stored = stored
        """The visitor's assignments by assignment key; None without user storage."""
        self.purpose = purpose
        self.requires_activation = requires_activation
        """Whether only `Purpose.ACTIVATE` gives a visitor their first assignment."""
        self.set_by_site = set_by_site
        """By campaign id, what user storage would call the variation that the visitor is to get."""
        fact = campaigns.bucketing_fact
        if fact is not None and fact in custom_variables:
            self.bucketing_id = campaigns.bucketing_id(user_id, custom_variables)


Step = Callable[[Trial, Campaign], Decision | None]


def bandit(trial: Trial, campaign: Campaign) -> Decision | None:
    """End where a bandit would have to forget whom it assigned; asking again stays possible."""
    if trial.stored is None and trial.purpose is not READ:
        return Decision(campaign, None, STORAGE_NEEDED)
    return None


def set_by_site(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the variation that the site has set for the visitor."""
    if trial.set_by_site is NOTHING:
        return None
    found = trial.set_by_site.get(campaign.id)
    variation = campaign.variations.get(found) if found is not None else None
    return Decision(campaign, variation, SET) if variation else None


def listed(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the variation that lists the visitor's id."""
    variation = campaign.listed.get(trial.user_id)
    return Decision(campaign, variation, FORCED) if variation else None


def forced(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the variation that whitelists the visitor."""
    variation = forced_variation(trial, campaign)
    return Decision(campaign, variation, FORCED) if variation else None


def stored(trial: Trial, campaign: Campaign) -> Decision | None:
    """End with the remembered variation, or where there should be one and is none."""
    if trial.stored is None:
        return None
    found = trial.stored.get(campaign.assignment_key)
    if found is None:
        if trial.purpose is ACTIVATE or not trial.requires_activation:
            return None
        is_asked_for = trial.campaigns.conventions.asks_for_activation
        return Decision(campaign, None, NOT_ACTIVATED) if is_asked_for else None
    variation = campaign.variations.get(found.variation)
    return Decision(campaign, variation, STORED) if variation else None


def segment(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor outside the campaign's segment."""
    condition = campaign.segment
    if condition is None or condition.evaluate(trial.custom_variables) is True:
        return None
    return Decision(campaign, None, SEGMENT_MISMATCH)


def traffic(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor outside the campaign's share of traffic."""
    if is_in_traffic(campaign, trial.bucketing_id):
        return None
    return Decision(campaign, None, OUTSIDE_TRAFFIC)


def group(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor whom another campaign of the group has, or wins."""
    group = campaign.group
    if group is None:
        return None
    for member in trial.campaigns.members(group):
        # Where nothing is stored, most members are known not to without a call.
        may_have = member.whitelisting or trial.stored is not None
        if may_have and member.id != campaign.id and has_visitor(trial, member):
            return Decision(campaign, None, LOST_TO_GROUP)
    if group_winner(trial, campaign, group) == campaign.id:
        return None
    return Decision(campaign, None, LOST_TO_GROUP)


def allotment(trial: Trial, campaign: Campaign) -> Decision | None:
    """End for a visitor whose bucket the group has given to another campaign, or to none."""
    group = campaign.group
    if group is None or allotted(trial, group) == campaign.id:
        return None
    return Decision(campaign, None, LOST_TO_GROUP)


def bucket(trial: Trial, campaign: Campaign) -> Decision:
    """End with the variation whose range has the visitor's bucket."""
    scheme = campaign.bucketing
    hash_value = scheme.variation_seed.hash(trial.bucketing_id)
    variation = scheme.owners[bisect_right(scheme.hash_ends, hash_value)]
    if variation is None:
        return Decision(campaign, None, OUTSIDE_RANGES)
    decision = Decision(campaign, variation, BUCKETED)
    if trial.stored is not None and campaign.is_remembered:
        decision.is_new = True
        lost = trial.stored.get(campaign.assignment_key)
        decision.replaces = lost.variation if lost else None
    return decision


def forced_variation(trial: Trial, campaign: Campaign) -> Variation | None:
    """Return the variation that whitelists the visitor; of several the one with their bucket."""
    facts = whitelisting_facts(trial, campaign)
    matching = []
    for variation in campaign.whitelisting:
        if variation.whitelist and variation.whitelist.evaluate(facts) is True:
            matching.append(variation)
    if len(matching) < 2:
        return matching[0] if matching else None
    total = sum(variation.weight for variation in matching)
    shares = (
        (variation, variation.weight / total * 100 if total else 100 / len(matching))
        for variation in matching
    )
    return owner_among(shares, whitelisting_bucket(campaign, trial.bucketing_id))


def whitelisting_facts(trial: Trial, campaign: Campaign) -> Facts:
    """Return what whitelisting reads: the targeting variables and who the visitor is."""
    listed_as = trial.key if campaign.is_user_list_enabled else trial.user_id
    own = {trial.campaigns.user_id_fact: listed_as}
    return {**trial.targeting_variables, **own} if trial.targeting_variables else own


def has_visitor(trial: Trial, campaign: Campaign) -> bool:
    """Return whether *campaign* whitelists or remembers the visitor, be it in a lost variation."""
    if trial.stored is not None and campaign.assignment_key in trial.stored:
        return True
    return bool(campaign.whitelisting) and forced_variation(trial, campaign) is not None


def would_take(trial: Trial, campaign: Campaign) -> bool:
    """Return whether the visitor is within the campaign's traffic and meets its segment."""
    # A hash takes less time than most segments, and no call less than one that returns at once.
    if campaign.admitted_hashes != HASHES and not is_in_traffic(campaign, trial.bucketing_id):
        return False
    return campaign.segment is None or campaign.segment.evaluate(trial.custom_variables) is True


def group_winner(trial: Trial, campaign: Campaign, group: Group) -> str | None:
    """Return the id of the member that the visitor may enter, given that it may be *campaign*."""
    eligible = []
    for member in trial.campaigns.members(group):
        if member.id == campaign.id or would_take(trial, member):
            eligible.append(member.id)
    if group.rule is NOBODY_WINS or not eligible:
        return None
    if len(eligible) == 1:
        return eligible[0]
    if group.rule is EQUAL_CHANCE:
        place = equal_shares(len(eligible)).owner_of(group_bucket(group, trial.bucketing_id))
        return None if place is None else eligible[place]
    for campaign_id in group.priority:
        if campaign_id in eligible:
            return campaign_id
    weights = [(key, group.weights[key]) for key in eligible if key in group.weights]
    return owner_among(weights, group_bucket(group, trial.bucketing_id))


def allotted(trial: Trial, group: Group) -> str | None:
    """Return the id of the campaign that has the visitor's bucket in *group*."""
    return group.owner_ids[bisect_right(group.hash_ends, group.seed.hash(trial.bucketing_id))]
