"""What the official SDK is asked in place of a step's question, and what is made of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import amendments
from .amendments import FALSE, GOALS_SEPARATOR, OTHER_SEPARATOR, USER_ID, UUID, visitor_uuid
from .circumstances import lost_variations
from .documents import Json
from .outcomes import Outcome, Remembered, Told, as_text
from .questions import Question, Step

# --- What is asked instead -------------------------------------------------------------------


def as_asked(question: Question, step: Step) -> Question:
    return question


def on(change: Callable[[Json], Json]) -> Callable[[Question, Step], Question]:
    """Return what asks about the document as *change* returns it."""

    def amended(question: Question, step: Step) -> Question:
        return replace(question, document=step.opinion.change(question.document, change))

    return amended


def surviving(question: Question, step: Step) -> Question:
    return replace(question, survives=True)


def without_revenue(question: Question, step: Step) -> Question:
    kept = {key: value for key, value in question.call.kwargs.items() if key != "revenue_value"}
    return replace(question, call=replace(question.call, kwargs=kept))


def without_odd_keys(question: Question, step: Step) -> Question:
    keys, *others = question.call.args
    args = ([key for key in keys if isinstance(key, str)], *others)
    return replace(question, call=replace(question.call, args=args))


def with_false_leaves(question: Question, step: Step) -> Question:
    """Return the question on a document in which what cannot be evaluated is false."""
    document = amendments.with_segments(
        question.document,
        before=lambda tree: judged(tree, variables(question, "custom_variables"), step),
        forcing=lambda _, tree: judged(tree, targeting_variables(question, step), step),
    )
    return replace(question, document=document)


def judged(tree: Any, variables: Mapping[str, Any], step: Step) -> Any:
    """Return *tree* with leaves that are false where the official SDK cannot evaluate them."""

    def change(leaf: Json) -> Json:
        operator, value = next(iter(leaf.items()))
        name = USER_ID if operator == "user" else next(iter(value))
        facts = {name: variables[name]} if name in variables else {}
        return leaf if step.opinion.can_evaluate(leaf, facts) else FALSE

    return amendments.with_leaves(tree, change)


def variables(question: Question, name: str) -> Mapping[str, Any]:
    """Return the variables of a call, none if they are of a wrong type."""
    given = question.call.kwargs.get(name)
    return given if isinstance(given, Mapping) else {}


def targeting_variables(question: Question, step: Step) -> Mapping[str, Any]:
    """Return what forced variations look at."""
    return {**variables(question, "variation_targeting_variables"), USER_ID: step.user_id}


def with_open_lists(question: Question, step: Step) -> Question:
    """Return the question with the visitor's UUID as a variable of its own, and no list of it."""
    uuid = visitor_uuid(question.document["accountId"], step.user_id)

    def forcing(campaign: Json, tree: Json) -> Json:
        is_hashed = campaign.get("isUserListEnabled")
        tree_by_uuid: Json = amendments.with_leaves(tree, amendments.by_uuid(uuid))
        return tree_by_uuid if is_hashed else tree

    document = amendments.with_segments(
        question.document, before=lambda tree: tree, forcing=forcing
    )
    given = {**variables(question, "variation_targeting_variables"), UUID: uuid}
    kwargs = {**question.call.kwargs, "variation_targeting_variables": given}
    return replace(question, document=document, call=replace(question.call, kwargs=kwargs))


def with_plain_goal(question: Question, step: Step) -> Question:
    """Return the question with goals whose identifiers are not read as several."""
    specifier, user_id, goal = question.call.args
    args = (specifier, user_id, amendments.plain(goal))
    document = amendments.with_plain_goal_names(question.document)
    return replace(question, document=document, call=replace(question.call, args=args))


def without_depths(document: Json) -> Json:
    return amendments.with_segments(
        document,
        before=amendments.with_broken_depths,
        forcing=lambda _, tree: amendments.with_broken_depths(tree),
    )


def without_refused_patterns(document: Json) -> Json:
    def change(tree: Json) -> Json:
        found: Json = amendments.with_leaves(tree, amendments.without_refused_pattern)
        return found

    return amendments.with_segments(document, before=change, forcing=lambda _, tree: change(tree))


# --- What is made of the answer --------------------------------------------------------------


def as_answered(outcome: Outcome, step: Step) -> Outcome:
    return outcome


def refused(outcome: Outcome, step: Step) -> Outcome:
    return Outcome(result=None, remembered=step.before, told=())


def with_bool(outcome: Outcome, step: Step) -> Outcome:
    return replace(outcome, result=False) if outcome.result is None else outcome


def with_announcements(outcome: Outcome, step: Step) -> Outcome:
    """Return the outcome in which the visitor's new variations are announced, too."""
    news = [
        announcement(step, campaign, name)
        for campaign in lost_variations(step)
        for name, _ in [outcome.remembered[step.user_id, campaign["key"]]]
        if name in {arm["name"] for arm in campaign["variations"]}
    ]
    return replace(outcome, told=(*news, *outcome.told))


def announcement(step: Step, campaign: Json, variation: str) -> Told:
    """Return the impression of *variation*; of several with this name, that of the one we tell."""
    ids = [str(arm["id"]) for arm in campaign["variations"] if arm["name"] == variation]
    ours = {told.variation for told in step.ours.told if told.kind == "impression"}
    given = step.call.kwargs
    takes_properties = bool(step.case.document.get("isEventArchEnabled"))
    return Told(
        kind="impression",
        visitor=visitor_uuid(step.case.document["accountId"], step.user_id),
        campaign=str(campaign["id"]),
        variation=next((each for each in ids if each in ours), ids[0]),
        user_agent=given.get("user_agent") or "",
        ip_address=given.get("user_ip_address") or "",
        properties=as_text((given.get("custom_properties") if takes_properties else None) or {}),
    )


def with_whole_goal(outcome: Outcome, step: Step) -> Outcome:
    """Return the outcome with the identifiers of goals as they are."""
    remembered: Remembered = {
        key: (name, frozenset(goal.replace(OTHER_SEPARATOR, GOALS_SEPARATOR) for goal in goals))
        for key, (name, goals) in outcome.remembered.items()
    }
    return replace(outcome, remembered=remembered)
