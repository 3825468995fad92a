"""VWO's segments: operands next to the official SDK's answers, shapes, and hostile values."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.dialects.vwo.segments import MAX_DEPTH, SegmentReader, parse_segment
from django_vwo.engine.segments import Broken, Guarded, Never
from tests.answers import OPERANDS
from tests.builders import custom

YES = custom("plan", "gold")
NO = custom("plan", "silver")
GOLD = {"plan": "gold"}


def met(node: Any, facts: Any = GOLD) -> bool:
    """Return whether *facts* meet the segment that *node* describes."""
    return parse_segment(node, "segments", lambda path, message: None).evaluate(facts) is True


def reports(node: Any) -> list[str]:
    """Return what is reported of *node*."""
    found: list[str] = []
    parse_segment(node, "segments", lambda path, message: found.append(f"{path}: {message}"))
    return found


# --- Operands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("operand", OPERANDS["operands"])
def test_operands_compare_as_in_the_official_sdk(operand: str) -> None:
    answers = zip(OPERANDS["values"], OPERANDS["operands"][operand], strict=True)

    # Where the official SDK gave up on the whole segment, the leaf alone is false here.
    wrong = [
        value for value, mark in answers if met(custom("v", operand), {"v": value}) != (mark == "1")
    ]

    assert wrong == []


def test_the_vectors_hold_each_answer() -> None:
    marks = "".join(OPERANDS["operands"].values())

    assert min(marks.count(mark) for mark in "01x") > 100


@pytest.mark.parametrize(
    ("operand", "value", "is_equal"),
    [
        ("gold", "gold", True),
        ("gold", "Gold", False),
        ("gold", "gold ", False),
        ("12", Decimal("12.00"), True),
        ("12.0", 12, True),
        ("true", True, True),
        ("false", False, True),
        ("True", True, False),
        ("1", True, False),
        ("gold", None, False),
        ("", "", False),
        ("None", None, False),
        ("12345678901234567890", "12345678901234567891", True),
        ("gte(12.5)", Decimal("12.50"), True),
        ("regex(12.0)", 12, True),
        ("regex(^12$)", "12.0", False),
        ("regex(12)", "012", True),
        ("contains(2)", "12.0", True),
        ("contains(.)", "12.0", True),
        ("contains(2.0)", "12.0", True),
        ("wildcard(*.5)", "12.5", False),  # compared as 0.5 and 12.5
    ],
)
def test_comparisons(operand: str, value: Any, is_equal: bool) -> None:
    assert met(custom("v", operand), {"v": value}) is is_equal


@pytest.mark.parametrize(("found", "operand"), [("startswith", "ld"), ("endswith", "go")])
def test_two_operators_are_the_wrong_way_round(found: str, operand: str) -> None:
    assert met(custom("plan", f"{found}({operand})"))
    assert not met(custom("plan", f"{found}({operand[::-1]})"))


@pytest.mark.parametrize(
    ("operand", "value"), [("gt(5)", "abc"), ("gt(abc)", 5), ("gt(5)", "inf"), ("regex(()", "x")]
)
def test_the_opposite_of_what_cannot_be_evaluated_is_true(operand: str, value: Any) -> None:
    assert not met(custom("v", operand), {"v": value})
    assert met({"not": custom("v", operand)}, {"v": value})


@pytest.mark.parametrize("operand", [5, 5.0, None, True, ["gold"], {}, {"a": 1}], ids=repr)
def test_an_operand_that_is_no_text_makes_its_leaf_false(operand: Any) -> None:
    assert not met(custom("plan", operand))
    assert met({"not": custom("plan", operand)})
    assert reports(custom("plan", operand)) == [
        "segments.custom_variable.plan: has an operand that is no text: nobody meets it"
    ]


def test_an_invalid_pattern_is_false_and_reported() -> None:
    assert not met(custom("plan", "regex(()"))
    assert reports(custom("plan", "regex(()"))[0].startswith(
        "segments.custom_variable.plan: cannot be evaluated (the regular expression '(' is refused"
    )


@pytest.mark.parametrize("facts", [{}, {"plan": None}, {"plan": ""}, {"Plan": "gold"}], ids=str)
@pytest.mark.parametrize("operand", ["regex(.*)", "contains()", "wildcard(*)", "", "lt(5)", "gold"])
def test_a_missing_variable_meets_no_leaf(facts: dict[str, Any], operand: str) -> None:
    assert not met(custom("plan", operand), facts)
    assert met({"not": custom("plan", operand)}, facts)


# --- Lists of users ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "user_id", "is_listed"),
    [
        ("Bob", "Bob", True),
        ("Ann, Bob ,Eve", "Bob", True),
        ("Ann,\n Bob\t", "Bob", True),
        ("Bob", "bob", False),
        ("Bob", " Bob", False),
        (" Bob ", " Bob ", False),
        ("Bobby", "Bob", False),
        ("5", 5, False),
        ("", "", True),
        ("", "Bob", False),
        ("Ann,,Eve", "", True),
        ("Bob", None, False),
    ],
)
def test_lists_of_users(listed: str, user_id: Any, is_listed: bool) -> None:
    assert met({"user": listed}, {"_vwo_user_id": user_id}) is is_listed


def test_a_list_of_users_looks_at_nothing_but_its_variable() -> None:
    assert not met({"user": "Bob"}, {"user": "Bob"})
    assert met({"not": {"user": "Bob"}}, {})


@pytest.mark.parametrize("listed", [5, None, ["Bob"], {"Bob": 1}, True], ids=repr)
def test_a_list_of_users_that_is_no_text_is_false(listed: Any) -> None:
    facts = {"_vwo_user_id": "Bob"}

    assert not met({"user": listed}, facts)
    assert met({"not": {"user": listed}}, facts)
    assert reports({"user": listed}) == ["segments.user: is no text of user ids: nobody meets it"]


# --- Shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "is_true"),
    [
        ({"and": []}, True),
        ({"and": {}}, True),
        ({"and": ""}, True),
        ({"or": []}, False),
        ({"or": {}}, False),
        ({"or": ""}, False),
        ({"not": {"or": {}}}, True),
        ({"and": [YES, YES]}, True),
        ({"and": [YES, NO]}, False),
        ({"or": [NO, YES]}, True),
        ({"or": [NO, NO]}, False),
        ({"not": NO}, True),
        ({"not": YES}, False),
        ({"and": [{"or": [NO, YES]}, {"not": {"and": [YES, NO]}}]}, True),
        # Of several keys only the first counts.
        ({"and": [], "or": []}, True),
        ({"or": [], "and": []}, False),
        ({"custom_variable": {"plan": "gold", "other": "x"}}, True),
        ({"custom_variable": {"other": "x", "plan": "gold"}}, False),
    ],
    ids=str,
)
def test_shapes(node: Any, is_true: bool) -> None:
    assert met(node) is is_true
    assert reports(node) == []


@pytest.mark.parametrize("name", ["zzz", "AND", "Custom_Variable", "", "__class__"])
def test_an_unknown_operator_is_false_and_its_opposite_true(name: str) -> None:
    assert not met({name: [YES]})
    assert met({"not": {name: [YES]}})
    assert isinstance(parse_segment({name: 1}, "", lambda *_: None), Never)
    assert reports({"not": {name: 1}}) == [
        f"segments.not.{name}: is an unknown operator: nobody meets it"
    ]


BROKEN = [
    *({}, [], None, "x", 5, True, [YES]),
    *({"and": {"a": 1}}, {"and": "abc"}, {"and": 5}, {"and": None}, {"or": YES}, {"or": False}),
    *({"custom_variable": {}}, {"custom_variable": "x"}, {"custom_variable": None}),
    *({"custom_variable": [["x"]]}, {"custom_variable": []}),
]


@pytest.mark.parametrize("node", BROKEN, ids=str)
def test_a_node_of_the_wrong_shape_makes_the_tree_false_if_it_is_reached(node: Any) -> None:
    segment = parse_segment(node, "", lambda *_: None)
    assert isinstance(segment, Guarded)
    assert isinstance(segment.tree, Broken)
    assert not met(node)
    assert not met({"not": node})
    assert not met({"or": [node, YES]})
    assert not met({"not": {"and": [YES, node]}})
    assert met({"or": [YES, node]})
    assert met({"not": {"and": [NO, node]}})
    assert len(reports({"or": [YES, node]})) == 1
    assert "the whole segment is false when it is reached" in reports({"or": [YES, node]})[0]


def test_only_a_tree_with_a_broken_part_is_guarded() -> None:
    reader = SegmentReader(lambda path, message: None)
    trees = [reader.read(node, "segments") for node in (YES, {"or": [YES, {}]}, YES)]
    assert [isinstance(tree, Guarded) for tree in trees] == [False, True, False]


def test_reports_name_the_place() -> None:
    node = {"and": [YES, {"or": [{"not": {"custom_variable": 5}}]}]}

    assert reports(node) == [
        "segments.and[1].or[0].not.custom_variable: names no variable; the whole segment is false "
        "when it is reached"
    ]


def nested(operator: str, depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {operator: inner if operator == "not" else [inner]}
    return inner


@pytest.mark.parametrize("operator", ["and", "or", "not"])
@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 50_000])
def test_what_nests_too_deeply_is_false_and_reported(operator: str, depth: int) -> None:
    node = nested(operator, depth, YES)

    assert met(node) is (depth == MAX_DEPTH)
    assert len(reports(node)) == (depth > MAX_DEPTH)
    while isinstance(node, dict) and operator in node:  # its end would be as deep
        node = node.pop(operator) if operator == "not" else node.pop(operator).pop()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(
            st.sampled_from(["and", "or", "not", "custom_variable", "user", "plan", "zzz"]),
            parts,
            max_size=2,
        )
    ),
    max_leaves=20,
)


@given(anything, st.dictionaries(st.sampled_from(["plan", "zzz", "_vwo_user_id"]), anything))
def test_no_tree_and_no_facts_are_an_error(node: Any, facts: dict[str, Any]) -> None:
    assert met(node, facts) in (True, False)


# --- Hostile values ----------------------------------------------------------------------------


class Unspeakable:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Endless:
    """Has a text that never ends."""

    def __str__(self) -> str:
        return str(self)


class Silent:
    """Has a text that is none."""

    def __str__(self) -> str:
        return None  # type: ignore[return-value]


MANY = ["gold", "gt(5)", "lower(x)", "regex(^x)", "wildcard(*x*)", "contains(x)", "12"]


@pytest.mark.parametrize("value", [Unspeakable(), Endless(), Silent(), 10**5000], ids=type)
@pytest.mark.parametrize("operand", MANY)
def test_a_value_without_a_text_meets_nothing(operand: str, value: Any) -> None:
    assert not met(custom("plan", operand), {"plan": value})
    assert met({"not": custom("plan", operand)}, {"plan": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "nan", "-inf", "1e999"], ids=str)
@pytest.mark.parametrize("operand", ["gt(5)", "lte(5)", "12", "regex(1)", "contains(1)", "nan"])
def test_what_is_not_finite_meets_no_number(operand: str, value: Any) -> None:
    assert not met(custom("plan", operand), {"plan": value})


@pytest.mark.parametrize("character", ["a", "1", " ", "_", "é", "\0", "\ud800"], ids=ascii)
@pytest.mark.parametrize("operand", [*MANY, "regex((a+)+$)", "regex((1|1)*x)", "equals(1e5)"])
def test_a_megabyte_does_not_stall(operand: str, character: str) -> None:
    facts = {"plan": character * 2**20}
    segment = parse_segment(custom("plan", operand), "", lambda *_: None)

    start = time.thread_time()
    segment.evaluate(facts)

    assert time.thread_time() - start < 2, "what stalls takes minutes"


def test_facts_are_read_and_not_changed() -> None:
    facts = {"plan": [1, 2]}

    met({"and": [custom("plan", "x"), {"user": "x"}]}, facts)

    assert facts == {"plan": [1, 2]}
