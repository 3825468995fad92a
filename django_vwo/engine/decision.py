"""One visitor, one campaign: which variation, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .entities import Assignment, Campaign, CampaignSet, Purpose, Reason, Variation, Visitor
from .segments import Finding
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
    """Name of the remembered variation that no longer exists."""
    findings: tuple[Finding, ...] = ()
    """What each step on the way found, if that was asked for."""

    def __str__(self) -> str:
        shown = f"{self.variation.name} ({self.reason.value})" if self.variation else ""
        lines = [shown or f"no variation: {self.reason.value}"]
        lines += [line for finding in self.findings for line in finding.lines(1)]
        return "\n".join(lines)


def decide(
    campaigns: CampaignSet,
    campaign: Campaign,
    visitor: Visitor,
    stored: Mapping[str, Assignment] | None,
    purpose: Purpose = Purpose.ACTIVATE,
    *,
    requires_activation: bool = True,
) -> Decision:
    """
    Return the variation of *campaign* that *visitor* gets.

    *stored* has the visitor's assignments by assignment key and is None without user storage. Where
    *requires_activation*, only `Purpose.ACTIVATE` gives a visitor their first assignment.
    """
    trial = Trial(campaigns, campaign, visitor, stored, purpose, requires_activation)
    for step in campaign.steps:
        outcome = step(trial)
        if outcome is not None:
            return conclude(trial, outcome)
    raise ValueError(f"The steps of campaign {campaign.key!r} lead to no outcome.")


def conclude(trial: Trial, outcome: Outcome, findings: Iterable[Finding] = ()) -> Decision:
    """Return the decision that *outcome* means."""
    is_new = outcome.reason is Reason.BUCKETED and trial.stored is not None
    record = trial.stored.get(trial.campaign.assignment_key) if is_new and trial.stored else None
    return Decision(
        campaign=trial.campaign,
        variation=outcome.variation,
        reason=outcome.reason,
        is_new=is_new,
        replaces=record.variation if record else None,
        findings=tuple(findings),
    )
