"""Which of a feature's campaigns decides on a visitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .decision import Decision
from .entities import Campaign, Feature, Reason, Visitor
from .steps import Trial, allotted

SomeTrial = TypeVar("SomeTrial", bound=Trial)


def decide_feature(
    trial: SomeTrial, feature: Feature, decide: Callable[[SomeTrial, Campaign], Decision]
) -> Decision:
    """
    Return the first decision for a variation, else the last one that was made.

    *decide* makes the decision on a campaign. Of a rollout, a rule that takes the visitor but has
    no room for them passes them on to the last rule.
    """
    decision = None
    for campaign in experiments_for(feature, trial.visitor):
        decision = decide(trial, campaign)
        if decision.variation is not None:
            break
    rules = feature.rollout
    while rules and (decision is None or decision.variation is None):
        decision = decide(trial, rules[0])
        rules = rules[-1:] if is_full(decision) and len(rules) > 1 else rules[1:]
    decision = decision or Decision(None, None, Reason.NO_RULE)
    decision.feature = feature
    return decision


def experiments_for(feature: Feature, visitor: Visitor) -> Sequence[Campaign]:
    """Return the experiments that *visitor* may be in."""
    if feature.group is None:
        return feature.experiments
    campaign_id = allotted(feature.group, visitor)
    return [campaign for campaign in feature.experiments if campaign.id == campaign_id]


def is_full(decision: Decision) -> bool:
    """Return whether only traffic stood between the visitor and a variation."""
    return decision.reason is Reason.OUTSIDE_RANGES
