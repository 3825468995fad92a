"""From a bucketing id to a bucket, and from a bucket to a variation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import ceil

from .entities import Campaign, Group, Owner, Ranges
from .hashing import BUCKETS, HASHES, bucket_for_hash


def lay_out(weights: Iterable[tuple[Owner, float]]) -> Ranges[Owner]:
    """
    Return the buckets of each owner, given weights in percent.

    In order, each takes `ceil(weight * 100)` buckets, 10,000 at the most, from 1 up. A weight of 0
    takes none, and a negative one moves the next owner's range back, where the first one stays.
    Weights may be infinite, but not NaN.

    >>> lay_out([("a", 33.33), ("b", 0), ("c", 66.67)]).ends
    (3333, 10000)
    """
    found = list(ends(weights))
    return Ranges(tuple(end for _, end in found), tuple(owner for owner, _ in found))


def ends(weights: Iterable[tuple[Owner, float]]) -> Iterator[tuple[Owner, int]]:
    """Yield each owner of `lay_out` with the last of their buckets."""
    position = highest = 0
    for owner, weight in weights:
        position += ceil(max(-HASHES, min(weight * 100, BUCKETS)))
        if position > highest:
            highest = position
            yield owner, position


def owner_among(weights: Iterable[tuple[Owner, float]], bucket: int) -> Owner | None:
    """Return whose *bucket* is where `lay_out` lays out *weights* for this one question."""
    return next((owner for owner, end in ends(weights) if bucket <= end), None)


@lru_cache(maxsize=256)
def equal_shares(count: int) -> Ranges[int]:
    """Return the buckets of *count* owners, by their place, of whom none has more weight."""
    return lay_out((place, 100 / count) for place in range(count))


def is_in_traffic(campaign: Campaign, bucketing_id: str) -> bool:
    """Return whether the campaign's traffic share admits *bucketing_id*."""
    admitted = campaign.admitted_hashes
    return admitted == HASHES or campaign.bucketing.campaign_seed.hash(bucketing_id) < admitted


def bucket_in_campaign(campaign: Campaign, bucketing_id: str) -> int:
    """Return the bucket that decides on the variation."""
    scheme = campaign.bucketing
    hash_value = scheme.variation_seed.hash(bucketing_id)
    return bucket_for_hash(hash_value, BUCKETS, scheme.multiplier)


def whitelisting_bucket(campaign: Campaign, bucketing_id: str) -> int:
    """Return the bucket that decides between several variations that whitelist a visitor."""
    return bucket_for_hash(campaign.bucketing.campaign_seed.hash(bucketing_id))


def group_bucket(group: Group, bucketing_id: str) -> int:
    """Return the bucket that decides which of a group's campaigns a visitor enters."""
    return bucket_for_hash(group.seed.hash(bucketing_id))
