"""
Where the project deliberately answers otherwise than the official SDK: all of it, in one table.

A difference does not wave a step through: it says what the official SDK would have to be asked
instead, and what of its answer we change. The step is excused if ours is exactly what comes of
that, and fails the test otherwise. A difference that excused nothing fails the test as well: either
it is gone, or no document shows it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations

from . import amendments, circumstances, rephrasing
from .outcomes import Outcome
from .questions import Question, Step

MOST_AT_ONCE = 4
"""Differences that may come together in one step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that is done otherwise on purpose."""

    name: str
    """As `docs/differences.rst` has it."""
    reason: str
    held_by: str
    """The test that pins what we do."""
    applies: Callable[[Step], bool]
    amended: Callable[[Question, Step], Question] = rephrasing.as_asked
    """What the official SDK is asked instead."""
    corrected: Callable[[Outcome, Step], Outcome] = rephrasing.as_answered
    """What we make of its answer."""


def excuses(step: Step) -> tuple[Difference, ...]:
    """Return the fewest differences that explain *step*, none if nothing does."""
    applying = [each for each in DIFFERENCES if each.applies(step)]
    sizes = range(1, min(MOST_AT_ONCE, len(applying)) + 1)
    for together in chain.from_iterable(combinations(applying, size) for size in sizes):
        if step.ours.agrees_with(expected(step, together)):
            return together
    return ()


def expected(step: Step, together: tuple[Difference, ...]) -> Outcome:
    """Return what ours must be where these differences explain it."""
    question = step.question
    for difference in together:
        question = difference.amended(question, step)
    outcome = step.opinion.ask(question)
    for difference in together:
        outcome = difference.corrected(outcome, step)
    return outcome


# --- The table -------------------------------------------------------------------------------

CLIENT = "tests/test_client.py"
DOCUMENT = "tests/dialects/vwo/test_document.py"
SEGMENTS = "tests/dialects/vwo/test_segments.py"
STEPS = "tests/engine/test_steps.py"

# Questions are amended in this order: a leaf is judged as the other differences leave it.
DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="track(None) looks at running campaigns only",
        reason="VWO discards what it hears of a paused campaign, so it is not tracked.",
        held_by=f"{CLIENT}::test_the_campaigns_that_are_meant",
        applies=circumstances.is_paused_in_track_all,
        amended=rephrasing.on(amendments.without_paused),
    ),
    Difference(
        name="a campaign whose group is missing counts as ungrouped",
        reason="The official SDK crashes. Its campaign runs, and loading reports the loss.",
        held_by=f"{STEPS}::test_a_campaign_whose_group_is_missing_counts_as_ungrouped",
        applies=circumstances.is_in_lost_group,
        amended=rephrasing.on(amendments.without_lost_groups),
    ),
    Difference(
        name="what is no key is left out of a list of campaigns",
        reason="The official SDK dies of what has no hash, and answers False.",
        held_by=f"{CLIENT}::test_the_campaigns_that_are_meant",
        applies=circumstances.has_odd_keys,
        amended=rephrasing.without_odd_keys,
    ),
    Difference(
        name="a key in a list means the first running campaign, too",
        reason="It does everywhere else.",
        held_by="tests/engine/test_conversions.py::test_of_two_campaigns_with_a_key_the_first_is_meant",
        applies=circumstances.has_namesakes,
        amended=rephrasing.surviving,
    ),
    Difference(
        name="no variation, no winner: an answer, not a crash",
        reason="The official SDK dies on weights, groups and traffic that leave a visitor out; its "
        "track then answers False and forgets the campaigns after that one.",
        held_by=f"{STEPS}::test_weights_below_100_leave_visitors_outside",
        applies=circumstances.may_crash,
        amended=rephrasing.surviving,
    ),
    Difference(
        name="is_feature_enabled answers a bool",
        reason="A flag that is neither on nor off is off.",
        held_by=f"{CLIENT}::test_a_feature_that_does_not_say_whether_it_is_on_is_off",
        applies=circumstances.is_undecided,
        corrected=rephrasing.with_bool,
    ),
    Difference(
        name="a new variation for a gone one is announced",
        reason="Without the visit its conversions would count for no visitor.",
        held_by=f"{CLIENT}::test_a_gone_variation_is_replaced_and_the_new_one_announced",
        applies=circumstances.is_of_lost_variation,
        corrected=rephrasing.with_announcements,
    ),
    Difference(
        name="a revenue must read as a finite number",
        reason="VWO cannot add up anything else.",
        held_by=f"{CLIENT}::test_a_revenue_that_is_no_finite_number_is_refused_with_a_reason",
        applies=circumstances.is_refused_revenue,
        amended=rephrasing.without_revenue,
    ),
    Difference(
        name="event properties must be a dict",
        reason="The official SDK stores the goal and then fails to send it.",
        held_by=f"{CLIENT}::test_a_wrong_argument_has_a_safe_answer_and_a_logged_reason",
        applies=circumstances.has_odd_properties,
        corrected=rephrasing.refused,
    ),
    Difference(
        name="a user id must be text that can be hashed",
        reason="The official SDK dies of a lone surrogate; its track then answers False.",
        held_by=f"{CLIENT}::test_a_wrong_argument_has_a_safe_answer_and_a_logged_reason",
        applies=circumstances.is_unhashable,
        corrected=rephrasing.refused,
    ),
    Difference(
        name="lists of users may hold hashed ids",
        reason="The official SDK for Python does not know `isUserListEnabled`.",
        held_by=f"{STEPS}::test_hashed_user_lists_hold_visitor_keys",
        applies=circumstances.has_hashed_lists,
        amended=rephrasing.with_open_lists,
    ),
    Difference(
        name="a segment nested deeper than 100 levels is false",
        reason="It could exhaust the stack of a request.",
        held_by=f"{SEGMENTS}::test_what_nests_too_deeply_is_false_and_reported",
        applies=circumstances.has_deep_segment,
        amended=rephrasing.on(rephrasing.without_depths),
    ),
    Difference(
        name="a regular expression whose work cannot be bounded is false",
        reason="Atomic groups and possessive repeats are not taken: Python's own fail on some.",
        held_by="tests/dialects/vwo/test_patterns.py::test_what_cannot_be_searched_safely_is_refused",
        applies=circumstances.has_refused_pattern,
        amended=rephrasing.on(rephrasing.without_refused_patterns),
    ),
    Difference(
        name="a leaf that cannot be evaluated is false by itself",
        reason="One bad operand must not shut a whole segment.",
        held_by=f"{SEGMENTS}::test_the_opposite_of_what_cannot_be_evaluated_is_true",
        applies=circumstances.has_leaf,
        amended=rephrasing.with_false_leaves,
    ),
    Difference(
        name="ids of campaigns may be text",
        reason="The schema admits them; the official SDK dies when it sends, and groups miss them.",
        held_by=f"{STEPS}::test_ids_are_the_same_as_text_or_number",
        applies=circumstances.has_text_ids,
        amended=rephrasing.on(amendments.with_numeric_ids),
    ),
    Difference(
        name="a goal without identifier or id is no goal",
        reason="The official SDK dies of it, or announces a visit in place of a conversion.",
        held_by=f"{DOCUMENT}::test_goals_that_cannot_be_reached_are_reported",
        applies=circumstances.has_odd_goals,
        amended=rephrasing.on(amendments.with_sound_goals),
    ),
    Difference(
        name="the identifier of a goal may contain _vwo_",
        reason="The official SDK joins reached goals with it, and then reads several.",
        held_by=f"{CLIENT}::test_goals_count_apart_from_each_other",
        applies=circumstances.is_goal_of_many,
        amended=rephrasing.with_plain_goal,
        corrected=rephrasing.with_whole_goal,
    ),
)
