"""A decision with every step on the way, for people. It costs more than deciding."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from . import segments, steps
from .bucketing import bucket_for_hash, bucket_in_campaign
from .decision import Decision, conclude
from .hashing import murmur32
from .segments import Finding
from .steps import Outcome, Step, Trial

Describe = Callable[[Trial, Outcome | None], Finding]


def explain(trial: Trial) -> Decision:
    """Return the decision that `decide` gives, with what every step on the way found."""
    findings: list[Finding] = []
    for step in trial.campaign.steps:
        outcome = step(trial)
        findings.append(describe(step, trial, outcome))
        if outcome is not None:
            return conclude(trial, outcome, findings)
    raise ValueError(f"The steps of campaign {trial.campaign.key!r} lead to no outcome.")


def describe(step: Step, trial: Trial, outcome: Outcome | None) -> Finding:
    """Return what *step* found; a step without a description of its own by its name."""
    describe_step = DESCRIPTIONS.get(step)
    if describe_step:
        return describe_step(trial, outcome)
    return Finding(text=step.__name__, is_met=outcome is None)


def of_bandit(trial: Trial, outcome: Outcome | None) -> Finding:
    return Finding(text="a bandit has user storage", is_met=outcome is None)


def of_forced(trial: Trial, outcome: Outcome | None) -> Finding:
    facts = steps.whitelisting_facts(trial.campaigns, trial.campaign, trial.visitor)
    parts = tuple(
        Finding(
            text=f"whitelisted for {variation.name}",
            is_met=segments.is_met(variation.whitelist, facts),
            parts=(segments.explain(variation.whitelist, facts),),
        )
        for variation in trial.campaign.whitelisting
        if variation.whitelist
    )
    return Finding(text="whitelisted", is_met=outcome is not None, parts=parts)


def of_stored(trial: Trial, outcome: Outcome | None) -> Finding:
    if trial.stored is None:
        return Finding(text="remembered (there is no user storage)", is_met=False)
    found = trial.stored.get(trial.campaign.assignment_key)
    if found is None:
        return Finding(text="remembered", is_met=False)
    if outcome is None:
        return Finding(text=f"remembered, but {found.variation!r} is gone", is_met=False)
    return Finding(text=f"remembered: {found.variation}", is_met=True)


def of_segment(trial: Trial, outcome: Outcome | None) -> Finding:
    condition = trial.campaign.segment
    parts = (segments.explain(condition, trial.visitor.custom_variables),) if condition else ()
    return Finding(text="meets the campaign's segment", is_met=outcome is None, parts=parts)


def of_traffic(trial: Trial, outcome: Outcome | None) -> Finding:
    key = trial.campaign.bucketing.campaign_seed.key(trial.visitor.user_id)
    bucket = bucket_for_hash(murmur32(key), 100)
    text = f"bucket {bucket} of 100 is within {trial.campaign.percent_traffic:g} % of traffic"
    return Finding(text=text, is_met=outcome is None)


def of_group(trial: Trial, outcome: Outcome | None) -> Finding:
    group = trial.campaign.group
    if group is None:
        return Finding(text="in no group", is_met=True)
    others = steps.other_members(trial.campaigns, group, trial.campaign)
    holders = [other.key for other in others if steps.has_visitor(trial, other)]
    name = group.name or group.id
    if holders:
        return Finding(text=f"group {name}: open, but {holders[0]} has the visitor", is_met=False)
    winner = trial.campaigns.campaigns_by_id.get(steps.group_winner(trial, group, others) or "")
    won_by = f"won by {winner.key}" if winner else "won by none"
    return Finding(text=f"group {name}: {won_by}", is_met=outcome is None)


def of_bucket(trial: Trial, outcome: Outcome | None) -> Finding:
    ranges = trial.campaign.bucketing.ranges
    bucket = bucket_in_campaign(trial.campaign, trial.visitor.user_id)
    parts = tuple(
        Finding(text=f"{owner.name}: buckets {last + 1} to {end}", is_met=last < bucket <= end)
        for owner, (last, end) in zip(ranges.owners, pairwise((0, *ranges.ends)), strict=True)
    )
    is_met = outcome is not None and outcome.variation is not None
    return Finding(text=f"bucket {bucket} is in a variation's range", is_met=is_met, parts=parts)


DESCRIPTIONS: dict[Step, Describe] = {
    steps.bandit: of_bandit,
    steps.forced: of_forced,
    steps.stored: of_stored,
    steps.segment: of_segment,
    steps.traffic: of_traffic,
    steps.group: of_group,
    steps.bucket: of_bucket,
}
