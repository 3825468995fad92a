"""Optimizely's audiences: next to the official SDKs' answers, shapes, and hostile values."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.dialects.base import FULL_STACK_2, GENERATIONS, TODAY
from django_vwo.dialects.optimizely.segments import (
    MAX_DEPTH,
    read_audiences,
    segment_of,
)
from django_vwo.engine.entities import Segment
from django_vwo.engine.findings import explain
from tests.answers import AUDIENCES

ANSWERS = {"1": True, "0": False, "?": None}


def is_met(segment: Segment | None, facts: Any) -> bool:
    """Return whether *facts* meet *segment*, which is everybody's if None."""
    return segment is None or segment.evaluate(facts) is True


def condition(name: str, value: Any, match: str | None = "exact", **changes: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "match": match, "type": "custom_attribute", **changes}


MET = condition("plan", "gold")
UNMET = condition("plan", "silver")
UNTOLD = condition("absent", "x")
GOLD = {"plan": "gold"}


def audience(conditions: Any, generation: str = TODAY, reports: list[str] | None = None) -> Segment:
    """Return what an audience with the *conditions* asks for."""
    document = {"audiences": [{"id": "1", "conditions": json.dumps(conditions)}]}

    def report(path: str, message: str) -> None:
        if reports is not None:
            reports.append(f"{path}: {message}")

    return read_audiences(document, generation, report)["1"]


def reports_on(conditions: Any, generation: str = TODAY) -> list[str]:
    found: list[str] = []
    audience(conditions, generation, found)
    return found


# --- Leaves ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("match", "operand", "marks"), AUDIENCES["matches"], ids=str)
def test_matches_answer_as_in_the_official_sdk(match: str | None, operand: Any, marks: str) -> None:
    leaf = audience(condition("v", operand, match))

    found = [leaf.evaluate({"v": value}) for value in AUDIENCES["values"]]

    assert found == [ANSWERS[mark] for mark in marks]


@pytest.mark.parametrize(("operand", "marks"), AUDIENCES["equalities"], ids=str)
def test_full_stack_2_compares_as_in_the_official_sdk(operand: Any, marks: str) -> None:
    # Neither the match nor the type is looked at.
    leaf = audience(condition("v", operand, "gt", type="x"), FULL_STACK_2)

    found = [leaf.evaluate({"v": value}) for value in AUDIENCES["values"]]

    assert found == [ANSWERS[mark] for mark in marks]


@pytest.mark.parametrize(
    ("match", "signs"),
    [("eq", "="), ("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")],
)
def test_versions_compare_as_in_the_official_sdk(match: str, signs: str) -> None:
    versions = AUDIENCES["versions"]
    for target, marks in zip(versions, AUDIENCES["orders"], strict=True):
        leaf = audience(condition("v", target, f"semver_{match}"))
        found = [leaf.evaluate({"v": version}) for version in versions]
        # Where the official SDK raises an exception, it cannot be told.
        assert found == [None if mark in "?x" else mark in signs for mark in marks], target


@pytest.mark.parametrize("text", ["9" * 5000, "2-" + "9" * 5000])
def test_very_long_numbers_of_a_version_cannot_be_told(text: str) -> None:
    assert audience(condition("v", text, "semver_ge")).evaluate({"v": text}) is None


def test_the_vectors_hold_each_answer() -> None:
    marks = "".join(row[2] for row in AUDIENCES["matches"])
    orders = "".join(AUDIENCES["orders"])

    assert min(marks.count(mark) for mark in "01?") > 50
    assert min(orders.count(mark) for mark in "<=>?x") > 10


@pytest.mark.parametrize("kind", ["custom_attribute", "third_party_dimension"])
def test_known_types_are_evaluated(kind: str) -> None:
    assert audience({**MET, "type": kind}).evaluate(GOLD) is True


@pytest.mark.parametrize("kind", ["custom_dimension", "", None, 5, ["custom_attribute"], {}])
@pytest.mark.parametrize("match", ["exact", "exists", "qualified"])
def test_other_types_cannot_be_told(kind: Any, match: str) -> None:
    assert audience(condition("plan", "gold", match, type=kind)).evaluate(GOLD) is None
    assert "the type " in reports_on(condition("plan", "gold", match, type=kind))[0]


