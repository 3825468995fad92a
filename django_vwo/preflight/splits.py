"""How a document's traffic will split, next to how its weights say that it should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.campaign_changes import percent
from ..engine.entities import Campaign, CampaignSet
from ..engine.hashing import BUCKETS
from .mismatch import ALARM, mismatch, visitors_until_noticed
from .population import Found, Tick, spread
from .shares import admitted_share

NOTICEABLE = 0.0005
"""Less than this share of visitors comes from rounding to whole buckets."""
FEWEST_ENTERED = 50
"""So many simulated visitors must get a variation for their split to be judged."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One variation's part of the traffic."""

    variation: str
    weight: float
    """As the document has it, in percent."""
    share: float
    """Of those visitors who get any variation, 0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How one campaign's traffic will split."""

    campaign_key: str
    admitted: float
    """Share of visitors whom the percentage of traffic admits, 0 to 1."""
    entering: float
    """Share of visitors who get a variation."""
    arms: tuple[Arm, ...]
    simulated: int
    """How many simulated visitors it was counted among; 0: it was computed."""
    warnings: tuple[str, ...]
    """How, and why, it is not as designed."""

    @property
    def is_exact(self) -> bool:
        """Whether it was computed."""
        return not self.simulated

    @property
    def entered(self) -> int:
        """How many of the simulated visitors get a variation."""
        return round(self.entering * self.simulated)


def splits(campaigns: CampaignSet, *, is_remembering: bool, tick: Tick = int) -> list[Split]:
    """Return how each running campaign will split the visitors who meet its segment."""
    keys = campaigns.campaigns
    found = spread(keys, [campaigns], is_remembering=is_remembering, tick=tick)
    return [split(campaign, found[key]) for key, campaign in keys.items()]


def split(campaign: Campaign, found: Found) -> Split:
    """Return how *campaign* splits its visitors, whose shares were *found*."""
    shares = {name: share for (name,), share in found.shares.items() if name is not None}
    entering = sum(shares.values())
    arms = tuple(
        Arm(each.name, each.weight, shares.get(each.name, 0) / entering if entering else 0)
        for each in campaign.variations.values()
    )
    return Split(
        campaign_key=campaign.key,
        admitted=admitted_share(campaign),
        entering=entering,
        arms=arms,
        simulated=found.simulated,
        warnings=tuple(warnings(campaign, arms, entering, found.simulated)),
    )


def warnings(
    campaign: Campaign, arms: tuple[Arm, ...], entering: float, simulated: int
) -> Iterator[str]:
    """Yield how the split is not as designed."""
    is_exact = not simulated
    admitted = admitted_share(campaign)
    if abs(admitted * 100 - min(max(campaign.percent_traffic, 0), 100)) > NOTICEABLE:
        told = percent(campaign.percent_traffic)
        yield f"traffic counts in whole percents: {told} admits {admitted:.0%}"
    if is_exact and admitted - entering > NOTICEABLE * admitted:
        missing = 1 - entering / admitted
        yield f"{missing:.1%} of those admitted get no variation{reason(campaign)}"
    if not entering:
        among = f" among {simulated:,} simulated visitors" if simulated else ""
        yield f"nobody{among} gets a variation"
        return
    if campaign.group:
        yield f"shares its visitors in the group {campaign.group.name or campaign.group.id}"
    shares, weights = [arm.share for arm in arms], [max(arm.weight, 0) for arm in arms]
    designed = sum(weights)
    gaps = [abs(s - w / designed) for s, w in zip(shares, weights, strict=True)] if designed else []
    if is_exact and max(gaps, default=0) > NOTICEABLE:
        noticed = visitors_until_noticed(shares, weights)
        when = f", which {noticed:,} visitors will show" if noticed else ""
        yield f"sample ratio mismatch: the split is not that of the weights{when}"
    if not is_exact:
        counts = [round(share * entering * simulated) for share in shares]
        chance = mismatch(counts, weights) if sum(counts) >= FEWEST_ENTERED else None
        if chance is not None and chance < ALARM:
            yield f"sample ratio mismatch among {simulated:,} simulated visitors (p {chance:.2g})"


def reason(campaign: Campaign) -> str:
    """Return why buckets of *campaign* belong to nobody."""
    last = max(campaign.bucketing.ranges.ends, default=0)
    if last < BUCKETS:
        return f": the weights cover {last / BUCKETS:.1%} of the buckets"
    if campaign.bucketing.multiplier > 1:
        return ": low traffic stretches their buckets beyond the last variation's"
    return ": their buckets are those of nobody"
