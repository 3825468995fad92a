"""Optimizely's bucketing: which text is hashed, and whose the buckets are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...engine.bucketing import BUCKETS
from ...engine.entities import Bucketing, Facts, Owner, Ranges, Variation
from ...engine.hashing import Seed
from ..visitor_keys import key_maker

Json = Mapping[str, Any]

BUCKETING_ID = "$opt_bucketing_id"


def bucketing(experiment: Json, variations: Mapping[str, Variation]) -> Bucketing:
    """Return how *experiment* buckets its visitors into *variations*, which go by id."""
    seed = Seed(suffix=experiment["id"])
    allocation: Iterable[tuple[int, Variation | None]] = (
        (item["endOfRange"], variations.get(item["entityId"]) if item["entityId"] else None)
        for item in experiment["trafficAllocation"]
    )
    return Bucketing(campaign_seed=seed, variation_seed=seed, ranges=ranges(allocation))


def ranges(allocation: Iterable[tuple[int, Owner]]) -> Ranges[Owner]:
    """
    Return the buckets of each owner, given where their ranges end: 0-based, not included.

    A bucket is that of the first whose range ends beyond it. So one that ends no later than
    another before it has none.

    >>> ranges([(5000, "a"), (2500, "b"), (12000, "c")])
    Ranges(ends=(5000, 10000), owners=('a', 'c'))
    """
    ends: list[int] = []
    owners: list[Owner] = []
    for end, owner in allocation:
        if end > (ends[-1] if ends else 0):
            ends.append(min(end, BUCKETS))
            owners.append(owner)
    return Ranges(tuple(ends), tuple(owners))


def shares(experiment: Json) -> dict[str, float]:
    """Return the share of all visitors that each entity of *experiment* gets, in percent."""
    found: dict[str, float] = {}
    laid_out = ranges(
        (item["endOfRange"], item["entityId"]) for item in experiment["trafficAllocation"]
    )
    start = 0
    for end, entity_id in zip(laid_out.ends, laid_out.owners, strict=True):
        found[entity_id] = found.get(entity_id, 0) + (end - start) / BUCKETS * 100
        start = end
    return found


def bucketing_id(user_id: str, attributes: Facts) -> str:
    """Return the text that is hashed: the attribute for it if it is text, else the user id."""
    given = attributes.get(BUCKETING_ID)
    return given if isinstance(given, str) else user_id


def bucketing_id_2_1(user_id: str, attributes: Facts) -> str:
    """Return the text that Full Stack 2 hashes: whatever the attribute is, if it is there."""
    return str(attributes[BUCKETING_ID]) if BUCKETING_ID in attributes else user_id


def visitor_key_for(account_id: object) -> Callable[[str], str]:
    """
    Return the function that gives the key under which user ids of the account are kept here.

    Optimizely itself is told the user id.
    """
    return key_maker("https://www.optimizely.com", account_id)