@pytest.mark.parametrize("match", ["", "EXACT", "regex", 5, True, [], ["exact"], {}])
def test_unknown_matches_cannot_be_told_and_are_reported(match: Any) -> None:
    assert audience({**MET, "match": match}).evaluate(GOLD) is None
    assert reports_on(["or", {**MET, "match": match}])[0].startswith(
        "audiences[0].conditions[1]: cannot be evaluated (the match "
    )


def test_a_missing_match_is_exact() -> None:
    leaf = {key: value for key, value in MET.items() if key != "match"}

    assert audience(leaf).evaluate(GOLD) is True


def test_operands_that_nothing_equals_are_reported() -> None:
    assert reports_on(condition("plan", "5", "gt")) == [
        "audiences[0].conditions: cannot be evaluated (the value is nothing that 'gt' compares): "
        "it cannot be told who meets it"
    ]
    assert reports_on(condition("plan", "2.x", "semver_gt"))
    assert reports_on(condition("plan", 5, "qualified"))
    assert reports_on(condition("plan", "5", "gt"), FULL_STACK_2) == []


@pytest.mark.parametrize("generation", GENERATIONS)
def test_names_that_are_no_text(generation: str) -> None:
    assert audience({**MET, "name": 5}, generation).evaluate({5: "gold"}) is True
    assert audience({**MET, "name": ["plan"]}, generation).evaluate(GOLD) is None
    assert reports_on({**MET, "name": ["plan"]}, generation)


def test_operands_of_full_stack_2_are_pythons() -> None:
    def meets(value: Any, operand: Any) -> bool:
        return is_met(audience(condition("v", operand), FULL_STACK_2), {"v": value, "other": 1})

    assert meets(True, 1)
    assert meets(Decimal(5), 5.0)
    assert meets([1], [1])
    assert meets(None, None)
    assert not meets("5", 5)
    assert is_met(audience({"name": "v"}, FULL_STACK_2), {"other": 1})


# --- Hostile values ----------------------------------------------------------------------------


class Refusing:
    """A value of which nothing may be asked."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("asked")

    __hash__ = None  # type: ignore[assignment]
    __gt__ = __ge__ = __lt__ = __le__ = __repr__ = __eq__  # type: ignore[assignment]


class RefusingText(str):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("asked")

    __hash__ = str.__hash__
    __contains__ = split = __eq__  # type: ignore[assignment]


class RefusingNumber(int):
    def __gt__(self, other: object) -> bool:
        raise RuntimeError("asked")

    __hash__ = int.__hash__
    __ge__ = __lt__ = __le__ = __eq__ = __abs__ = __gt__  # type: ignore[assignment]


class Liar:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("asked")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


class Vague:
    """What it equals is as vague as an array's answer."""

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


HOSTILE: dict[str, Callable[[], Any]] = {
    "refusing": Refusing,
    "refusing text": lambda: RefusingText("gold"),
    "refusing number": lambda: RefusingNumber(5),
    "liar": Liar,
    "vague": Vague,
}
STRANGE: dict[str, Callable[[], Any]] = {
    "huge": lambda: 10**400,
    "nan": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "decimal": lambda: Decimal(5),
    "bytes": lambda: b"gold",
    "tuple": lambda: ("gold",),
    "complex": lambda: 5j,
    "object": object,
    "half a character": lambda: "\ud800",
}
# Made in the test: some of these cannot even be listed.
EACH_HOSTILE = pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
EACH_STRANGE = pytest.mark.parametrize(
    "make", [*HOSTILE.values(), *STRANGE.values()], ids=[*HOSTILE, *STRANGE]
)


@EACH_STRANGE
@pytest.mark.parametrize("generation", GENERATIONS)
def test_no_value_raises_an_exception(generation: str, make: Callable[[], Any]) -> None:
    for match, operand, _ in AUDIENCES["matches"]:
        leaf = audience(condition("v", operand, match), generation)
        assert leaf.evaluate({"v": make()}) in (True, False, None)
        assert explain(leaf, {"v": make()}).title


