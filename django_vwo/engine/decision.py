"""One visitor, one campaign: which variation, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .entities import (
    NOTHING,
    Assignment,
    Campaign,
    CampaignSet,
    Purpose,
    Reason,
    Variation,
    Visitor,
)
from .findings import Finding, plain
from .steps import Outcome, Trial


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Which variation a visitor gets in a campaign, and why."""

    campaign: Campaign | None
    """None if no running campaign has the key."""
    variation: Variation | None
    reason: Reason
    is_new: bool = False
    """Whether user storage is to remember it."""
    replaces: str | None = None
    """What user storage calls the remembered variation that no longer exists."""
    findings: tuple[Finding, ...] = ()
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


def decide(
    campaigns: CampaignSet,
    campaign: Campaign,
    visitor: Visitor,
    stored: Mapping[str, Assignment] | None,
    purpose: Purpose = Purpose.ACTIVATE,
    *,
    requires_activation: bool = True,
    set_by_site: Mapping[str, str] = NOTHING,
) -> Decision:
    """
    Return the variation of *campaign* that *visitor* gets.

    *stored* has the visitor's assignments by assignment key and is None without user storage. Where
    *requires_activation*, only `Purpose.ACTIVATE` gives a visitor their first assignment.
    *set_by_site* names, by campaign id, the variations that the site wants the visitor to have.
    """
    trial = Trial(campaigns, campaign, visitor, stored, purpose, requires_activation, set_by_site)
    for step in campaign.steps:
        outcome = step(trial)
        if outcome is not None:
            return conclude(trial, outcome)
    raise ValueError(f"The steps of campaign {campaign.key!r} lead to no outcome.")


def conclude(trial: Trial, outcome: Outcome, findings: Iterable[Finding] = ()) -> Decision:
    """Return the decision that *outcome* means."""
    is_kept = trial.stored is not None and trial.campaign.is_remembered
    is_new = outcome.reason is Reason.BUCKETED and is_kept
    record = trial.stored.get(trial.campaign.assignment_key) if is_new and trial.stored else None
    return Decision(
        campaign=trial.campaign,
        variation=outcome.variation,
        reason=outcome.reason,
        is_new=is_new,
        replaces=record.variation if record else None,
        findings=tuple(findings),
    )
