"""Where a deliberate difference may show."""

from __future__ import annotations

from typing import Any

from .generated import all_experiments
from .generated_audiences import is_json
from .questions import Step


def has_died(step: Step) -> bool:
    """Return whether an exception left the SDK."""
    return step.official.error is not None


def has_odd_user(step: Step) -> bool:
    """Return whether the user id is refused here."""
    user_id = step.question.user_id
    return not (isinstance(user_id, str) and user_id and can_be_sent(user_id))


def can_be_sent(text: str) -> bool:
    """Return whether *text* has an encoding: a lone surrogate has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_track(step: Step) -> bool:
    return step.question.call.method == "track"


def has_huge_value(step: Step) -> bool:
    """Return whether the tag `value` is an integer that no float can hold."""
    tags = step.question.tags
    value = tags.get("value") if isinstance(tags, dict) else None
    if not isinstance(value, int):
        return False
    try:
        float(value)
    except OverflowError:
        return True
    return False


def has_false_tags(step: Step) -> bool:
    """Return whether there are tags that are no mapping, and false."""
    tags = step.question.tags
    return tags is not None and not tags and not isinstance(tags, dict)


def has_false_attributes(step: Step) -> bool:
    """Return whether a context is asked for with attributes that are no mapping, and false."""
    told = step.question.attributes
    is_false = told is not None and not told and not isinstance(told, dict)
    return is_false and step.question.call.method == "decide"


def has_what_json_lacks(step: Step) -> bool:
    """Return whether JSON has no word for something that is told."""
    question = step.question
    return not is_json([question.tags, question.attributes])


def has_odd_attributes(step: Step) -> bool:
    """Return whether there are attributes that are no mapping."""
    attributes = step.question.attributes
    return bool(attributes) and not isinstance(attributes, dict)


def has_odd_names(step: Step) -> bool:
    """Return whether an attribute's name is no text."""
    attributes = step.question.attributes
    return isinstance(attributes, dict) and not all(isinstance(name, str) for name in attributes)


def has_empty_key(step: Step) -> bool:
    """Return whether what is asked for has an empty key."""
    question = step.question
    return "" in question.call.args[: question.places[0]]


def is_elsewhere_forced(step: Step) -> bool:
    """Return whether a variation was forced before, on one side only."""
    return step.question.is_elsewhere_forced


def has_namesakes(step: Step) -> bool:
    """Return whether experiments share a key."""
    keys = [each["key"] for each in all_experiments(step.question.document)]
    return len(keys) != len(set(keys))


def has_blank_key(step: Step) -> bool:
    """Return whether an experiment has a key of blanks."""
    keys = [each["key"] for each in all_experiments(step.question.document)]
    return len({key for key in keys if is_blank(key)}) == 1


def is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def has_odd_key(step: Step) -> bool:
    """Return whether a key cannot be hashed."""
    return any(isinstance(each, list | dict) for each in keys_of(step))


def keys_of(step: Step) -> tuple[Any, ...]:
    """Return the keys that the call names."""
    question = step.question
    user_place = question.places[0]
    keys = question.call.args[:user_place]
    if question.call.method == "set_forced_variation":
        keys = (*keys, question.argument(2))
    return keys


def has_odd_profile(step: Step) -> bool:
    """Return whether the user has a profile with a map that is not quite one."""
    profile = profile_of(step)
    stored = profile.get(STORED, {})
    return not isinstance(stored, dict) or not all(is_sound(each, step) for each in stored.values())


def profile_of(step: Step) -> dict[str, Any]:
    """Return the profile of the user before the step, empty if it is none."""
    found = (step.question.profiles or {}).get(hashable(step.question.user_id))
    return found if isinstance(found, dict) else {}


STORED = "experiment_bucket_map"


def is_sound(entry: Any, step: Step) -> bool:
    """Return whether the SDK takes *entry* of a profile for one."""
    return isinstance(entry, dict) and (step.generation.is_today or "variation_id" in entry)


def is_on_truthy(step: Step) -> bool:
    """Return whether a feature is decided on where a variation is truthy, but not true."""
    states = [
        arm.get("featureEnabled")
        for each in all_experiments(step.question.document)
        for arm in each["variations"]
    ]
    is_truthy = any(state and state is not True for state in states)
    return is_truthy and step.question.call.method == "decide"


def is_false_variation(step: Step) -> bool:
    """Return whether a variation is forced that is false, but not `None`."""
    question = step.question
    variation = question.argument(2)
    is_forcing = question.call.method == "set_forced_variation"
    return is_forcing and variation is not None and not variation


def hashable(value: Any) -> Any:
    """Return *value*, `None` for what has no hash."""
    return value if isinstance(value, str) else None
