"""What the SDK is asked in place of a question, and what is made of its answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.conformance.oracle import Call

from .circumstances import STORED, hashable, is_blank, is_sound, profile_of
from .generated import all_experiments
from .generated_audiences import is_json
from .outcomes import Outcome, text_of
from .questions import Question, Step

REFUSALS = {
    "is_feature_enabled": False,
    "get_enabled_features": [],
    "set_forced_variation": False,
}
"""What a method answers where its arguments are refused; the others answer `None`."""
NO_DECISION = {"variation_key": None, "enabled": False, "variables": {}, "rule_key": None}
APART = "<apart>"
NAMED = "a key that is not blank"
NOBODY = json.dumps(["or"])


def refused(outcome: Outcome, step: Step) -> Outcome:
    """Return the answer to arguments that are refused."""
    call = step.question.call
    if call.method == "decide":
        return Outcome(result=text_of({**NO_DECISION, "flag_key": call.args[0]}))
    return Outcome(result=text_of(REFUSALS.get(call.method)))


def without_unknown_variations(question: Question, step: Step) -> Question:
    """Return *question* with allocations to nobody where the experiment lacks a variation."""
    document = copy.deepcopy(question.document)
    for each in all_experiments(document):
        known = {arm["id"] for arm in {arm["key"]: arm for arm in each["variations"]}.values()}
        for entry in each["trafficAllocation"]:
            if entry["entityId"] not in known:
                entry["entityId"] = ""
    return question.with_document(document)


def without_unknown_experiments(question: Question, step: Step) -> Question:
    """Return *question* with events of the experiments that there are."""
    document = copy.deepcopy(question.document)
    known = {each["id"] for each in by_key(document).values()}
    for event in document["events"]:
        event["experimentIds"] = [each for each in event["experimentIds"] if each in known]
    return question.with_document(document)


def by_key(document: Any) -> dict[str, Any]:
    """Return the experiments by key; of namesakes, the last one counts."""
    return {each["key"]: each for each in all_experiments(document)}


def with_each_experiment_once(question: Question, step: Step) -> Question:
    """Return *question* with events that name no experiment twice."""
    document = copy.deepcopy(question.document)
    for event in document["events"]:
        event["experimentIds"] = list(dict.fromkeys(event["experimentIds"]))
    return question.with_document(document)


def without_namesakes(question: Question, step: Step) -> Question:
    """Return *question* with keys of their own for all experiments but the last of each key."""
    document = copy.deepcopy(question.document)
    last = by_key(document)
    for each in all_experiments(document):
        if last[each["key"]] is not each:
            each["key"] += f"{APART}{each['id']}{APART}"
    return question.with_document(document)


def with_namesakes(outcome: Outcome, step: Step) -> Outcome:
    """Return *outcome* with the keys as they are."""

    def joined(text: str) -> str:
        return "".join(text.split(APART)[::2])

    return replace(outcome, result=joined(outcome.result), told=tuple(map(joined, outcome.told)))


def with_unblank_keys(question: Question, step: Step) -> Question:
    """Return *question* with an experiment's key in place of one that is blank."""
    document = copy.deepcopy(question.document)
    for each in all_experiments(document):
        if not each["key"].strip():
            each["key"] = NAMED
    asked = question.with_document(document)
    return asked.with_argument(0, NAMED) if is_blank(question.call.args[0]) else asked


def with_blank_keys(outcome: Outcome, step: Step) -> Outcome:
    """Return *outcome* with the blank key."""
    [key] = {
        each["key"] for each in all_experiments(step.question.document) if is_blank(each["key"])
    }
    told = tuple(each.replace(text_of(NAMED), text_of(key)) for each in outcome.told)
    return replace(outcome, told=told, result=outcome.result.replace(text_of(NAMED), text_of(key)))


def with_all_audiences(question: Question, step: Step) -> Question:
    """Return *question* with an audience that nobody is in for each that is named."""
    document = copy.deepcopy(question.document)
    named = {number for each in all_experiments(document) for number in each["audienceIds"]}
    known = {each["id"] for each in document["audiences"]}
    document["audiences"] += [
        {"id": number, "name": "", "conditions": NOBODY} for number in sorted(named - known)
    ]
    return question.with_document(document)


# --- Conditions ------------------------------------------------------------------------------


