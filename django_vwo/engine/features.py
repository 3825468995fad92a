"""Which of a feature's campaigns decides on a visitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .decision import Decision
from .entities import Campaign, Feature, Reason
from .steps import Trial, allotted

# Python 3.11 takes 0.06 µs to look a member of an enumeration up.
NO_RULE, OUTSIDE_RANGES = Reason.NO_RULE, Reason.OUTSIDE_RANGES

SomeTrial = TypeVar("SomeTrial", bound=Trial)


def decide_feature(
    trial: SomeTrial, feature: Feature, decide: Callable[[SomeTrial, Campaign], Decision]
) -> Decision:
    """
    Return the first decision for a variation, else the last one that was made.

    *decide* makes the decision on a campaign. Of a rollout, a rule that takes the visitor but has
    no room for them passes them on to the last rule.
    """
    decision, experiments = None, feature.experiments
    if feature.group is not None:
        experiments = experiments_for(feature, allotted(trial, feature.group))
    for campaign in experiments:
        decision = decide(trial, campaign)
        if decision.variation is not None:
            break
    if feature.rollout and (decision is None or decision.variation is None):
        decision = decide_rollout(trial, feature.rollout, decide)
    if decision is None:
        decision = Decision(None, None, NO_RULE)
    decision.feature = feature
    return decision


def experiments_for(feature: Feature, campaign_id: str | None) -> tuple[Campaign, ...]:
    """Return the only experiment that a visitor may be in, if it is one of the feature's."""
    return tuple(each for each in feature.experiments if each.id == campaign_id)


def decide_rollout(
    trial: SomeTrial, rules: Sequence[Campaign], decide: Callable[[SomeTrial, Campaign], Decision]
) -> Decision:
    """Return the decision of the last one of *rules*, at least one, that was asked."""
    place, last = 0, len(rules) - 1
    while True:
        decision = decide(trial, rules[place])
        if decision.variation is not None or place == last:
            return decision
        place = last if is_full(decision) else place + 1


def is_full(decision: Decision) -> bool:
    """Return whether only traffic stood between the visitor and a variation."""
    return decision.reason is OUTSIDE_RANGES