@EACH_HOSTILE
@pytest.mark.parametrize("operand", ["gold", 5])
def test_values_that_refuse_are_never_met(operand: Any, make: Callable[[], Any]) -> None:
    for match in ("exact", "gt", "le", "substring", "semver_eq"):
        leaf = condition("v", operand, match)
        assert audience(leaf).evaluate({"v": make()}) is None
        assert audience(["not", leaf]).evaluate({"v": make()}) is None


@pytest.mark.parametrize("name", ["refusing", "refusing number", "vague"])
def test_values_that_refuse_are_never_met_in_full_stack_2(name: str) -> None:
    for tree in (condition("v", 5), ["not", condition("v", 5)]):
        assert not is_met(audience(tree, FULL_STACK_2), {"v": HOSTILE[name]()})


def test_numbers_of_other_libraries_are_numbers() -> None:
    class Whole:
        def __init__(self, value: int) -> None:
            self.value = value

        def __gt__(self, other: Any) -> bool:
            return self.value > other

    Integral.register(Whole)

    assert audience(condition("v", 5, "gt")).evaluate({"v": Whole(6)}) is True
    assert audience(condition("v", 5, "gt")).evaluate({"v": Whole(5)}) is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts),
    max_leaves=8,
)
NODES = st.recursive(
    JSON
    | st.builds(
        condition,
        st.sampled_from(["v", "w"]),
        JSON,
        st.sampled_from(
            ["exact", "exists", "gt", "substring", "semver_eq", "qualified", "x", None]
        ),
    ),
    lambda parts: st.lists(st.sampled_from(["and", "or", "not"]) | parts, max_size=4),
    max_leaves=12,
)


@given(NODES, JSON, st.sampled_from(GENERATIONS))
def test_any_tree_is_evaluated(node: Any, value: Any, generation: str) -> None:
    segment = audience(node, generation)

    assert segment.evaluate({"v": value}) in (True, False, None)
    assert list(explain(segment, {"v": value}).lines())


# --- Trees -------------------------------------------------------------------------------------


def filled(tree: Any) -> Any:
    """Return *tree* with conditions in the place of its letters."""
    if isinstance(tree, list):
        return [filled(part) for part in tree]
    return {"y": MET, "n": UNMET, "u": UNTOLD}.get(tree, tree)


@pytest.mark.parametrize(("tree", "today", "earlier"), AUDIENCES["trees"], ids=str)
def test_trees_answer_as_in_the_official_sdks(tree: Any, today: str, earlier: str) -> None:
    if today != "x":
        assert audience(filled(tree)).evaluate(GOLD) is ANSWERS[today]
    if earlier != "x":
        assert is_met(audience(filled(tree), FULL_STACK_2), GOLD) is (earlier == "1")


@pytest.mark.parametrize(
    ("tree", "today", "earlier"),
    [
        # None of these is evaluated by the official SDKs: they raise an exception.
        ([], False, False),
        (["not", []], True, True),
        (None, None, None),
        ("y", None, None),
        (1.5, None, None),
        (7, None, None),
        (["or", None, MET], True, True),
        (["and", MET, "x"], None, None),
        (["not", "x"], None, None),
        (["AND", MET], True, False),
    ],
    ids=str,
)
def test_what_is_no_condition_is_reported(
    tree: Any, today: bool | None, earlier: bool | None
) -> None:
    assert audience(tree).evaluate(GOLD) is today
    assert audience(tree, FULL_STACK_2).evaluate(GOLD) is earlier
    assert reports_on(tree)
    assert reports_on(tree, FULL_STACK_2)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_objects_are_numbered_as_they_close(generation: str) -> None:
    # As in the official SDKs: an operand that is an object is compared as its number, and a number
    # in the place of a condition is that condition.
    assert audience(condition("v", {"a": 1}), generation).evaluate({"v": 0}) is True
    assert audience(["or", 1, MET, UNMET], generation).evaluate({"plan": "silver"}) is True
    assert audience(["or", -1, UNMET, MET], generation).evaluate(GOLD) is True