def conditions(document: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield each audience of a datafile with its conditions."""
    for audience in document.get("audiences", ()):
        yield audience, json.loads(audience["conditions"])
    for audience in document.get("typedAudiences", ()):
        yield audience, audience["conditions"]


def with_conditions(question: Question, changed: Callable[[Any], Any]) -> Question:
    """Return *question* with other conditions of each audience."""
    document = copy.deepcopy(question.document)
    for audience, tree in conditions(document):
        is_text = isinstance(audience["conditions"], str)
        audience["conditions"] = json.dumps(changed(tree)) if is_text else changed(tree)
    return question.with_document(document)


def without_empty_conditions(question: Question, step: Step) -> Question:
    """Return *question* with an `or` of nothing for each list of conditions that is empty."""

    def changed(tree: Any) -> Any:
        if not isinstance(tree, list):
            return tree
        return [changed(each) for each in tree] or ["or"]

    return with_conditions(question, changed)


def without_odd_leaves(question: Question, step: Step) -> Question:
    """Return *question* with an unknown leaf for each condition that is no object."""

    def changed(tree: Any) -> Any:
        if isinstance(tree, list):
            operators = tree[:1] if tree[:1] in (["and"], ["or"], ["not"]) else []
            return operators + [changed(each) for each in tree[len(operators) :]]
        return tree if isinstance(tree, dict) else {"type": "unknown"}

    return with_conditions(question, changed)


def without_deadly_versions(question: Question, step: Step) -> Question:
    """Return *question* with unknown leaves where the SDK dies of comparing versions."""

    def changed(tree: Any) -> Any:
        if isinstance(tree, list):
            return [changed(each) for each in tree]
        if isinstance(tree, dict) and str(tree.get("match")).startswith("semver"):
            return {**tree, "type": "unknown"} if is_deadly(tree, question, step) else tree
        return tree

    return with_conditions(question, changed)


def is_deadly(leaf: dict[str, Any], question: Question, step: Step) -> bool:
    """Return whether the SDK dies of one condition alone."""
    told = question.attributes
    key = repr((leaf, told.get(leaf.get("name")) if isinstance(told, dict) else None))
    if key not in DEADLY:
        DEADLY[key] = kills(leaf, question, step)
    return DEADLY[key]


DEADLY: dict[str, bool] = {}
"""Whether the SDK dies of a condition and a value; asking takes time."""


def kills(leaf: dict[str, Any], question: Question, step: Step) -> bool:
    """Return whether the SDK dies of a condition, asking it."""
    experiment = {
        **{"id": "1", "key": "e", "layerId": "1", "status": "Running", "variations": []},
        **{"trafficAllocation": [], "forcedVariations": {}, "audienceIds": ["1"]},
    }
    document = {
        **{"version": "4", "accountId": "1", "projectId": "1", "revision": "1"},
        **{"groups": [], "events": [], "attributes": [], "audiences": []},
        "typedAudiences": [{"id": "1", "name": "", "conditions": leaf}],
        "experiments": [experiment],
    }
    call = Call(method="get_variation", args=("e", "Bob", question.attributes))
    asked = Question(document=document, call=call, profiles=None, forced=())
    return step.ask(asked).error is not None


# --- Arguments -------------------------------------------------------------------------------

TAGS_PLACE = 3
NO_VALUE = "no number"


def without_attributes(question: Question, step: Step) -> Question:
    """Return *question* without attributes."""
    return question.with_argument(question.places[1], None)


def without_tags(question: Question, step: Step) -> Question:
    """Return *question* without tags."""
    return question.with_argument(TAGS_PLACE, None)


def with_no_value(question: Question, step: Step) -> Question:
    """Return *question* with a value that the SDK sends among the tags only."""
    return question.with_argument(TAGS_PLACE, {**question.tags, "value": NO_VALUE})


def with_huge_value(outcome: Outcome, step: Step) -> Outcome:
    """Return *outcome* with the value that was given among the tags."""
    given = text_of(step.question.tags["value"])
    told = tuple(each.replace(text_of(NO_VALUE), given) for each in outcome.told)
    return replace(outcome, told=told)


def without_tags_that_json_lacks(question: Question, step: Step) -> Question:
    """Return *question* without the tags that JSON has no word for."""
    if not isinstance(question.tags, dict):
        return question
    kept = {name: tag for name, tag in question.tags.items() if is_json(tag)}
    return question.with_argument(TAGS_PLACE, kept)


def without_what_json_lacks(outcome: Outcome, step: Step) -> Outcome:
    """Return *outcome* without the attributes that JSON has no word for."""
    told = []
    for text in outcome.told:
        whole = json.loads(text)
        visitor = whole["visitor"]
        visitor["attributes"] = [each for each in visitor["attributes"] if is_json(each)]
        told.append(text_of(whole))
    return replace(outcome, told=tuple(told))


def without_odd_names(question: Question, step: Step) -> Question:
    """Return *question* without the attributes whose names are no text."""
    kept = {name: value for name, value in question.attributes.items() if isinstance(name, str)}
    return question.with_argument(question.places[1], kept)


def with_sound_profile(question: Question, step: Step) -> Question:
    """Return *question* with the sound part of the user's profile."""
    profiles = dict(question.profiles or {})
    stored = profile_of(step).get(STORED)
    kept = stored.items() if isinstance(stored, dict) else ()
    sound = {number: entry for number, entry in kept if is_sound(entry, step)}
    profiles[hashable(question.user_id)] = {**profile_of(step), STORED: sound}
    return replace(question, profiles=profiles)


def with_odd_entries(outcome: Outcome, step: Step) -> Outcome:
    """Return *outcome* with what else the user's profile had, if it was saved."""
    stored = profile_of(step).get(STORED)
    kept = stored if isinstance(stored, dict) else {}
    changed = {
        user: {**profile, STORED: {**kept, **profile[STORED]}}
        for user, profile in outcome.changed.items()
    }
    return replace(outcome, saved=text_of(changed), changed=changed)


def without_truthy(outcome: Outcome, step: Step) -> Outcome:
    """Return *outcome* of a feature that is not enabled."""
    on, off = text_of({"enabled": True})[1:-1], text_of({"enabled": False})[1:-1]
    told = tuple(each.replace(on, off) for each in outcome.told)
    return replace(outcome, result=outcome.result.replace(on, off), told=told)
