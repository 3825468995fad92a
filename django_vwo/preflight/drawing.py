"""Who of a group's campaigns wins a simulated visitor: asked once, not by each of the campaigns."""

from __future__ import annotations

from dataclasses import replace

from ..engine import steps
from ..engine.decision import Decision
from ..engine.entities import Campaign, CampaignSet, Group, Reason
from ..engine.steps import Trial


class Draw:
    """
    Stands in for `steps.group` where nobody is remembered.

    Its answers are the same. It keeps those on one visitor: ask all campaigns about one visitor
    before the next, or a group of a thousand is gone through a thousand times.
    """

    def __init__(self, campaigns: CampaignSet, group: Group) -> None:
        self.group = group
        members = map(campaigns.campaigns_by_id.get, group.campaign_ids)
        self.listing = [member for member in members if member and member.whitelisting]
        self.user_id: str | None = None
        self.winner: str | None = None
        self.holders: set[str] = set()
        """Ids of the members that whitelist the visitor."""

    def __call__(self, trial: Trial, campaign: Campaign) -> Decision | None:
        if trial.user_id != self.user_id:
            self.ask(trial, campaign)
        if self.winner == campaign.id and not self.holders - {campaign.id}:
            return None
        return Decision(campaign, None, Reason.LOST_TO_GROUP)

    def ask(self, trial: Trial, campaign: Campaign) -> None:
        """Find out about the visitor of *trial*, who might enter *campaign*."""
        self.user_id = trial.user_id
        self.holders = {each.id for each in self.listing if steps.has_visitor(trial, each)}
        self.winner = steps.group_winner(trial, campaign, self.group)


def drawing(campaigns: CampaignSet) -> CampaignSet:
    """Return *campaigns* with a `Draw` in each group's place."""
    groups = {each.group.id: each.group for each in campaigns.campaigns.values() if each.group}
    draws = {group_id: Draw(campaigns, group) for group_id, group in groups.items()}
    drawn = {key: with_draw(each, draws) for key, each in campaigns.campaigns.items()}
    return replace(campaigns, campaigns=drawn)


def with_draw(campaign: Campaign, draws: dict[str, Draw]) -> Campaign:
    if campaign.group is None:
        return campaign
    draw = draws[campaign.group.id]
    way = tuple(draw if step is steps.group else step for step in campaign.steps)
    return replace(campaign, steps=way)
