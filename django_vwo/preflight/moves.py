"""Which share of visitors changes variation where nobody is remembered."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.entities import CampaignSet
from .population import Shares, Tick, spread


@dataclass(frozen=True, kw_only=True, slots=True)
class Moves:
    """How one campaign's visitors change places."""

    campaign_key: str
    shares: Shares
    """By what a visitor meets now and will meet, the share of all visitors: 0 to 1."""
    simulated: int
    """How many simulated visitors it was counted among; 0: it was computed."""

    @property
    def is_exact(self) -> bool:
        """Whether it was computed."""
        return not self.simulated

    @property
    def moving(self) -> float:
        """Share of all visitors who will not meet what they meet now."""
        return sum(share for (now, then), share in self.shares.items() if now != then)


def moves(
    before: CampaignSet | None, after: CampaignSet, *, is_remembering: bool, tick: Tick = int
) -> list[Moves]:
    """Return how visitors who meet every segment change places, in each campaign that runs."""
    keys = running_keys(before, after)
    found = spread(keys, [before, after], is_remembering=is_remembering, tick=tick)
    return [
        Moves(
            campaign_key=key,
            shares={pair: share for pair, share in found[key].shares.items() if share > 0},
            simulated=found[key].simulated,
        )
        for key in keys
    ]


def running_keys(before: CampaignSet | None, after: CampaignSet) -> list[str]:
    """Return the keys of the campaigns that run in either document, those of *after* first."""
    return list(dict.fromkeys((*after.campaigns, *(before.campaigns if before else ()))))
