"""What differs between a campaign as it is and as it is to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from . import steps
from .entities import Bucketing, Campaign, Goal, Variation
from .errors import MISSING, shorten
from .hashing import Seed


class ChangeKind(Enum):
    """What about a settings document is another than before."""

    ACCOUNT = "account"
    COLLECTION = "collection"
    """Where events go, and in which form."""
    GROUP = "group"
    STARTED = "campaign started"
    PAUSED = "campaign paused"
    GONE = "campaign gone"
    ADDED = "campaign added"
    """It is new, but not running."""
    RENAMED = "campaign renamed"
    REPLACED = "campaign replaced"
    """Another campaign has the key now."""
    TYPE = "type"
    TRAFFIC = "traffic"
    WEIGHTS = "weights"
    VARIATION_ADDED = "variation added"
    VARIATION_GONE = "variation gone"
    VARIATION_RENAMED = "variation renamed"
    SEGMENT = "segment"
    WHITELISTING = "whitelisting"
    FEATURE = "feature"
    """Whether there is one, what decides on it, and whether it is on in a variation."""
    VARIABLES = "variables"
    GOAL_ADDED = "goal added"
    GOAL_GONE = "goal gone"
    GOAL_CHANGED = "goal changed"
    BUCKETING = "bucketing"
    """Other text is hashed, or otherwise: visitors may meet another variation."""


Told = tuple[ChangeKind, str]
"""What changes, in kind and in words."""
Pair = tuple[Variation, Variation]
"""A variation as it is, and as it is to be."""


def campaign_changes(before: Campaign, after: Campaign) -> Iterator[Told]:
    """Yield what differs between two versions of a campaign."""
    yield from of_identity(before, after)
    if before.percent_traffic != after.percent_traffic:
        told = f"{percent(before.percent_traffic)} -> {percent(after.percent_traffic)}"
        yield ChangeKind.TRAFFIC, f"traffic {told}"
    pairs = list(paired(before, after))
    yield from of_variations(before, after, pairs)
    yield from of_conditions(before, after, pairs)
    for old, new in pairs:
        yield from of_feature(old, new)
    yield from of_goals(before.goals, after.goals)
    yield from of_membership(before, after)
    yield from of_bucketing(before.bucketing, after.bucketing)


def of_identity(before: Campaign, after: Campaign) -> Iterator[Told]:
    if before.key != after.key:
        text = f"its key is {after.key} now: what was remembered under the old one is not found"
        yield ChangeKind.RENAMED, text
    if before.id != after.id:
        yield ChangeKind.REPLACED, f"is another campaign now, with the id {after.id}"
    if before.type is not after.type:
        yield ChangeKind.TYPE, f"{before.type.value} -> {after.type.value}"
    was_bandit, is_bandit = steps.bandit in before.steps, steps.bandit in after.steps
    if was_bandit != is_bandit:
        yield ChangeKind.TYPE, f"is {'a' if is_bandit else 'no longer a'} multi-armed bandit"


def paired(before: Campaign, after: Campaign) -> Iterator[Pair]:
    """Yield each variation that stays: the one with its id or, failing that, with its name."""
    by_id = {variation.id: variation for variation in after.variations.values()}
    ids = {variation.id for variation in before.variations.values()}
    for old in before.variations.values():
        named = after.variations.get(old.stored_as)
        new = by_id.get(old.id) or (named if named and named.id not in ids else None)
        if new:
            yield old, new


def of_variations(before: Campaign, after: Campaign, pairs: list[Pair]) -> Iterator[Told]:
    olds, news = {old.id for old, _ in pairs}, {new.id for _, new in pairs}
    for variation in after.variations.values():
        if variation.id not in news:
            yield ChangeKind.VARIATION_ADDED, f"{variation.name} is new, {share(variation)}"
    for variation in before.variations.values():
        if variation.id not in olds:
            yield ChangeKind.VARIATION_GONE, f"{variation.name} is gone"
    for old, new in pairs:
        if old.name != new.name:
            yield ChangeKind.VARIATION_RENAMED, f"{old.name} is called {new.name} now"
        if old.id != new.id:
            yield ChangeKind.VARIATION_RENAMED, f"{old.name} has the id {new.id}, not {old.id}"
    if any(share(old) != share(new) for old, new in pairs):
        text = f"weights {shares(before)} -> {shares(after)}"
        yield ChangeKind.WEIGHTS, text
    elif [new.id for _, new in pairs] != [each for each in order(after) if each in news]:
        yield ChangeKind.BUCKETING, "the variations are in another order: visitors change places"


def of_conditions(before: Campaign, after: Campaign, pairs: list[Pair]) -> Iterator[Told]:
    if before.segment is None and after.segment is not None:
        yield ChangeKind.SEGMENT, "has a segment now: not everybody is admitted"
    elif before.segment is not None and after.segment is None:
        yield ChangeKind.SEGMENT, "has no segment any more: everybody is admitted"
    elif before.segment != after.segment:
        yield ChangeKind.SEGMENT, "the segment is another"
    if forced(before) != forced(after):
        counts = f"{len(before.listed)} -> {len(after.listed)}"
        text = f"the users who are forced into a variation are others ({counts})"
        yield ChangeKind.WHITELISTING, text
    was_forcing, is_forcing = bool(before.whitelisting), bool(after.whitelisting)
    if was_forcing != is_forcing:
        yield ChangeKind.WHITELISTING, f"whitelisting is {'on' if is_forcing else 'off'}"
        return
    if is_forcing and before.is_user_list_enabled != after.is_user_list_enabled:
        form = "hashed" if after.is_user_list_enabled else "plain"
        yield ChangeKind.WHITELISTING, f"whitelisting lists {form} user ids"
    for old, new in pairs:
        if old.whitelist != new.whitelist:
            yield ChangeKind.WHITELISTING, f"whitelisting of {new.name} is another"


def forced(campaign: Campaign) -> dict[str, str]:
    return {user_id: variation.id for user_id, variation in campaign.listed.items()}


def of_feature(old: Variation, new: Variation) -> Iterator[Told]:
    if old.is_feature_enabled != new.is_feature_enabled:
        yield ChangeKind.FEATURE, f"the feature is {switch(old)} -> {switch(new)} in {new.name}"
    for key in dict.fromkeys((*old.variables, *new.variables)):
        was, now = old.variables.get(key, MISSING), new.variables.get(key, MISSING)
        if not is_same(was, now):
            text = f"{key} in {new.name}: {shorten(was, 40)} -> {shorten(now, 40)}"
            yield ChangeKind.VARIABLES, text


def of_goals(before: Mapping[str, Goal], after: Mapping[str, Goal]) -> Iterator[Told]:
    for identifier, new in after.items():
        old = before.get(identifier)
        if old is None:
            yield ChangeKind.GOAL_ADDED, f"goal {identifier} is new"
        elif old != new:
            told = ", ".join(of_goal(old, new))
            yield ChangeKind.GOAL_CHANGED, f"goal {identifier}: {told}"
    for identifier in before:
        if identifier not in after:
            yield ChangeKind.GOAL_GONE, f"goal {identifier} is gone"


def of_goal(old: Goal, new: Goal) -> Iterator[str]:
    if old.id != new.id:
        yield f"id {old.id} -> {new.id}"
    if old.type is not new.type:
        yield f"{old.type.value or 'unknown type'} -> {new.type.value or 'unknown type'}"
    if old.is_repeatable != new.is_repeatable:
        yield "counts each time" if new.is_repeatable else "counts once per visitor"
    if old.needs_no_revenue != new.needs_no_revenue:
        yield "needs no revenue" if new.needs_no_revenue else "needs a revenue"
    if old.revenue_prop != new.revenue_prop:
        yield f"revenue from {old.revenue_prop or 'the call'} -> {new.revenue_prop or 'the call'}"


def of_membership(before: Campaign, after: Campaign) -> Iterator[Told]:
    was, now = before.group, after.group
    if (was and was.id) == (now and now.id):
        return
    if was:
        yield ChangeKind.GROUP, f"leaves the group {was.name or was.id}"
    if now:
        yield ChangeKind.GROUP, f"joins the group {now.name or now.id}"


def of_bucketing(before: Bucketing, after: Bucketing) -> Iterator[Told]:
    for deciding, old, new in (
        ("who is admitted", before.campaign_seed, after.campaign_seed),
        ("the variation", before.variation_seed, after.variation_seed),
    ):
        if old != new:
            told = f"{hashed(old)} -> {hashed(new)}"
            yield ChangeKind.BUCKETING, f"bucketing of {deciding}: {told}; visitors change places"
    if before.multiplier != after.multiplier:
        text = f"buckets are stretched by {before.multiplier:g} -> {after.multiplier:g}"
        yield ChangeKind.BUCKETING, f"{text}: visitors change places"


def order(campaign: Campaign) -> list[str]:
    return [variation.id for variation in campaign.variations.values()]


def hashed(seed: Seed) -> str:
    return f"{seed.prefix}<user id>{seed.suffix}"


def switch(variation: Variation) -> str:
    return "on" if variation.is_feature_enabled else "off"


def percent(number: float) -> str:
    """
    Return *number*, a share in percent, for people.

    >>> percent(50.0), percent(33.33333)
    ('50 %', '33.33333 %')
    """
    return f"{number:.10g} %"


def share(variation: Variation) -> str:
    return percent(variation.weight)


def shares(campaign: Campaign) -> str:
    """Return the weights of all variations of *campaign*."""
    return listed(f"{each.name} {share(each)}" for each in campaign.variations.values())


def listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "none"


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values of a feature variable mean the same to a site."""
    return type(one) is type(other) and (one == other or repr(one) == repr(other))
