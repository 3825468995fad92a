"""Faults to plant on our side, as somebody might make them: the suite has to find each of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from django_vwo.dialects.optimizely import document, leaves, segments, telling, wire
from django_vwo.engine import entities, features, steps
from django_vwo.engine.decision import Decision
from django_vwo.engine.entities import Campaign, Group, Reason
from django_vwo.engine.hashing import HASHES
from django_vwo.engine.steps import Trial
from django_vwo.storages import profiles
from tests.conformance.faults import instead, one_early, replacing

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

TODAY = ("today",)
MISSION = ("2.1",)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, in one generation or in both."""

    name: str
    plant: Plant
    generations: tuple[str, ...] = MISSION + TODAY


def forgetting(key: str) -> Plant:
    """Return what makes a datafile load as if *key* were nowhere in it."""

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {name: without(each) for name, each in value.items() if name != key}

    def wrong(right: Any) -> Any:
        return lambda self, whole, *args: right(self, without(whole), *args)

    return replacing(document.Translation, "__init__", wrong)


def with_envelope(**wrong: Callable[[Mapping[str, Any]], Any]) -> Plant:
    """Return what makes fields of the envelope wrong, given the datafile."""

    def planted(right: Any) -> Any:
        def init(self: Any, whole: Any, *args: Any) -> None:
            right(self, whole, *args)
            self.envelope.update({name: make(whole) for name, make in wrong.items()})

        return init

    return replacing(telling.Telling, "__init__", planted)


def never_unknown(right: Any) -> Any:
    """Return the evaluation of a condition in two values."""
    return lambda self, facts: bool(right(self, facts))


def any_case(right: Any) -> Any:
    """Return the test for a substring, whatever its case."""

    def test_of(operand: Any) -> Any:
        test = right(operand)
        return test and (lambda value: operand.lower() in value.lower())

    return test_of


def loose(right: Any) -> Any:
    """Return the test for equality that takes `True` for 1."""

    def test_of(operand: Any) -> Any:
        test = right(operand)
        return test and (lambda value: bool(operand == value))

    return test_of


def not_sticky(right: steps.Step) -> steps.Step:
    def stored(trial: steps.Trial, campaign: Campaign) -> Decision | None:
        decision = right(trial, campaign)
        return None if decision and decision.reason is Reason.STORED else decision

    return stored


def alone(right: Any) -> Any:
    """Return what saves an assignment without those that were there."""

    def applied_to(self: Any, profile: Any) -> Any:
        return right(self, {**profile, profiles.EXPERIMENTS: {}})

    return applied_to


def without_revenue(right: Any) -> Any:
    def values(event: Any) -> Any:
        return ((name, value) for name, value in right(event) if name != "revenue")

    return values


def without_first_tag(right: Any) -> Any:
    def values(event: Any) -> Any:
        kept = dict(list(event.properties.items())[1:])
        return right(replace(event, properties=kept))

    return values


def of_user(patch: Patch) -> None:
    """Bucket every visitor by the user id."""
    for name, right in document.BY_NAME.items():
        wrong = replace(right, bucketing_id=lambda user_id, attributes: user_id)
        patch.setitem(document.BY_NAME, name, wrong)


def listed_last(right: Any) -> Any:
    """Return the way that looks for who is listed after who is remembered."""

    def way(*possible: tuple[steps.Step, bool]) -> Any:
        ranks = {steps.set_by_site: 0, steps.stored: 1, steps.listed: 2}
        return right(*sorted(possible, key=lambda each: ranks.get(each[0], 3)))

    return way


def all_of(right: Any) -> Any:
    return lambda feature, campaign_id: feature.experiments


def as_lists(right: Any) -> Any:
    """Return the comparison of versions whose parts are texts."""
    return lambda version, target: (version.parts > target.parts) - (version.parts < target.parts)


def without_fallback(right: Any) -> Any:
    """Return what tells the layer's id even if it is empty."""

    def told(decision: Any, metadata: Any) -> Any:
        return {**right(decision, metadata), "campaign_id": decision["campaign_id"]}

    return told


