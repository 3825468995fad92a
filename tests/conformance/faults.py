"""Faults to plant on our side, as somebody might make them: the suite has to find each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import nan
from operator import eq, ge
from typing import Any

import pytest

from django_vwo import conduct, dialects
from django_vwo.dialects.vwo import bucketing as seeds
from django_vwo.dialects.vwo import document, segments
from django_vwo.dialects.vwo.variables import CASTS
from django_vwo.engine import conversions, entities, steps
from django_vwo.engine.decision import Decision
from django_vwo.engine.entities import Campaign, GroupRule, Reason, Variation
from django_vwo.engine.events import Event
from django_vwo.engine.hashing import BUCKETS, Seed, bucket_for_hash
from django_vwo.engine.segments import AnyOf
from django_vwo.engine.steps import Trial

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    name: str
    plant: Callable[[Patch], None]


def replacing(owner: Any, name: str, wrong: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """Return what puts *wrong* of the right function, or of the entry of a table, in its place."""

    def plant(patch: Patch) -> None:
        if isinstance(owner, dict):
            patch.setitem(owner, name, wrong(owner[name]))
        else:
            patch.setattr(owner, name, wrong(getattr(owner, name)))

    return plant


def forgetting(key: str) -> Callable[[Patch], None]:
    """Return what makes a document load as if *key* were nowhere in it."""

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {name: without(each) for name, each in value.items() if name != key}

    return replacing(dialects, "parse", lambda right: lambda *args: without(right(*args)))


def instead(value: Any) -> Callable[[Any], Any]:
    """Return what makes a function return *value*, whatever it is called with."""
    return lambda right: lambda *args, **kwargs: value


def from_the_other_end(right: Callable[..., int]) -> Callable[..., int]:
    return lambda *args: BUCKETS + 1 - right(*args)


def one_early(right: Callable[..., tuple[int, ...]]) -> Callable[..., tuple[int, ...]]:
    return lambda ends, multiplier: right(tuple(end - 1 for end in ends), multiplier)


def bucket_of_user(group: Any, bucketing_id: str) -> int:
    return bucket_for_hash(Seed().hash(bucketing_id))


def below_its_share(campaign: Campaign, bucketing_id: str) -> bool:
    hash_value = campaign.bucketing.campaign_seed.hash(bucketing_id)
    return bucket_for_hash(hash_value, 100) < campaign.percent_traffic


def swapped(right: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return `wildcard()` with "starts with" and "ends with" the wrong way round."""
    swaps = {str.startswith: str.endswith, str.endswith: str.startswith}

    def wildcard(text: str) -> Any:
        test, rest = right(text)
        return swaps.get(test, test), rest

    return wildcard


def not_sticky(right: steps.Step) -> steps.Step:
    def stored(trial: steps.Trial, campaign: Campaign) -> Decision | None:
        decision = right(trial, campaign)
        return None if decision and decision.reason is Reason.STORED else decision

    return stored


def not_gated(right: steps.Step) -> steps.Step:
    def stored(trial: steps.Trial, campaign: Campaign) -> Decision | None:
        decision = right(trial, campaign)
        return None if decision and decision.reason is Reason.NOT_ACTIVATED else decision

    return stored


def without_revenue(right: Callable[..., Event]) -> Callable[..., Event]:
    return lambda *args, **kwargs: replace(right(*args, **kwargs), revenue=None)


def without_origin(right: Callable[..., Event]) -> Callable[..., Event]:
    return lambda *args, **kwargs: replace(right(*args, **kwargs), user_agent="")


def first_match(trial: Trial, campaign: Campaign) -> Variation | None:
    facts = steps.whitelisting_facts(trial, campaign)
    found = (each for each in campaign.whitelisting if each.whitelist)
    return next((each for each in found if each.whitelist.evaluate(facts) is True), None)


def ignores_by_truth(whole: Any, campaign: Any) -> bool:
    if whole.get("isNBv2"):
        return bool(campaign.get("isOBv2"))
    return not campaign.get("isOB")


def by_any(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: AnyOf(tuple(getattr(right(*args), "parts", ())))


def plain_text(value: Any) -> str | None:
    return str(value) or None if value is not None else None


def unchanged(value: Any) -> Any:
    return value


FAULTS = (
    Fault("groups laid out from the end", replacing(steps, "group_bucket", from_the_other_end)),
    Fault("variation's bucket off by one", replacing(entities, "hash_ends", one_early)),
    Fault("a group has no seed", replacing(steps, "group_bucket", lambda _: bucket_of_user)),
    Fault("traffic < for <=", replacing(steps, "is_in_traffic", lambda _: below_its_share)),
    Fault("no stretch in old bucketing", replacing(seeds, "stretch", instead(1.0))),
    Fault("false as if absent", replacing(seeds, "ignores_campaign", lambda _: ignores_by_truth)),
    *(
        Fault(f"{key} forgotten", forgetting(key))
        for key in (
            *("isNB", "isNBv2", "isOB", "isOBv2", "isBucketingSeedEnabled", "isMAB"),
            *("isForcedVariationEnabled", "isEventArchEnabled", "hasProps", "revenueProp"),
            *("isFeatureEnabled", "wt", "p", "segments"),
        )
    ),
    Fault("lower() is case-sensitive", replacing(segments.TESTS, "lower", lambda _: eq)),
    Fault("startswith repaired", replacing(segments.TESTS, "startswith", lambda _: str.startswith)),
    Fault("gt as gte", replacing(segments.NUMERIC_TESTS, "gt", lambda _: ge)),
    Fault("wildcard swapped", replacing(segments, "wildcard", swapped)),
    Fault("numbers compared as written", replacing(segments, "read_number", instead(None))),
    Fault(
        "booleans as Python writes them", replacing(segments, "value_text", lambda _: plain_text)
    ),
    Fault("and as or", replacing(segments.SegmentReader, "read_list", by_any)),
    Fault("et 2 as 1", replacing(document.GROUP_RULES, 2, lambda _: GroupRule.EQUAL_CHANCE)),
    Fault("group open to the remembered", replacing(steps, "has_visitor", instead(False))),
    Fault(
        "first whitelisting variation wins",
        replacing(steps, "forced_variation", lambda _: first_match),
    ),
    Fault("storage is not sticky", replacing(steps, "stored", not_sticky)),
    Fault("no activation is needed", replacing(steps, "stored", not_gated)),
    Fault("each conversion counts", replacing(conduct, "was_reached", instead(False))),
    Fault("revenue dropped", replacing(conduct.Conduct, "event", without_revenue)),
    Fault("user agent dropped", replacing(conduct.Conduct, "event", without_origin)),
    Fault("revenue never needed", replacing(conversions, "lacks_revenue", instead(False))),
    Fault("mca ignored", replacing(document, "EVERY_TIME", lambda _: nan)),
    Fault("no control's variables", replacing(document, "control_values", instead(None))),
    Fault("texts keep their type", replacing(CASTS, "string", lambda _: unchanged)),
    Fault(
        "visitors of no account",
        replacing(document, "visitor_key_for", lambda right: lambda _: right(0)),
    ),
)
