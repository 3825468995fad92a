"""What mix of variations results where visitors keep theirs and the weights are others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..engine.entities import Campaign, CampaignSet
from .mismatch import ALARM, mismatch
from .stored import Fates


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """The remembered visitors of one campaign by the variation that they will meet."""

    campaign_key: str
    counts: Mapping[str, int]
    """By variation, in the document's order."""
    weights: Mapping[str, float]
    """By variation, in percent of all weights."""
    chance: float | None
    """How probable the counts are under the weights; None: there is nothing to compare."""

    @property
    def is_mismatch(self) -> bool:
        """Whether those remembered are not those whom the weights would have brought."""
        return self.chance is not None and self.chance < ALARM

    def shares(self, newcomers: float = 0) -> dict[str, float]:
        """
        Return the mix in percent, after *newcomers* were decided on by the weights.

        *newcomers* is a multiple of those who are remembered.
        """
        total = sum(self.counts.values())
        return {
            name: (100 * count / total + newcomers * self.weights[name]) / (1 + newcomers)
            for name, count in self.counts.items()
        }


def mixes(campaigns: CampaignSet, fates: Mapping[str, Fates]) -> Iterator[Mix]:
    """Yield the mix of each running campaign that anybody is remembered in."""
    for campaign in campaigns.campaigns.values():
        if campaign.assignment_key in fates:
            found = mix(campaign, fates[campaign.assignment_key])
            if any(found.counts.values()):
                yield found


def mix(campaign: Campaign, fates: Fates) -> Mix:
    counts = dict.fromkeys((each.name for each in campaign.variations.values()), 0)
    for (_, _, then), count in fates.counts.items():
        if then in counts:
            counts[then] += count
    weights = [max(each.weight, 0) for each in campaign.variations.values()]
    designed = sum(weights)
    shares = (100 * weight / designed if designed else 0 for weight in weights)
    return Mix(
        campaign_key=campaign.key,
        counts=counts,
        weights=dict(zip(counts, shares, strict=True)),
        chance=mismatch(list(counts.values()), weights),
    )
