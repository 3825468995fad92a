"""VWO's segments: from the document's one-key objects to a tree that can be evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import field
from operator import contains, eq, ge, gt, le, lt
from typing import Any

from ...engine.entities import Facts, Segment
from ...engine.segments import All, AnyOf, Broken, Guarded, Never, Not
from ...engine.values import unchanging
from ..paths import Path, path_text
from .patterns import compile_pattern

USER_ID = "_vwo_user_id"
"""The variable under which a `user` leaf finds the visitor's id."""

MAX_DEPTH = 100
"""Deeper trees are not evaluated: they could exhaust a request's stack."""

Report = Callable[[str, str], None]
"""Takes a path in the document and what is wrong there."""

Test = Callable[[str, str], bool]
"""Takes the visitor's text and the operand's."""

EXACT = 2**53
"""Whole numbers below are the same as floats."""

OPERAND = re.compile(r"([a-z]+)\((.*)\)")


def parse_segment(node: Any, path: str, report: Report) -> Segment:
    """Return the tree that *node* describes; what is wrong with it is reported, not raised."""
    return SegmentReader(report).read(node, path)


class SegmentReader:
    """Reads the segments of one document, which share their leaves where these are equal."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.leaves: dict[tuple[str, str], Segment] = {}
        self.is_broken = False
        """Whether the tree that is being read has a part that is no condition."""

    def read(self, node: Any, path: Path) -> Segment:
        """Return the tree that *node* describes."""
        self.is_broken = False
        tree = self.read_part(node, path, 0)
        return Guarded(tree) if self.is_broken else tree

    def read_part(self, node: Any, path: Path, depth: int) -> Segment:
        if not isinstance(node, dict) or not node:
            return self.broken(path, "is no condition: an object with one key was expected")
        if depth > MAX_DEPTH:
            return self.broken(path, f"is nested more than {MAX_DEPTH} levels deep")
        operator, value = next(iter(node.items()))
        match operator:
            case "custom_variable":
                return self.read_custom_variable(value, path)
            case "and" | "or":
                return self.read_list(operator, value, (path, operator), depth + 1)
            case "not":
                return Not(self.read_part(value, (path, operator), depth + 1))
            case "user":
                return self.read_user_list(value, path)
        self.tell((path, operator), "is an unknown operator: nobody meets it")
        return Never(f"unknown operator {operator!r}")

    def read_list(self, operator: str, value: Any, path: Path, depth: int) -> Segment:
        if not isinstance(value, list) and value not in ({}, ""):
            return self.broken(path, "is no list of conditions")
        parts = tuple(
            [self.read_part(part, (path, index), depth) for index, part in enumerate(value)]
        )
        if len(parts) == 1:
            return parts[0]  # as most lists are that VWO writes
        return All(parts) if operator == "and" else AnyOf(parts)

    def read_user_list(self, value: Any, path: Path) -> Segment:
        if not isinstance(value, str):
            self.tell((path, "user"), "is no text of user ids: nobody meets it")
            return Never("a list of users that is no text")
        return UserList(frozenset([part.strip() for part in value.split(",")]))

    def read_custom_variable(self, value: Any, path: Path) -> Segment:
        if not isinstance(value, dict) or not value:
            return self.broken((path, "custom_variable"), "names no variable")
        name, operand = next(iter(value.items()))
        if not isinstance(operand, str):
            where = (path, "custom_variable"), name
            self.tell(where, "has an operand that is no text: nobody meets it")
            return Never(f"{name}: an operand that is no text")
        leaf = self.leaves.get((name, operand))
        if leaf is not None:
            return leaf
        try:
            return self.leaves.setdefault((name, operand), parse_operand(name, operand))
        except ValueError as error:
            where = (path, "custom_variable"), name
            self.tell(where, f"cannot be evaluated ({error}): nobody meets it")
            return Never(f"{name}: {operand} ({error})")

    def broken(self, path: Path, message: str) -> Broken:
        self.is_broken = True
        self.tell(path, f"{message}; the whole segment is false when it is reached")
        return Broken(message)

    def tell(self, path: Path, message: str) -> None:
        self.report(path_text(path), message)


def parse_operand(name: str, operand: str) -> Segment:
    """
    Return the leaf that compares the variable *name* as *operand* says.

    Raises `ValueError` for a regular expression that is invalid or could stall a request.
    """
    found = OPERAND.match(operand)
    operator, text = (found[1], found[2]) if found else ("", operand)
    if operator in NUMERIC_TESTS:
        return NumericComparison(name, operand, NUMERIC_TESTS[operator], value_number(text))
    if operator == "regex":
        return pattern_leaf(name, operand, text)
    if operator == "wildcard":
        test, text = wildcard(text)
    elif operator in TESTS:
        test = TESTS[operator]
    else:
        test, text = eq, operand
    return TextComparison(name, operand, test, text, read_number(text))


def wildcard(text: str) -> tuple[Test, str]:
    """Return the test that the stars around *text* ask for, and the text without them."""
    if len(text) > 2 and text[0] == text[-1] == "*":
        return contains, text[1:-1]
    if len(text) > 1 and text[0] == "*":
        return str.endswith, text[1:]
    if len(text) > 1 and text[-1] == "*":
        return str.startswith, text[:-1]
    return eq, text


def pattern_leaf(name: str, operand: str, text: str) -> Segment:
    pattern = compile_pattern(text)
    number = read_number(text)
    for_numbers = pattern
    if number is not None and math.isfinite(number):
        for_numbers = compile_pattern(number_text(number))

    def search(value: str, pattern_text: str) -> bool:
        return (pattern if pattern_text is text else for_numbers).search(value)

    return TextComparison(name, operand, search, text, number)


def equals_ignoring_case(value: str, text: str) -> bool:
    return value.lower() == text.lower()


# Python's own, where it has one: to call a function written in Python takes twice as long.
TESTS: dict[str, Test] = {
    "equals": eq,
    "lower": equals_ignoring_case,
    "contains": contains,
    # The wrong way round in every VWO SDK.
    "startswith": str.endswith,
    "endswith": str.startswith,
}
NUMERIC_TESTS: dict[str, Callable[[float, float], bool]] = {
    "gt": gt,
    "gte": ge,
    "lt": lt,
    "lte": le,
    "greaterthan": gt,
    "greaterthanequalto": ge,
    "lessthan": lt,
    "lessthanequalto": le,
}


def read_number(text: str) -> float | None:
    """
    Return *text* as a number, or None if it reads as none.

    >>> read_number(" 1_000 "), read_number("1e400"), read_number("12,5")
    (1000.0, inf, None)
    """
    try:
        return float(text)
    except ValueError:
        return None


def number_text(number: float) -> str:
    """
    Return the form in which numbers are compared as text.

    >>> number_text(12.0), number_text(1e3), number_text(0.5)
    ('12', '1000', '0.5')
    """
    return str(int(number)) if number.is_integer() else str(number)


def value_text(value: object) -> str | None:
    """Return a visitor's variable as text, or None where it is missing or has no text."""
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return str(value) or None
    except Exception:  # whatever the site's own object does, the leaf is false
        return None


