"""What a VWO settings document must look like to be taken at all."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from ..checking import (
    ENCODABLE,
    OBJECT,
    Checks,
    Field,
    Json,
    Rule,
    are_of,
    objects,
    text,
)


def are_lists(values: Collection[Any]) -> bool:
    """Return whether all are lists, or empty objects, as the vendor's empty lists are at times."""
    return ARE_LISTS(values) or all(isinstance(value, list) or value == {} for value in values)


def are_numbers(values: Collection[Any]) -> bool:
    """Return whether all are finite numbers."""
    try:
        return ARE_INT_OR_FLOAT(values) and all(map(math.isfinite, values))
    except OverflowError:
        return False


def are_weights(values: Collection[Any]) -> bool:
    return are_numbers(values) or are_numbers(
        [each for each in values if not isinstance(each, str)]
    )


def are_distinct(values: Collection[Any]) -> bool:
    """Return whether none of the lists has a number twice."""
    return all(len(set(each)) == len(each) for each in values)


ARE_INT_OR_FLOAT = are_of(int, float)
ARE_LISTS = are_of(list)
ID_RULES = (Rule("a number or a string", are_of(int, float, str)), ENCODABLE)
PERCENT = Rule("a number from 0 to 100 (percent of visitors)", are_numbers)
WEIGHT = Rule("a number (percent of the campaign's visitors)", are_weights)
NUMBER = Rule("a number", are_numbers)
NUMBERS = Rule("a list of numbers", are_of(list))
HOW_TO_CHOOSE = Rule("1 (random) or 2 (advanced)", are_numbers)
FLAG = Rule("true or false", are_of(bool))
VALUE = Rule("a number, string, bool or object", are_of(str, bool, int, float, dict))
DISTINCT = Rule("distinct numbers", are_distinct, found="a list with repetitions")
SOME = Rule("a list", are_lists)


def identifier(key: str) -> Field:
    return Field(key=key, rules=ID_RULES)


def optional(key: str, rule: Rule) -> Field:
    return Field(key=key, rules=(rule,), is_optional=True)


def numbers(key: str) -> Field:
    return Field(key=key, rules=(NUMBERS,), each=(NUMBER,), is_optional=True)


VARIABLES = objects(
    "variables",
    (identifier("id"), text("key"), text("type"), Field(key="value", rules=(VALUE,))),
    is_optional=True,
    rule=SOME,
)
VARIATION = (
    identifier("id"),
    text("name"),
    Field(key="weight", rules=(WEIGHT,)),
    optional("isFeatureEnabled", FLAG),
    VARIABLES,
)
CAMPAIGN = (
    identifier("id"),
    text("key"),
    text("status"),
    Field(key="percentTraffic", rules=(PERCENT,)),
    Field(key="goals", rules=(SOME,)),
    objects("variations", VARIATION, rule=SOME),
    text("type", is_optional=True),
    text("name", is_optional=True),
    optional("segments", OBJECT),
    optional("isBucketingSeedEnabled", FLAG),
    VARIABLES,
)
GROUP = (
    text("name", is_optional=True),
    optional("et", HOW_TO_CHOOSE),
    numbers("campaigns"),
    numbers("p"),
    optional("campaigns", DISTINCT),
    Field(key="wt", rules=(OBJECT,), each=(NUMBER,), is_optional=True),
)
CAMPAIGNS = (
    identifier("version"),
    identifier("accountId"),
    objects("campaigns", CAMPAIGN, rule=SOME),
)
GROUPS = objects("groups", GROUP, is_optional=True, rule=OBJECT)
CAMPAIGN_GROUPS = Field(key="campaignGroups", rules=(OBJECT,), each=(NUMBER,), is_optional=True)


def check_document(document: Any, source: str) -> None:
    """
    Raise `DocumentError` unless *document* has all that decisions need, each of its type.

    Keys that are not named here may hold anything, and goals are not looked into.
    """
    Check(source).document(document)


class Check(Checks):
    """The checks of one document; each method takes a value and its path."""

    def document(self, document: Any) -> None:
        self.whole(document)
        self.object(document, CAMPAIGNS)
        for field in (GROUPS, CAMPAIGN_GROUPS):
            self.object(document, (optional(field.key, OBJECT),))
            self.digits(document.get(field.key, {}), field.key)
            self.object(document, (field,))

    def digits(self, owner: Json, path: str) -> None:
        """Check that all keys of *owner* are digits."""
        for key in owner:
            if not (key.isascii() and key.isdigit()):
                raise self.refuse(f"a key of {path}", key, "digits")
