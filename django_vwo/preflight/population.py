"""Simulated visitors: the same in every run, decided on as real ones without user storage are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5

from ..engine import steps
from ..engine.decision import decide
from ..engine.entities import Assignment, Campaign, CampaignSet
from ..engine.steps import Trial
from .drawing import drawing
from .shares import Met, joint_shares

VISITORS = 10_000
FEWEST_VISITORS = 1_000
MOST_DECISIONS = 1_000_000
Tick = Callable[[int], object]
"""Is told how many more are done."""
Shares = dict[tuple[Met, ...], float]
Stored = Mapping[str, Assignment] | None
Version = tuple[CampaignSet | None, Campaign | None]
"""A campaign, with the document that it stands in."""


@lru_cache(maxsize=1)
def user_ids() -> tuple[str, ...]:
    """Return the ids of the simulated visitors, which look like those in real ones' cookies."""
    numbers = range(VISITORS)
    return tuple(str(uuid5(NAMESPACE_URL, f"https://visitor.example/{n}")) for n in numbers)


def visitors_for(campaigns: int) -> int:
    """Return how many visitors to simulate if each of so many *campaigns* decides on them all."""
    return max(FEWEST_VISITORS, min(VISITORS, MOST_DECISIONS // max(campaigns, 1)))


def everybody_in(campaigns: CampaignSet) -> CampaignSet:
    """Return *campaigns* as they are for a visitor who meets every segment."""
    eased = {campaign.key: without_segment(campaign) for campaign in campaigns.campaigns.values()}
    by_id = {
        campaign_id: eased[campaign.key]
        if campaigns.campaigns.get(campaign.key) is campaign
        else without_segment(campaign)
        for campaign_id, campaign in campaigns.campaigns_by_id.items()
    }
    return replace(campaigns, campaigns=eased, campaigns_by_id=by_id)


def without_segment(campaign: Campaign) -> Campaign:
    """Return *campaign* open to everybody."""
    way = tuple(step for step in campaign.steps if step is not steps.segment)
    return replace(campaign, segment=None, steps=way)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """How visitors spread over what they meet."""

    shares: Shares
    simulated: int
    """How many simulated visitors it was counted among; 0: it was computed."""


def spread(
    keys: Iterable[str],
    sets: Iterable[CampaignSet | None],
    *,
    is_remembering: bool,
    tick: Tick = int,
) -> dict[str, Found]:
    """
    Return the share of visitors by what each of *sets* has them meet, for each of the campaigns.

    Everybody is taken to meet all segments, and nobody to be remembered; *is_remembering* tells
    whether the site has a user storage. None, as a set that lacks a campaign, gives no variation.
    """
    stored: Stored = {} if is_remembering else None
    eased = [each and drawing(everybody_in(each)) for each in sets]
    listed = user_ids()[: visitors_for(max(map(listing, filter(None, eased)), default=0))]
    found: dict[str, Found] = {}
    rest: dict[str, list[Version]] = {}
    for key in keys:
        versions = [(each, each.campaigns.get(key) if each else None) for each in eased]
        if all(is_computable(*version, stored, listed) for version in versions):
            shares = joint_shares(*(campaign for _, campaign in versions))
            found[key] = Found(shares=shares, simulated=0)
            tick(VISITORS)
        else:
            rest[key] = versions
    return found | simulated(rest, stored, tick)


def simulated(
    campaigns: Mapping[str, list[Version]], stored: Stored, tick: Tick
) -> dict[str, Found]:
    """Return the shares that simulated visitors have: all campaigns for one, then for the next."""
    met: dict[str, Counter[tuple[Met, ...]]] = {key: Counter() for key in campaigns}
    visitors = visitors_for(len(campaigns))
    for user_id in user_ids()[:visitors] if campaigns else ():
        for key, versions in campaigns.items():
            met[key][tuple(decided(*version, user_id, stored) for version in versions)] += 1
        tick(len(campaigns) * VISITORS // visitors)
    return {
        key: Found(shares={pair: n / visitors for pair, n in counts.items()}, simulated=visitors)
        for key, counts in met.items()
    }


def listing(campaigns: CampaignSet) -> int:
    """Return how many campaigns have whitelists."""
    return sum(bool(campaign.whitelisting) for campaign in campaigns.campaigns.values())


def is_computable(
    campaigns: CampaignSet | None,
    campaign: Campaign | None,
    stored: Stored,
    visitors: Sequence[str],
) -> bool:
    """Return whether nothing but traffic and weights decides: no group, list or bandit."""
    if campaigns is None or campaign is None:
        return True
    if campaign.group or (stored is None and steps.bandit in campaign.steps):
        return False
    return not any(
        steps.forced_variation(Trial(campaigns, user_id), campaign)
        for user_id in (visitors if campaign.whitelisting else ())
    )


def decided(
    campaigns: CampaignSet | None, campaign: Campaign | None, user_id: str, stored: Stored
) -> Met:
    """Return the variation that a simulated visitor gets."""
    if campaigns is None or campaign is None:
        return None
    decision = decide(Trial(campaigns, user_id, stored=stored), campaign)
    return decision.variation.name if decision.variation else None