def value_number(value: object) -> float | None:
    """Return a visitor's variable as a number, or None where it reads as none, or is infinite."""
    text = value_text(value)
    number = None if text is None else read_number(text)
    return number if number is not None and math.isfinite(number) else None


@unchanging()
class TextComparison:
    """A variable compared as text, or, where both sides read as numbers, in their one form."""

    name: str
    operand: str
    test: Test = field(compare=False)
    text: str
    number: float | None = field(compare=False)

    def evaluate(self, facts: Facts) -> bool:
        value = facts.get(self.name)
        if not isinstance(value, str):
            value = value_text(value)
        if not value:
            return False
        if self.number is None:
            return self.test(value, self.text)
        number = read_number(value)
        if number is None:
            return self.test(value, self.text)
        if not (math.isfinite(number) and math.isfinite(self.number)):
            return False
        return self.test(number_text(number), number_text(self.number))

    def __str__(self) -> str:
        return f"{self.name}: {self.operand}"


@unchanging()
class NumericComparison:
    """A variable compared as a number; false if either side is none, or is not finite."""

    name: str
    operand: str
    test: Callable[[float, float], bool]
    number: float | None = field(compare=False)

    def evaluate(self, facts: Facts) -> bool:
        if self.number is None:
            return False
        value = facts.get(self.name)
        if (type(value) is int or type(value) is float) and -EXACT < value < EXACT:
            return self.test(value, self.number)  # what most are, without a call
        number = value_number(value)
        return number is not None and self.test(number, self.number)

    def __str__(self) -> str:
        return f"{self.name}: {self.operand}"


@unchanging()
class UserList:
    """The visitor is one of those listed."""

    user_ids: frozenset[str]

    def evaluate(self, facts: Facts) -> bool:
        user_id = facts.get(USER_ID)
        return isinstance(user_id, str) and user_id in self.user_ids

    def __str__(self) -> str:
        return f"one of {len(self.user_ids)} listed users"