def nested(operator: str, depth: int, inner: str) -> str:
    return f'["{operator}",' * depth + inner + "]" * depth


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("operator", ["and", "or", "not"])
@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_what_nests_too_deeply_is_unknown_and_reported(
    operator: str, depth: int, generation: str
) -> None:
    found: list[str] = []
    conditions = nested(operator, depth, json.dumps(MET))
    document = {"audiences": [{"id": "1", "conditions": conditions}]}

    segments = read_audiences(document, generation, lambda path, message: found.append(message))

    assert segments["1"].evaluate(GOLD) is (True if depth == MAX_DEPTH else None)
    expected = "is nested more than 100 levels deep: it cannot be told who meets it"
    assert found == ([] if depth == MAX_DEPTH else [expected])


def test_typed_conditions_that_nest_too_deeply() -> None:
    tree: Any = MET
    for _ in range(100_000):
        tree = ["and", tree]
    document = {"audiences": [], "typedAudiences": [{"id": "1", "conditions": tree}]}

    segments = read_audiences(document, TODAY, lambda path, message: None)

    assert segments["1"].evaluate(GOLD) is None
    while isinstance(tree, list):  # or freeing it would exhaust the stack of some interpreters
        tree = tree.pop()


# --- Audiences ---------------------------------------------------------------------------------

DOCUMENT = {
    "audiences": [
        {"id": "gold", "conditions": json.dumps(UNMET)},
        {"id": "gold", "conditions": json.dumps(MET)},
        {"id": "typed", "conditions": "no JSON, and not looked at"},
        {"id": "silver", "conditions": json.dumps(["or", UNMET])},
    ],
    "typedAudiences": [{"id": "typed", "name": "t", "conditions": ["or", MET]}],
}


def test_typed_audiences_win_today() -> None:
    segments = read_audiences(DOCUMENT, TODAY, lambda path, message: None)

    assert {key: segment.evaluate(GOLD) for key, segment in segments.items()} == {
        "gold": True,
        "typed": True,
        "silver": False,
    }


def test_full_stack_2_knows_no_typed_audiences() -> None:
    document = {**DOCUMENT, "audiences": [{"id": "typed", "conditions": json.dumps(UNMET)}]}

    segments = read_audiences(document, FULL_STACK_2, lambda path, message: None)

    assert {key: segment.evaluate(GOLD) for key, segment in segments.items()} == {"typed": False}
    assert read_audiences({**document, "typedAudiences": 5}, FULL_STACK_2, lambda *_: None)


def target(
    experiment: Any, generation: str = TODAY, facts: Any = GOLD
) -> tuple[bool | None, list[str]]:
    """Return whether the user meets what *experiment* asks for, and the reports."""
    document = {**DOCUMENT, "audiences": [*DOCUMENT["audiences"][:2], DOCUMENT["audiences"][3]]}
    segments = read_audiences(document, generation, lambda path, message: None)
    found: list[str] = []
    segment = segment_of(
        experiment, segments, generation, "x", lambda *report: found.append(": ".join(report))
    )
    return ("everybody" if segment is None else segment.evaluate(facts)), found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ({"audienceIds": []}, "everybody"),
        ({"audienceIds": ["gold"]}, True),
        ({"audienceIds": ["silver"]}, False),
        ({"audienceIds": ["silver", "gold"]}, True),
        ({"audienceIds": ["and", "silver", "gold"]}, False),
        ({"audienceIds": ["silver"], "audienceConditions": []}, "everybody"),
        ({"audienceIds": ["silver"], "audienceConditions": None}, False),
        ({"audienceIds": ["silver"], "audienceConditions": "gold"}, True),
        ({"audienceIds": ["silver"], "audienceConditions": ["gold"]}, True),
        ({"audienceIds": [], "audienceConditions": ["and", "gold", "typed"]}, True),
        ({"audienceIds": [], "audienceConditions": ["and", "gold", ["not", "typed"]]}, False),
        ({"audienceIds": [], "audienceConditions": ["not", "silver", "gold"]}, True),
    ],
    ids=str,
)
def test_whom_an_experiment_is_for(experiment: Any, expected: Any) -> None:
    assert target(experiment) == (expected, [])


