"""From a bucketing id to a bucket, and from a bucket to a variation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

from .entities import Campaign, Group, Owner, Ranges, Variation
from .hashing import HASHES

BUCKETS = 10_000


def bucket_for_hash(hash_value: int, buckets: int = BUCKETS, multiplier: float = 1) -> int:
    """
    Return the 1-based bucket that a 32-bit hash falls in.

    *hash_value* is unsigned, 0 to 2**32 - 1. With a *multiplier* of 1 the result is 1 to
    *buckets*, both included; at the default, one bucket is 0.01 % of visitors.
    Raises `ValueError` if *hash_value* does not fit in 32 bits.
    Source: wingify/vwo-python-sdk 1.68.2, vwo/core/bucketer.py; visitor "Bob" of its tests.

    >>> bucket_for_hash(2033809345, buckets=100)
    48
    """
    if not 0 <= hash_value < HASHES:
        raise ValueError(f"hash_value is {hash_value}; expected 0 to {HASHES - 1}")
    return int((buckets * hash_value / HASHES + 1) * multiplier)


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


def is_in_traffic(campaign: Campaign, bucketing_id: str) -> bool:
    """Return whether the campaign's traffic share admits *bucketing_id*."""
    return campaign.bucketing.campaign_seed.hash(bucketing_id) < campaign.admitted_hashes


def bucket_in_campaign(campaign: Campaign, bucketing_id: str) -> int:
    """Return the bucket that decides on the variation."""
    scheme = campaign.bucketing
    hash_value = scheme.variation_seed.hash(bucketing_id)
    return bucket_for_hash(hash_value, BUCKETS, scheme.multiplier)


def bucketed_variation(campaign: Campaign, bucketing_id: str) -> Variation | None:
    """Return the variation whose range the bucketing id falls in."""
    return campaign.bucketing.ranges.owner_of(bucket_in_campaign(campaign, bucketing_id))


def whitelisting_bucket(campaign: Campaign, bucketing_id: str) -> int:
    """Return the bucket that decides between several variations that whitelist a visitor."""
    return bucket_for_hash(campaign.bucketing.campaign_seed.hash(bucketing_id))


def group_bucket(group: Group, bucketing_id: str) -> int:
    """Return the bucket that decides which of a group's campaigns a visitor enters."""
    return bucket_for_hash(group.seed.hash(bucketing_id))
