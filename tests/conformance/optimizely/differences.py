"""
Where the project deliberately answers otherwise than Optimizely's SDKs: all of it, in one table.

As in the suite that asks VWO's SDK, a difference says what the SDK would have to be asked instead,
and what of its answer we change; a step is excused if ours is exactly what comes of that. One that
excuses nothing fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations

from . import amendments, circumstances
from .outcomes import Outcome
from .questions import Question, Step

MOST_AT_ONCE = 3
"""Differences that may come together in one step."""
TODAY = ("today",)
MISSION = ("2.1",)
BOTH = MISSION + TODAY


def as_asked(question: Question, step: Step) -> Question:
    return question


def as_answered(outcome: Outcome, step: Step) -> Outcome:
    return outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that is done otherwise on purpose."""

    name: str
    reason: str
    held_by: str
    """The test that pins what we do."""
    applies: Callable[[Step], bool]
    generations: tuple[str, ...] = BOTH
    amended: Callable[[Question, Step], Question] = as_asked
    """What the SDK is asked instead."""
    corrected: Callable[[Outcome, Step], Outcome] = as_answered
    """What we make of its answer."""


def excuses(step: Step) -> tuple[Difference, ...]:
    """Return the fewest differences that explain *step*, none if nothing does."""
    applying = [
        each
        for each in DIFFERENCES
        if step.generation.name in each.generations and each.applies(step)
    ]
    sizes = range(1, min(MOST_AT_ONCE, len(applying)) + 1)
    for together in chain.from_iterable(combinations(applying, size) for size in sizes):
        if step.ours == expected(step, together):
            return together
    return ()


def expected(step: Step, together: tuple[Difference, ...]) -> Outcome:
    """Return what ours must be where these differences explain it."""
    question = step.question
    for difference in together:
        question = difference.amended(question, step)
    outcome = step.ask(question)
    for difference in together:
        outcome = difference.corrected(outcome, step)
    return outcome


# --- The table -------------------------------------------------------------------------------