@pytest.mark.parametrize("node", ["99", 5, 1.5, True, {"a": 1}, "AND"], ids=str)
def test_unknown_audiences_cannot_be_told_and_are_reported(node: Any) -> None:
    said = "is no audience of the datafile: it cannot be told who meets it"
    conditions: list[Any] = ["or", "silver", node]

    assert target({"audienceConditions": node}) == (None, [f"x.audienceConditions: {said}"])
    assert target({"audienceConditions": conditions}) == (
        None,
        [f"x.audienceConditions[2]: {said}"],
    )
    assert target({"audienceConditions": ["not", ["or", node, "gold"]]})[0] is False


def test_user_without_attributes_is_evaluated_today() -> None:
    assert target({"audienceConditions": ["not", "gold"]}, facts={})[0] is None
    assert target({"audienceIds": ["gold"]}, facts={})[0] is None


@pytest.mark.parametrize(
    ("ids", "facts", "expected", "reports"),
    [
        ([], {}, "everybody", 0),
        (None, {}, "everybody", 0),
        (["gold"], GOLD, True, 0),
        (["silver"], GOLD, False, 0),
        (["silver", "gold"], GOLD, True, 0),
        (["gold"], {}, False, 0),
        (["99", "gold"], GOLD, True, 1),
        (["99"], GOLD, None, 1),
        (["and", "gold"], GOLD, True, 1),
    ],
    ids=str,
)
def test_full_stack_2_wants_one_audience(ids: Any, facts: Any, expected: Any, reports: int) -> None:
    experiment = {"audienceIds": ids, "audienceConditions": ["not", "gold"]}

    met, found = target(experiment, FULL_STACK_2, facts)

    assert (met, len(found)) == (expected, reports)


def test_full_stack_2_lets_no_user_without_attributes_in() -> None:
    document = {"audiences": [{"id": "1", "conditions": json.dumps(["not", MET])}]}
    segments = read_audiences(document, FULL_STACK_2, lambda *_: None)
    segment = segment_of({"audienceIds": ["1"]}, segments, FULL_STACK_2, "x", lambda *_: None)

    assert segment is not None
    assert not is_met(segment, {})
    assert is_met(segment, {"city": "Rome"})


# --- For people --------------------------------------------------------------------------------


def test_an_explanation_names_each_condition() -> None:
    tree = [
        "and",
        MET,
        condition("age", 18, "ge"),
        ["not", condition("city", None, "exists")],
        ["or", condition("", "vip", "qualified"), {**MET, "match": "regex"}],
    ]

    assert list(explain(audience(tree), {"plan": "gold", "age": "20"}).lines()) == [
        "all of: cannot tell",
        "  plan: exact 'gold', given 'gold': yes",
        "  age: ge 18, given '20': cannot tell",
        "  not: yes",
        "    city: exists, not given: no",
        "  any of: cannot tell",
        "    qualified for 'vip' (segments of the data platform are not loaded): no",
        "    audiences[0].conditions[4][2]: cannot be evaluated (the match 'regex' is unknown): "
        "cannot tell",
    ]


def test_an_explanation_of_full_stack_2() -> None:
    document = {"audiences": [{"id": "1", "conditions": json.dumps(["or", MET])}]}
    segments = read_audiences(document, FULL_STACK_2, lambda *_: None)
    segment = segment_of({"audienceIds": ["1"]}, segments, FULL_STACK_2, "x", lambda *_: None)

    assert segment is not None
    assert list(explain(segment, GOLD).lines()) == [
        "all of: yes",
        "  has attributes: yes",
        "  any of: yes",
        "    plan: equals 'gold', given 'gold': yes",
    ]
    assert list(explain(segment, {}).lines()) == [
        "all of: no",
        "  has attributes: no",
        "  any of: not reached",
    ]
