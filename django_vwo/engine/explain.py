"""A decision with every step on the way, for people. It costs more than deciding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from . import steps
from .bucketing import bucket_for_hash, bucket_in_campaign, group_bucket, is_in_traffic
from .decision import Decision, conclude
from .entities import Campaign, Feature, Variation, Visitor
from .features import decide_feature
from .findings import MOST_FINDINGS, Explanation, Finding, unreached
from .hashing import murmur32
from .steps import Outcome, Step, Trial

Describe = Callable[[Trial, Outcome | None], Finding]


def explain(trial: Trial) -> Decision:
    """Return the decision that `decide` gives, with what every step on the way found."""
    findings: list[Finding] = []
    end: Outcome | None = None
    for step in trial.campaign.steps:
        if end is None:
            end = step(trial)
            findings.append(describe(step, trial, end))
        else:
            findings.append(unreached(TITLES.get(step, step.__name__)))
    if end is None:
        raise ValueError(f"The steps of campaign {trial.campaign.key!r} lead to no outcome.")
    return conclude(trial, end, findings)


def explain_feature(
    feature: Feature, visitor: Visitor, trial_of: Callable[[Campaign], Trial]
) -> Decision:
    """Return the decision that `decide_feature` gives, with what each campaign asked found."""
    findings: list[Finding] = []

    def decide(campaign: Campaign) -> Decision:
        decision = explain(trial_of(campaign))
        text = f"{campaign.type.value} {campaign.key}: {decision.headline}"
        is_met = decision.variation is not None
        findings.append(Finding(text=text, is_met=is_met, parts=decision.findings))
        return decision

    decision = decide_feature(feature, visitor, decide)
    return replace(decision, findings=tuple(findings))


def describe(step: Step, trial: Trial, outcome: Outcome | None) -> Finding:
    """Return what *step* found; a step without a description of its own by its name."""
    describe_step = DESCRIPTIONS.get(step)
    if describe_step:
        return describe_step(trial, outcome)
    return Finding(text=TITLES.get(step, step.__name__), is_met=outcome is None)


def of_forced(trial: Trial, outcome: Outcome | None) -> Finding:
    facts = steps.whitelisting_facts(trial.campaigns, trial.campaign, trial.visitor)
    explanation = Explanation(facts, hidden=trial.campaigns.user_id_fact)
    listed = [variation for variation in trial.campaign.whitelisting if variation.whitelist]
    parts = [of_whitelist(explanation, variation) for variation in listed]
    title = TITLES[steps.forced]
    if outcome and outcome.variation and sum(part.is_met is True for part in parts) > 1:
        title = f"{title}: of several, {outcome.variation.name} has the bucket"
    return with_parts(title, parts, is_met=outcome is not None)


def of_whitelist(explanation: Explanation, variation: Variation) -> Finding:
    found = [explanation.of(variation.whitelist)] if variation.whitelist else []
    is_met = any(part.is_met for part in found)
    return Finding(text=f"whitelisted for {variation.name}", is_met=is_met, parts=tuple(found))


def of_stored(trial: Trial, outcome: Outcome | None) -> Finding:
    title = TITLES[steps.stored]
    if trial.stored is None:
        return Finding(text=f"{title} (there is no user storage)", is_met=False)
    found = trial.stored.get(trial.campaign.assignment_key)
    if found is None:
        return Finding(text=title, is_met=False)
    if outcome is None:
        return Finding(text=f"{title}, but {found.variation!r} is gone", is_met=False)
    name = outcome.variation.name if outcome.variation else found.variation
    return Finding(text=f"{title}: {name}", is_met=True)


def of_segment(trial: Trial, outcome: Outcome | None) -> Finding:
    explanation = Explanation(trial.visitor.custom_variables, hidden=trial.campaigns.user_id_fact)
    condition = trial.campaign.segment
    parts = (explanation.of(condition),) if condition else ()
    return Finding(text=TITLES[steps.segment], is_met=outcome is None, parts=parts)


def of_traffic(trial: Trial, outcome: Outcome | None) -> Finding:
    key = trial.campaign.bucketing.campaign_seed.key(trial.visitor.bucketing_id)
    bucket = bucket_for_hash(murmur32(key), 100)
    text = f"bucket {bucket} of 100 is within {trial.campaign.percent_traffic:g} % of traffic"
    return Finding(text=text, is_met=outcome is None)


def of_group(trial: Trial, outcome: Outcome | None) -> Finding:
    group = trial.campaign.group
    if group is None:
        return Finding(text="in no group", is_met=True)
    title = f"group {group.name or group.id}"
    others = steps.other_members(trial.campaigns, group, trial.campaign)
    holders = [other for other in others if steps.has_visitor(trial, other)]
    if holders:
        return Finding(text=f"{title}: {holders[0].key} has the visitor", is_met=False)
    parts = [of_rival(trial, other) for other in others]
    winner = trial.campaigns.campaigns_by_id.get(steps.group_winner(trial, group, others) or "")
    won_by = f"won by {winner.key}" if winner else "won by none"
    return with_parts(f"{title}: {won_by}", parts, is_met=outcome is None)


def of_rival(trial: Trial, other: Campaign) -> Finding:
    visitor = trial.visitor
    is_met = steps.is_in_segment(other, visitor) and is_in_traffic(other, visitor.bucketing_id)
    return Finding(text=f"{other.key} would take the visitor", is_met=is_met)


def of_allotment(trial: Trial, outcome: Outcome | None) -> Finding:
    group = trial.campaign.group
    if group is None:
        return Finding(text="in no group", is_met=True)
    bucket = group_bucket(group, trial.visitor.bucketing_id)
    owner = trial.campaigns.campaigns_by_id.get(group.allotment.owner_of(bucket) or "")
    whose = f"{owner.key}'s" if owner else "no running campaign's"
    text = f"group {group.name or group.id}: bucket {bucket} is {whose}"
    return Finding(text=text, is_met=outcome is None)


def of_end(trial: Trial, outcome: Outcome | None, step: Step) -> Finding:
    """Return what a step found that ends the way for those whom it knows."""
    variation = outcome.variation if outcome else None
    title = f"{TITLES[step]}: {variation.name}" if variation else TITLES[step]
    return Finding(text=title, is_met=outcome is not None)


def of_bucket(trial: Trial, outcome: Outcome | None) -> Finding:
    ranges = trial.campaign.bucketing.ranges
    bucket = bucket_in_campaign(trial.campaign, trial.visitor.bucketing_id)
    parts = [
        Finding(text=f"{name_of(owner)}: buckets {last + 1} to {end}", is_met=last < bucket <= end)
        for owner, (last, end) in zip(ranges.owners, pairwise((0, *ranges.ends)), strict=True)
    ]
    is_met = outcome is not None and outcome.variation is not None
    return with_parts(f"bucket {bucket} is in a variation's range", parts, is_met=is_met)


def name_of(owner: Variation | None) -> str:
    return owner.name if owner else "no variation"


def with_parts(text: str, parts: Sequence[Finding], *, is_met: bool) -> Finding:
    """Return a finding that shows the first of *parts*, and the first one that is met."""
    met = next((part for part in parts[MOST_FINDINGS:] if part.is_met), None)
    shown = (*parts[:MOST_FINDINGS], *([met] if met else []))
    return Finding(text=text, is_met=is_met, parts=shown, left_off=len(parts) - len(shown))


TITLES: dict[Step, str] = {
    steps.bandit: "a bandit has user storage",
    steps.set_by_site: "set by the site",
    steps.listed: "whitelisted",
    steps.forced: "whitelisted",
    steps.stored: "remembered",
    steps.segment: "meets the campaign's segment",
    steps.traffic: "within the campaign's share of traffic",
    steps.group: "wins in its group",
    steps.allotment: "has its bucket in its group",
    steps.bucket: "in a variation's range",
}
DESCRIPTIONS: dict[Step, Describe] = {
    steps.set_by_site: partial(of_end, step=steps.set_by_site),
    steps.listed: partial(of_end, step=steps.listed),
    steps.forced: of_forced,
    steps.stored: of_stored,
    steps.segment: of_segment,
    steps.traffic: of_traffic,
    steps.group: of_group,
    steps.allotment: of_allotment,
    steps.bucket: of_bucket,
}
