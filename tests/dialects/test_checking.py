"""Many objects are held against a shape at once; what is wrong is the same as one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.dialects.checking import (
    ANYTHING,
    TEXT,
    Checks,
    Field,
    Rule,
    are_of,
    are_shaped,
    is_encodable,
    objects,
    text,
)
from django_vwo.engine.errors import DocumentError

LEAF = (text("id"), Field(key="value", rules=ANYTHING))
SHAPE = (
    text("key"),
    Field(key="number", rules=(Rule("a number", are_of(int, float)),), is_optional=True),
    objects("leaves", LEAF, is_optional=True),
    Field(key="texts", rules=(Rule("an object", are_of(dict)),), each=TEXT, is_optional=True),
)
SCALARS = st.sampled_from([None, True, 5, 0.5, "x", "\ud800", [], {}])
LEAVES = st.dictionaries(st.sampled_from(["id", "value"]), SCALARS)
OWNERS = st.fixed_dictionaries(
    {},
    optional={
        "key": SCALARS,
        "number": SCALARS,
        "leaves": SCALARS | st.lists(LEAVES, max_size=3),
        "texts": SCALARS | st.dictionaries(st.sampled_from(["a", "b"]), SCALARS),
    },
)
RIGHT: dict[str, Any] = {"key": "x", "leaves": [{"id": "1", "value": None}], "texts": {"a": "x"}}


def refusal(owner: Any) -> str | None:
    checks = Checks("test")
    try:
        for field in SHAPE:
            checks.field(owner, field)
    except DocumentError as error:
        return str(error)
    return None


@given(st.lists(OWNERS | st.just(RIGHT), max_size=4))
def test_all_at_once_are_right_exactly_if_each_is(owners: list[Any]) -> None:
    assert are_shaped(owners, SHAPE) is all(refusal(owner) is None for owner in owners)


def test_the_first_that_is_wrong_is_told() -> None:
    leaves = [{"id": "1", "value": 5}, {"id": 1, "value": 5}, {"id": 2}]
    assert refusal({**RIGHT, "leaves": leaves}) == "test: leaves[1].id is 1; expected a string."
    assert refusal({**RIGHT, "leaves": [{"id": "1"}]}) == (
        "test: leaves[0].value is missing; expected any value."
    )
    assert refusal({**RIGHT, "texts": {"a": "x", "b": 5}}) == (
        "test: texts.b is 5; expected a string."
    )


class Text(str):
    """A string of a type of its own."""


def test_types_of_ones_own_count_as_what_they_are() -> None:
    assert are_of(str)(["x", Text("y")])
    assert not are_of(int)([5, True])
    assert are_of(int, bool)([5, True])


@pytest.mark.parametrize(("found", "expected"), [("a", True), ("ä€", True), ("a\ud800", False)])
def test_encodable(found: str, expected: bool) -> None:
    assert is_encodable(found) is expected