def without_last_decision(right: Any) -> Any:
    return lambda self, event, decisions: right(self, event, decisions[:-1])


def known_by_name(right: Any) -> Any:
    """Return what knows every attribute, by its name."""

    def init(self: Any, *args: Any) -> None:
        right(self, *args)
        self.attribute_ids = {name: name for name in self.attribute_ids}

    return init


def as_given(right: Any) -> Any:
    return lambda value: value


def as_text(right: Any) -> Any:
    return lambda kind, text: text


def ge_for_gt(right: Any) -> Any:
    return leaves.TESTS["ge"]


def any_of(right: Any) -> Any:
    return segments.AnyOf


def from_the_end(right: Callable[[Trial, Group], str | None]) -> Callable[..., str | None]:
    def allotted(trial: Trial, group: Group) -> str | None:
        hash_value = HASHES - 1 - group.seed.hash(trial.bucketing_id)
        return group.owner_ids[bisect_right(group.hash_ends, hash_value)]

    return allotted


OPTIONAL = ("anonymizeIP", "botFiltering", "featureEnabled")
OPTIONAL_TODAY = (
    *("audienceConditions", "typedAudiences", "sendFlagDecisions", "subType", "region"),
)

FAULTS = (
    Fault("groups laid out from the end", replacing(steps, "allotted", from_the_end)),
    Fault("variation's bucket off by one", replacing(entities, "hash_ends", one_early)),
    Fault("bucketed by user id", of_user),
    Fault("a group takes everybody", replacing(steps, "allotment", instead(None))),
    Fault("a group does not choose", replacing(features, "experiments_for", all_of), MISSION),
    Fault("profile not consulted", replacing(steps, "stored", not_sticky)),
    Fault("profile overwritten", replacing(profiles.AddedEntry, "applied_to", alone)),
    Fault("profile not saved", replacing(profiles.AddedEntry, "make", instead(None))),
    Fault("listed after remembered", replacing(document, "way", listed_last)),
    Fault("nobody is listed", replacing(steps, "listed", instead(None))),
    Fault("nothing is set by the site", replacing(steps, "set_by_site", instead(None))),
    Fault("an audience takes everybody", replacing(steps, "segment", instead(None))),
    Fault("two values for three", replacing(leaves.Comparison, "evaluate", never_unknown), TODAY),
    Fault("substring in any case", replacing(leaves.TESTS, "substring", any_case), TODAY),
    Fault("True equals 1", replacing(leaves.TESTS, "exact", loose), TODAY),
    Fault("gt as ge", replacing(leaves.TESTS, "gt", ge_for_gt), TODAY),
    Fault("versions compared as texts", replacing(leaves, "compare", as_lists), TODAY),
    Fault("and as or", replacing(segments, "All", any_of)),
    Fault("all rules are tried", replacing(features, "is_full", instead(False))),
    *(Fault(f"{key} forgotten", forgetting(key)) for key in OPTIONAL),
    *(Fault(f"{key} forgotten", forgetting(key), TODAY) for key in OPTIONAL_TODAY),
    Fault("variables keep their texts", replacing(document, "cast", as_text)),
    Fault("revision mixed up", with_envelope(revision=lambda whole: whole["projectId"])),
    Fault("revenue dropped", replacing(wire, "values", without_revenue)),
    Fault("a tag dropped", replacing(wire, "values", without_first_tag)),
    Fault("value as given", replacing(wire, "value_tag", as_given)),
    Fault(
        "a decision dropped",
        replacing(telling.Telling, "conversion", without_last_decision),
        MISSION,
    ),
    Fault("an empty layer id told", replacing(wire, "as_told_today", without_fallback), TODAY),
    Fault("large numbers are told", replacing(telling, "LARGEST_NUMBER", lambda _: 10**500), TODAY),
    Fault("attributes told by name", replacing(telling.Telling, "__init__", known_by_name)),
)
