"""Optimizely's bucketing: which text is hashed, and whose the buckets are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count, pairwise
from typing import Any

from ...engine.entities import Bucketing, Facts, Owner, Ranges, Variation
from ...engine.hashing import BUCKETS, Seed
from ..visitor_keys import key_maker

Json = Mapping[str, Any]

Shares = tuple[float, ...]

BUCKETING_ID = "$opt_bucketing_id"


def bucketing(
    experiment_id: str, laid_out: Ranges[str], variations: Mapping[str, Variation]
) -> Bucketing:
    """Return how an experiment buckets its visitors into *variations*, which go by id."""
    seed = Seed(suffix=experiment_id)
    owners = tuple([variations.get(each) if each else None for each in laid_out.owners])
    return Bucketing(
        campaign_seed=seed, variation_seed=seed, laid_out=Ranges(laid_out.ends, owners)
    )


def places(ends: tuple[int, ...]) -> tuple[Ranges[int], Shares]:
    """
    Return the buckets of each place in a traffic allocation with these *ends*, and their shares.

    >>> places((5000, 2500, 10000))
    (Ranges(ends=(5000, 10000), owners=(0, 2)), (50.0, 50.0))
    """
    found = ranges(zip(ends, count(), strict=False))
    return found, shares_of(found.ends)


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


def shares_of(ends: tuple[int, ...]) -> Shares:
    """
    Return the share of all visitors that each range has, in percent.

    >>> shares_of((5000, 10000))
    (50.0, 50.0)
    """
    bounds = pairwise((0, *ends))
    return tuple([(end - start) / BUCKETS * 100 for start, end in bounds])


def weights_of(owners: Iterable[str], shares: Shares) -> dict[str, float]:
    """Return the share of all visitors that each of *owners* gets, in percent."""
    found: dict[str, float] = {}
    for owner, share in zip(owners, shares, strict=True):
        found[owner] = found[owner] + share if owner in found else share
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
