"""The conditions of which Optimizely's audiences are made, each on one of the user's attributes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import field
from numbers import Integral
from typing import Any

from ...engine.entities import Facts, Segment
from ...engine.errors import shorten
from ...engine.segments import Never
from ...engine.values import unchanging
from .versions import compare, read_version

LARGEST_NUMBER = 2**53
"""Larger numbers, which JavaScript cannot tell apart, are not compared."""

NUMBERS = (int, float)
TYPES = ("custom_attribute", "third_party_dimension")

Test = Callable[[Any], bool | None]
"""Takes the user's value, which may be of any type, and may raise."""


@unchanging()
class Unknown:
    """A condition of which it cannot be told whether anybody meets it."""

    why: str

    def evaluate(self, facts: Facts) -> None:
        return None

    def __str__(self) -> str:
        return self.why


@unchanging()
class Exists:
    """The user has the attribute, with any value but None."""

    name: Any

    def evaluate(self, facts: Facts) -> bool:
        return facts.get(self.name) is not None

    def __str__(self) -> str:
        return f"{self.name}: exists"


@unchanging()
class Comparison:
    """An attribute compared with an operand; unknown where the two cannot be compared."""

    name: Any
    match: str
    operand: Any
    test: Test = field(compare=False, repr=False)

    def evaluate(self, facts: Facts) -> bool | None:
        value = facts.get(self.name)
        if value is None:
            return None
        try:
            return self.test(value)
        except Exception:  # whatever the site's own object does, it cannot be told
            return None

    def __str__(self) -> str:
        return f"{self.name}: {self.match} {self.operand!r}"


@unchanging()
class Equality:
    """An attribute is equal to an operand in Python's sense, as Full Stack 2 has it."""

    name: Any
    operand: Any

    def evaluate(self, facts: Facts) -> bool | None:
        try:
            return bool(facts.get(self.name) == self.operand)
        except Exception:  # whatever the site's own object does, it cannot be told
            return None

    def __str__(self) -> str:
        return f"{self.name}: equals {self.operand!r}"


@unchanging()
class HasAttributes:
    """The user has attributes at all, without which Full Stack 2 looks at no audience."""

    def evaluate(self, facts: Facts) -> bool:
        return len(facts) > 0

    def __str__(self) -> str:
        return "has attributes"


def read_leaf(condition: Mapping[str, Any]) -> Segment:
    """Return the leaf that *condition* describes. Raises `ValueError` if it can never be told."""
    name, kind = condition.get("name"), condition.get("type")
    match, operand = condition.get("match"), condition.get("value")
    if kind not in TYPES:
        raise ValueError(f"the type {shorten(kind)} is unknown")
    match = "exact" if match is None else match
    if not isinstance(match, str) or match not in (*TESTS, "exists", "qualified"):
        raise ValueError(f"the match {shorten(match)} is unknown")
    if match == "qualified":
        return qualified(operand)
    if isinstance(name, list):
        raise ValueError("the name is a list")
    if match == "exists":
        return Exists(name)
    test = TESTS[match](operand)
    if test is None:
        raise ValueError(f"the value is nothing that {match!r} compares")
    return Comparison(name, match, operand, test)


def read_equality(condition: Mapping[str, Any]) -> Segment:
    """Return the leaf that *condition* describes in Full Stack 2. Raises `ValueError`."""
    name = condition.get("name")
    if isinstance(name, list):
        raise ValueError("the name is a list")
    return Equality(name, condition.get("value"))


def qualified(operand: Any) -> Segment:
    if not isinstance(operand, str):
        raise ValueError("the value is no name of a segment")
    return Never(f"qualified for {operand!r} (segments of the data platform are not loaded)")


def is_number(value: object) -> bool:
    """
    Return whether *value* is a number that can be compared.

    >>> is_number(2**53), is_number(2**53 + 1), is_number(float("nan")), is_number(True)
    (True, False, False, False)
    """
    if isinstance(value, NUMBERS):
        return abs(value) <= LARGEST_NUMBER and not isinstance(value, bool)
    return isinstance(value, Integral)


def exact(operand: Any) -> Test | None:
    if isinstance(operand, str):
        return lambda value: bool(operand == value) if isinstance(value, str) else None
    if isinstance(operand, bool):
        return lambda value: operand is value if isinstance(value, bool) else None
    return numeric(equals)(operand)


def equals(value: Any, operand: Any) -> Any:
    # In this order, as it is seen by a value with an `__eq__` of its own.
    return operand == value


def numeric(holds: Callable[[Any, Any], Any]) -> Callable[[Any], Test | None]:
    """Return what makes a test out of an operand: whether a number *holds* against it."""

    def test_of(operand: Any) -> Test | None:
        if not is_number(operand):
            return None
        return lambda value: bool(holds(value, operand)) if is_number(value) else None

    return test_of


def substring(operand: Any) -> Test | None:
    if not isinstance(operand, str):
        return None
    return lambda value: operand in value if isinstance(value, str) else None


def semver(holds: Callable[[int, int], bool]) -> Callable[[Any], Test | None]:
    """Return what makes a test out of a target: whether the order of a version *holds*."""

    def test_of(operand: Any) -> Test | None:
        target = read_version(operand) if isinstance(operand, str) else None
        if target is None:
            return None

        def test(value: Any) -> bool | None:
            version = read_version(value) if isinstance(value, str) else None
            order = None if version is None else compare(version, target)
            return None if order is None else holds(order, 0)

        return test

    return test_of


TESTS: dict[str, Callable[[Any], Test | None]] = {
    "exact": exact,
    "substring": substring,
    "gt": numeric(operator.gt),
    "ge": numeric(operator.ge),
    "lt": numeric(operator.lt),
    "le": numeric(operator.le),
    "semver_eq": semver(operator.eq),
    "semver_gt": semver(operator.gt),
    "semver_ge": semver(operator.ge),
    "semver_lt": semver(operator.lt),
    "semver_le": semver(operator.le),
}
