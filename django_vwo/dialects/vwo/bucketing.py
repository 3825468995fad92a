"""VWO's bucketing: which text is hashed, in each generation of its accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...engine.entities import Bucketing, Ranges, Variation
from ...engine.hashing import BUCKETS, Seed
from ..visitor_keys import key_maker

Json = Mapping[str, Any]

UNSEEDED = Seed()


def bucketing(document: Json, campaign: Json, ranges: Ranges[Variation | None]) -> Bucketing:
    """Return how *campaign* of *document* buckets its visitors into *ranges* of variations."""
    is_own = is_seeded(document, campaign)
    campaign_seed = Seed(prefix=f"{campaign['id']}_") if is_own else UNSEEDED
    variation_seed, multiplier = campaign_seed, 1.0
    if is_oldest(document, campaign):
        multiplier = stretch(campaign["percentTraffic"])
    elif ignores_campaign(document, campaign):
        variation_seed = UNSEEDED
    else:
        variation_seed = Seed(prefix=f"{campaign['id']}_{document['accountId']}_")
    return Bucketing(
        campaign_seed=campaign_seed,
        variation_seed=variation_seed,
        multiplier=multiplier,
        laid_out=ranges,
    )


def is_seeded(document: Json, campaign: Json) -> bool:
    """Return whether the campaign's id is part of what decides on traffic."""
    return bool(document.get("isNB") or campaign.get("isBucketingSeedEnabled"))


def is_oldest(document: Json, campaign: Json) -> bool:
    """Return whether the campaign is bucketed as accounts of the first generation are."""
    if document.get("isNB"):
        return bool(campaign.get("isOB"))
    return not document.get("isNBv2")


def ignores_campaign(document: Json, campaign: Json) -> bool:
    """Return whether a visitor has the same bucket in all such campaigns."""
    if document.get("isNBv2"):
        return campaign.get("isOBv2") is not None
    return campaign.get("isOB") is None


def stretch(percent_traffic: float) -> float:
    """Return what spreads the admitted share of visitors over all buckets."""
    return (BUCKETS / percent_traffic) / 100 if percent_traffic > 0 else 1


def visitor_key_for(account_id: object) -> Callable[[str], str]:
    """
    Return the function that gives the UUID under which the account knows a user id.

    >>> visitor_key_for(123456)("Ashley")[:8], len(visitor_key_for(123456)("Ashley"))
    ('4C9BA81B', 32)
    """
    return key_maker("https://vwo.com", account_id)
