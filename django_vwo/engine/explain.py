"""A decision with every step on the way, for people. It costs more than deciding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from . import steps
from .bucketing import bucket_in_campaign, group_bucket
from .decision import Decision
from .entities import Campaign, Feature, Variation
from .features import decide_feature
from .findings import MOST_FINDINGS, Explanation, Finding, unreached
from .hashing import bucket_for_hash
from .steps import Step, Trial

Describe = Callable[[Trial, Campaign, Decision | None], Finding]
"""Takes what a step looks at, and the decision that it came to, if it did."""


def explain(trial: Trial, campaign: Campaign) -> Decision:
    """Return the decision that `decide` gives, with what every step on the way found."""
    findings: list[Finding] = []
    end: Decision | None = None
    for step in campaign.steps:
        if end is None:
            end = step(trial, campaign)
            findings.append(describe(step, trial, campaign, end))
        else:
            findings.append(unreached(TITLES.get(step, step.__name__)))
    if end is None:
        raise ValueError(f"The steps of campaign {campaign.key!r} lead to no decision.")
    end.findings = tuple(findings)
    return end


def explain_feature(trial: Trial, feature: Feature) -> Decision:
    """Return the decision that `decide_feature` gives, with what each campaign asked found."""
    findings: list[Finding] = []

    def decide(trial: Trial, campaign: Campaign) -> Decision:
        decision = explain(trial, campaign)
        text = f"{campaign.type.value} {campaign.key}: {decision.headline}"
        is_met = decision.variation is not None
        findings.append(Finding(text=text, is_met=is_met, parts=decision.findings))
        return decision

    decision = decide_feature(trial, feature, decide)
    decision.findings = tuple(findings)
    return decision


def describe(step: Step, trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    """Return what *step* found; a step without a description of its own by its name."""
    describe_step = DESCRIPTIONS.get(step)
    if describe_step:
        return describe_step(trial, campaign, end)
    return Finding(text=TITLES.get(step, step.__name__), is_met=end is None)


def of_forced(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    facts = steps.whitelisting_facts(trial, campaign)
    explanation = Explanation(facts, hidden=trial.campaigns.user_id_fact)
    listed = [variation for variation in campaign.whitelisting if variation.whitelist]
    parts = [of_whitelist(explanation, variation) for variation in listed]
    title = TITLES[steps.forced]
    if end and end.variation and sum(part.is_met is True for part in parts) > 1:
        title = f"{title}: of several, {end.variation.name} has the bucket"
    return with_parts(title, parts, is_met=end is not None)


def of_whitelist(explanation: Explanation, variation: Variation) -> Finding:
    found = [explanation.of(variation.whitelist)] if variation.whitelist else []
    is_met = any(part.is_met for part in found)
    return Finding(text=f"whitelisted for {variation.name}", is_met=is_met, parts=tuple(found))


def of_stored(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    title = TITLES[steps.stored]
    if trial.stored is None:
        return Finding(text=f"{title} (there is no user storage)", is_met=False)
    found = trial.stored.get(campaign.assignment_key)
    if found is None:
        return Finding(text=title, is_met=False)
    if end is None:
        return Finding(text=f"{title}, but {found.variation!r} is gone", is_met=False)
    name = end.variation.name if end.variation else found.variation
    return Finding(text=f"{title}: {name}", is_met=True)


def of_segment(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    explanation = Explanation(trial.custom_variables, hidden=trial.campaigns.user_id_fact)
    condition = campaign.segment
    parts = (explanation.of(condition),) if condition else ()
    return Finding(text=TITLES[steps.segment], is_met=end is None, parts=parts)


def of_traffic(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    hash_value = campaign.bucketing.campaign_seed.hash(trial.bucketing_id)
    bucket = bucket_for_hash(hash_value, 100)
    text = f"bucket {bucket} of 100 is within {campaign.percent_traffic:g} % of traffic"
    return Finding(text=text, is_met=end is None)


def of_group(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    group = campaign.group
    if group is None:
        return Finding(text="in no group", is_met=True)
    title = f"group {group.name or group.id}"
    others = [each for each in trial.campaigns.members(group) if each.id != campaign.id]
    holders = [other for other in others if steps.has_visitor(trial, other)]
    if holders:
        return Finding(text=f"{title}: {holders[0].key} has the visitor", is_met=False)
    parts = [of_rival(trial, other) for other in others]
    winner_id = steps.group_winner(trial, campaign, group)
    winner = trial.campaigns.campaigns_by_id.get(winner_id or "")
    won_by = f"won by {winner.key}" if winner else "won by none"
    return with_parts(f"{title}: {won_by}", parts, is_met=end is None)


def of_rival(trial: Trial, other: Campaign) -> Finding:
    is_met = steps.would_take(trial, other)
    return Finding(text=f"{other.key} would take the visitor", is_met=is_met)


def of_allotment(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    group = campaign.group
    if group is None:
        return Finding(text="in no group", is_met=True)
    bucket = group_bucket(group, trial.bucketing_id)
    owner = trial.campaigns.campaigns_by_id.get(group.allotment.owner_of(bucket) or "")
    whose = f"{owner.key}'s" if owner else "no running campaign's"
    text = f"group {group.name or group.id}: bucket {bucket} is {whose}"
    return Finding(text=text, is_met=end is None)


def of_end(trial: Trial, campaign: Campaign, end: Decision | None, step: Step) -> Finding:
    """Return what a step found that ends the way for those whom it knows."""
    variation = end.variation if end else None
    title = f"{TITLES[step]}: {variation.name}" if variation else TITLES[step]
    return Finding(text=title, is_met=end is not None)


def of_bucket(trial: Trial, campaign: Campaign, end: Decision | None) -> Finding:
    ranges = campaign.bucketing.ranges
    bucket = bucket_in_campaign(campaign, trial.bucketing_id)
    parts = [
        Finding(text=f"{name_of(owner)}: buckets {last + 1} to {end}", is_met=last < bucket <= end)
        for owner, (last, end) in zip(ranges.owners, pairwise((0, *ranges.ends)), strict=True)
    ]
    is_met = end is not None and end.variation is not None
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
