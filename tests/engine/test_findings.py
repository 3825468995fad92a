"""What a segment says of a visitor, for people: true, on lines, and never too much."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.dialects.vwo.segments import parse_segment
from django_vwo.engine.entities import Facts, Segment
from django_vwo.engine.findings import MOST_FINDINGS, Explanation, Finding, explain, plain
from django_vwo.engine.segments import All, AnyOf, Broken, Guarded, Never, Not
from tests.builders import custom

from .test_segments import NO, UNKNOWN, YES, Says


class Unspeakable:
    """A site's own object at its worst."""

    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__


def parsed(node: Any) -> Segment:
    return parse_segment(node, "segments", lambda path, message: None)


def lines(node: Any, facts: Facts, hidden: str = "") -> list[str]:
    """Return what a segment of a document says of *facts*."""
    return list(Explanation(facts, hidden).of(parsed(node)).lines())


def count(finding: Finding) -> int:
    return 1 + sum(count(part) for part in finding.parts)


leaves: st.SearchStrategy[Segment] = st.sampled_from([YES, NO, UNKNOWN, Never("n"), Broken("b")])
trees = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=4).map(lambda found: All(tuple(found))),
        st.lists(parts, max_size=4).map(lambda found: AnyOf(tuple(found))),
        parts.map(Not),
    ),
    max_leaves=12,
)


@given(trees)
def test_findings_agree_with_the_evaluation(tree: Segment) -> None:
    guarded = Guarded(tree)
    assert explain(guarded, {}).is_met is guarded.evaluate({})
    assert explain(guarded, {}) == explain(tree, {})


@given(st.lists(st.sampled_from([YES, NO, UNKNOWN]), max_size=500), st.booleans())
def test_findings_agree_with_the_evaluation_of_long_lists(parts: list[Says], is_all: bool) -> None:
    tree = All(tuple(parts)) if is_all else AnyOf(tuple(parts))
    found = explain(tree, {})
    assert found.is_met is tree.evaluate({})
    assert len(found.parts) <= MOST_FINDINGS + 1
    assert len(found.parts) + found.left_off == len(parts)


@given(trees)
def test_a_leaf_is_asked_as_often_as_in_a_decision(tree: Segment) -> None:
    for leaf in (YES, NO, UNKNOWN):
        leaf.asked.clear()
    Guarded(tree).evaluate({})
    asked = [len(leaf.asked) for leaf in (YES, NO, UNKNOWN)]
    explain(tree, {})
    assert [len(leaf.asked) for leaf in (YES, NO, UNKNOWN)] == [2 * times for times in asked]


def test_findings_read_as_an_indented_tree() -> None:
    tree = AnyOf((All((YES, NO, YES)), Not(AnyOf((NO, UNKNOWN))), Broken("no tree"), Not(YES)))

    assert list(explain(tree, {}).lines()) == [
        "any of: no",
        "  all of: no",
        "    says True: yes",
        "    says False: no",
        "    says True: not reached",
        "  not: cannot tell",
        "    any of: cannot tell",
        "      says False: no",
        "      says None: cannot tell",
        "  no tree (so the whole segment is false): no",
        "  not: not reached",
    ]


@pytest.mark.parametrize(
    ("operand", "facts", "line"),
    [
        ("lower(GOLD)", {"plan": "gold"}, "plan: lower(GOLD), given 'gold': yes"),
        ("gold", {"plan": "free"}, "plan: gold, given 'free': no"),
        ("gold", {}, "plan: gold, not given: no"),
        ("gold", {"plan": None}, "plan: gold, not given: no"),
        ("gold", {"plan": ""}, "plan: gold, given '': no"),
        ("gt(5)", {"plan": 6}, "plan: gt(5), given 6: yes"),
        ("true", {"plan": True}, "plan: true, given True: yes"),
        ("gold", {"plan": ["gold"]}, "plan: gold, given a list: no"),
        ("gold", {"plan": Unspeakable()}, "plan: gold, given of type Unspeakable: no"),
        ("gold", {"plan": 10**5000}, "plan: gold, given of type int: no"),
        ("gold", {"plan": "x" * 100_000}, f"plan: gold, given '{'x' * 58}…: no"),
        ("gold\n\x1b[31m", {"plan": "a\nb"}, "plan: gold\\n\\x1b[31m, given 'a\\nb': no"),
        ("g" * 500, {"plan": "x"}, f"plan: {'g' * 113}…, given 'x': no"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_a_leaf_shows_what_the_visitor_has(operand: str, facts: Facts, line: str) -> None:
    assert lines(custom("plan", operand), facts) == [line]


def test_a_hidden_variable_is_not_shown() -> None:
    assert lines(custom("_vwo_user_id", "bob"), {"_vwo_user_id": "ann"}, "_vwo_user_id") == [
        "_vwo_user_id: bob, given: no"
    ]


def test_the_first_of_many_leaves_are_shown_and_the_one_that_decided() -> None:
    node = {"or": [custom("plan", f"plan-{number}") for number in range(10_000)]}
    shown = lines(node, {"plan": "plan-9000"})
    assert shown[0] == "any of: yes"
    assert shown[1] == "  plan: plan-0, given 'plan-9000': no"
    assert shown[-2:] == ["  plan: plan-9000, given 'plan-9000': yes", "  … and 9,899 more"]
    assert len(shown) == 103


def test_nested_lists_share_the_room() -> None:
    node = {"and": [{"or": [custom("a", f"{number}") for number in range(50)]}] * 200}
    found = explain(parsed(node), {"a": "49"})
    assert found.is_met
    assert count(found) <= MOST_FINDINGS + 200
    assert len(list(found.lines())) < 500


def test_a_deep_segment_stays_a_tree() -> None:
    node = custom("plan", "gold")
    for _ in range(95):
        node = {"not": node} if _ % 2 else {"or": [node, custom("plan", "free")]}
    assert len(lines(node, {"plan": "gold"})) > 95
    for _ in range(20):
        node = {"not": node}
    assert "more than 100 levels" in "\n".join(lines(node, {"plan": "gold"}))


@given(st.text(), st.integers(1, 300))
def test_what_is_plain_is_one_short_line(text: str, limit: int) -> None:
    said = plain(text, limit)
    assert said.isprintable()
    assert len(said) <= 10 * limit
    assert said == text or len(text) > limit or not text.isprintable()
    json.dumps(said).encode()
