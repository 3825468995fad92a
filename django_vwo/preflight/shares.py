"""
Which share of all possible hash values leads where: exact, without asking any visitor.

A share is a number from 0 to 1. What depends on the visitor otherwise is left aside: everybody is
taken to meet the segment, nobody to be whitelisted or remembered, and groups are ignored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from math import floor

from ..engine.entities import Campaign
from ..engine.hashing import BUCKETS, Seed

Point = Mapping[Seed, float]
"""A visitor: of each text that is hashed, the place of its hash value among all, 0 to 1."""
Met = str | None
"""Name of a variation; None: none."""


def admitted_share(campaign: Campaign) -> float:
    """
    Return the share of visitors that the campaign's percentage of traffic admits.

    Traffic is admitted in whole percents: what is behind the decimal point does not count.
    """
    return floor(min(max(campaign.percent_traffic, 0), 100)) / 100


def ends(campaign: Campaign) -> list[float]:
    """Return where the place of a hash value leaves bucket 0, and where each variation's range."""
    stretch = campaign.bucketing.multiplier
    buckets = (0, *campaign.bucketing.ranges.ends)
    if stretch <= 0:  # the traffic is infinite, and all values are bucket 0
        return [1.0 for _ in buckets]
    return [min(max(((end + 1) / stretch - 1) / BUCKETS, 0), 1) for end in buckets]


def met(campaign: Campaign | None, at: Point) -> Met:
    """Return the variation that the visitor *at* a point meets."""
    if campaign is None:
        return None
    scheme = campaign.bucketing
    if at[scheme.campaign_seed] >= admitted_share(campaign):
        return None
    index = bisect_right(ends(campaign), at[scheme.variation_seed])
    owner = scheme.ranges.owners[index - 1] if 0 < index <= len(scheme.ranges.owners) else None
    return owner.name if owner else None


def joint_shares(*campaigns: Campaign | None) -> dict[tuple[Met, ...], float]:
    """
    Return the share of visitors by what they meet in each of *campaigns*.

    Hash values of different texts do not depend on each other, those of the same text are the same.
    """
    shares: dict[tuple[Met, ...], float] = defaultdict(float)
    for at, share in cells(cuts(campaigns)):
        shares[tuple(met(campaign, at) for campaign in campaigns)] += share
    return dict(shares)


def cuts(campaigns: tuple[Campaign | None, ...]) -> dict[Seed, list[float]]:
    """Return, for each text that is hashed, the places at which anything changes."""
    places: dict[Seed, set[float]] = defaultdict(lambda: {0.0, 1.0})
    for campaign in filter(None, campaigns):
        places[campaign.bucketing.campaign_seed].add(admitted_share(campaign))
        places[campaign.bucketing.variation_seed].update(ends(campaign))
    return {seed: sorted(found) for seed, found in places.items()}


def cells(places: Mapping[Seed, list[float]]) -> Iterator[tuple[Point, float]]:
    """Yield each part of the hash space in which nothing changes: a point in it, and its share."""
    for sides in product(*(pairwise(found) for found in places.values())):
        share = 1.0
        for low, high in sides:
            share *= high - low
        middles = ((low + high) / 2 for low, high in sides)
        yield dict(zip(places, middles, strict=True)), share
