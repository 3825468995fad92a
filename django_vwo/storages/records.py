"""The records that VWO's own SDKs keep in a site's `UserStorage`: one per visitor and campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.entities import Assignment

Record = Mapping[str, Any]

SEPARATOR = "_vwo_"
"""Stands between the goals of a record."""
GOALS = ("goalIdentifiers", "goalIdentifier", "goal_identifier")
"""What the goals are called by the SDKs for Python; for Node, PHP and Java; for Ruby."""
NAMELESS = Assignment("")
"""A record that names no variation: the visitor is decided on anew, as if theirs were gone."""


def assignment_in(record: object, key: str) -> Assignment | None:
    """
    Return what *record* says of the campaign *key*: None if there is no record.

    >>> assignment_in({"campaignKey": "a", "variationName": "Control"}, "a").variation
    'Control'
    """
    if not record:
        return None
    if not isinstance(record, Mapping) or record.get("campaignKey") != key:
        return NAMELESS
    name = record.get("variationName")
    return Assignment(name, frozenset(goals_in(record))) if isinstance(name, str) else NAMELESS


def goals_in(record: Record) -> list[str]:
    """Return the goals that *record* names, in whichever SDK's words."""
    texts = [text for spelling in GOALS if isinstance(text := record.get(spelling), str)]
    found = dict.fromkeys(goal for text in texts for goal in text.split(SEPARATOR))
    return list(filter(None, found))


def new_record(user_id: str, key: str, variation: str) -> dict[str, Any]:
    """Return the record of a new assignment."""
    return {"userId": user_id, "campaignKey": key, "variationName": variation}


def with_goal(record: Record, goal_identifier: str) -> dict[str, Any]:
    """Return *record* with one more goal, in the words that it already has, else in Python's."""
    joined = SEPARATOR.join([*goals_in(record), goal_identifier])
    spellings = [spelling for spelling in GOALS if spelling in record] or GOALS[:1]
    return {**record, **dict.fromkeys(spellings, joined)}