DOORS = "tests/test_optimizely.py"

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="a user id must be a text that is not empty",
        reason="It is what is hashed, stored and sent; the SDKs take more, each something else.",
        held_by=f"{DOORS}::test_a_user_id_is_text_that_is_not_empty",
        applies=circumstances.has_odd_user,
        corrected=amendments.refused,
    ),
    Difference(
        name="versions that cannot be compared leave a condition unknown",
        reason="The SDK dies where a number meets a text, or what is no number after all.",
        held_by=f"{DOORS}::test_versions_that_cannot_be_compared_are_not_told",
        generations=TODAY,
        applies=circumstances.has_died,
        amended=amendments.without_deadly_versions,
    ),
    Difference(
        name="what an allocation names and the experiment lacks is no variation",
        reason="The SDK dies of it.",
        held_by=f"{DOORS}::test_an_allocation_may_name_what_is_not_there",
        generations=MISSION,
        applies=circumstances.has_died,
        amended=amendments.without_unknown_variations,
    ),
    Difference(
        name="what an event names and the datafile lacks does not count",
        reason="The SDK dies of it, and sends nothing for the experiments that are there.",
        held_by=f"{DOORS}::test_an_event_may_name_what_is_not_there",
        generations=MISSION,
        applies=circumstances.has_died,
        amended=amendments.without_unknown_experiments,
    ),
    Difference(
        name="an audience that the datafile lacks is not met",
        reason="The SDK dies of it.",
        held_by=f"{DOORS}::test_an_audience_that_is_not_there_is_not_met",
        generations=MISSION,
        applies=circumstances.has_died,
        amended=amendments.with_all_audiences,
    ),
    Difference(
        name="an empty list of conditions is not met",
        reason="The SDKs die of it.",
        held_by=f"{DOORS}::test_conditions_that_are_none_are_not_met",
        applies=circumstances.has_died,
        amended=amendments.without_empty_conditions,
    ),
    Difference(
        name="a condition that is no object is unknown",
        reason="The SDK dies of it.",
        held_by=f"{DOORS}::test_conditions_that_are_none_are_not_met",
        generations=TODAY,
        applies=circumstances.has_died,
        amended=amendments.without_odd_leaves,
    ),
    Difference(
        name="a value that no float can be is no value",
        reason="The SDKs die of such an integer, and the conversion is lost.",
        held_by=f"{DOORS}::test_a_value_that_no_float_can_be_loses_no_conversion",
        applies=circumstances.has_huge_value,
        amended=amendments.with_no_value,
        corrected=amendments.with_huge_value,
    ),
    Difference(
        name="event tags must be a mapping",
        reason="The SDK sends what is false and no mapping as it is given.",
        held_by=f"{DOORS}::test_tags_are_a_mapping",
        generations=TODAY,
        applies=circumstances.has_false_tags,
        amended=amendments.without_tags,
    ),
    Difference(
        name="attributes that are false are none",
        reason="Of the SDK's methods, only the one that makes a user context refuses them.",
        held_by=f"{DOORS}::test_attributes_that_are_false_are_none",
        generations=TODAY,
        applies=circumstances.has_false_attributes,
        amended=amendments.without_attributes,
    ),
    Difference(
        name="what JSON has no word for is left out",
        reason="The SDKs send `Infinity`, which no JSON is, or die.",
        held_by=f"{DOORS}::test_what_json_has_no_word_for_is_left_out",
        applies=circumstances.has_what_json_lacks,
        amended=amendments.without_tags_that_json_lacks,
        corrected=amendments.without_what_json_lacks,
    ),
    Difference(
        name="attributes must be a mapping",
        reason="The SDK looks at them when it is too late, and dies.",
        held_by=f"{DOORS}::test_attributes_are_a_mapping",
        generations=MISSION,
        applies=circumstances.has_odd_attributes,
        corrected=amendments.refused,
    ),
    Difference(
        name="an attribute whose name is no text is left out",
        reason="The SDK dies of it when it sends.",
        held_by=f"{DOORS}::test_an_attribute_has_a_name",
        generations=MISSION,
        applies=circumstances.has_odd_names,
        amended=amendments.without_odd_names,
    ),
    Difference(
        name="a key that cannot be hashed is unknown",
        reason="The SDK dies of it.",
        held_by=f"{DOORS}::test_a_key_is_text_that_is_not_empty",
        generations=MISSION,
        applies=circumstances.has_odd_key,
        corrected=amendments.refused,
    ),
    Difference(
        name="an empty key is unknown",
        reason="Most of the SDKs' methods say so; the others take it for a key.",
        held_by=f"{DOORS}::test_a_key_is_text_that_is_not_empty",
        applies=circumstances.has_empty_key,
        corrected=amendments.refused,
    ),
    Difference(
        name="what was refused has not been set",
        reason="The SDKs force a variation in experiments, and on users, that are refused here.",
        held_by=f"{DOORS}::test_what_was_refused_has_not_been_set",
        applies=circumstances.is_elsewhere_forced,
    ),
    Difference(
        name="an experiment has its own variations",
        reason="The SDK looks for forced and stored ones in the last experiment with its key.",
        held_by=f"{DOORS}::test_an_experiment_has_its_own_variations",
        generations=TODAY,
        applies=circumstances.has_namesakes,
        amended=amendments.without_namesakes,
        corrected=amendments.with_namesakes,
    ),
    Difference(
        name="blanks are a key",
        reason="The SDK buckets nobody into such an experiment.",
        held_by=f"{DOORS}::test_blanks_are_a_key",
        generations=TODAY,
        applies=circumstances.has_blank_key,
        amended=amendments.with_unblank_keys,
        corrected=amendments.with_blank_keys,
    ),
    Difference(
        name="an experiment counts once for an event",
        reason="The SDK tells of it as often as the event names it.",
        held_by=f"{DOORS}::test_an_experiment_counts_once_for_an_event",
        generations=MISSION,
        applies=circumstances.is_track,
        amended=amendments.with_each_experiment_once,
    ),
    Difference(
        name="a malformed entry of a profile is left alone",
        reason="Today's SDK dies of it; the older one forgets the whole profile.",
        held_by=f"{DOORS}::test_a_malformed_entry_of_a_profile_is_left_alone",
        applies=circumstances.has_odd_profile,
        amended=amendments.with_sound_profile,
        corrected=amendments.with_odd_entries,
    ),
    Difference(
        name="only `true` enables a feature",
        reason="The SDK's `decide` takes what is truthy for it, its other methods do not.",
        held_by=f"{DOORS}::test_only_true_enables_a_feature",
        generations=TODAY,
        applies=circumstances.is_on_truthy,
        corrected=amendments.without_truthy,
    ),
    Difference(
        name="only `None` takes back a variation that was forced",
        reason="The SDK takes back whatever is given in its place and false.",
        held_by=f"{DOORS}::test_only_none_takes_back_what_was_forced",
        generations=MISSION,
        applies=circumstances.is_false_variation,
        corrected=amendments.refused,
    ),
)
