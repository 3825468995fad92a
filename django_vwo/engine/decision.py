"""One visitor, one campaign: which variation, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .entities import Campaign, Feature, Reason, Variation
from .findings import Finding, plain

if TYPE_CHECKING:
    from .steps import Trial


@dataclass
class Decision:
    """Which variation a visitor gets in a campaign, and why."""

    # Not frozen, as that takes six times as long to make; and made of what each has, as Python 3.13
    # takes twice as long for all seven values.

    campaign: Campaign | None
    """None if no running campaign has the key."""
    variation: Variation | None
    """What the visitor gets; another one than was decided, if another request was first."""
    reason: Reason
    is_new: bool = field(default=False, init=False)
    """Whether user storage is to remember it."""
    replaces: str | None = field(default=None, init=False)
    """What user storage calls the remembered variation that no longer exists."""
    feature: Feature | None = field(default=None, init=False)
    """The feature that was asked about, if one was."""
    findings: tuple[Finding, ...] = field(default=(), init=False, compare=False)
    """What each step on the way found, if that was asked for."""

    @property
    def headline(self) -> str:
        """The variation with the reason for it, on one line."""
        if self.variation is None:
            return f"no variation: {self.reason.value}"
        return f"{plain(self.variation.name)} ({self.reason.value})"

    def __str__(self) -> str:
        lines = [line for finding in self.findings for line in finding.lines(1)]
        return "\n".join([self.headline, *lines])


def decide(trial: Trial, campaign: Campaign) -> Decision:
    """Return the variation of *campaign* that the visitor of *trial* gets."""
    for step in campaign.steps:
        decision = step(trial, campaign)
        if decision is not None:
            return decision
    raise ValueError(f"The steps of campaign {campaign.key!r} lead to no decision.")
