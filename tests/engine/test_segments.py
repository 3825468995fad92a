"""Three-valued trees: the engine's share of a segment."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.engine.entities import Facts, Segment
from django_vwo.engine.segments import (
    All,
    AnyOf,
    Broken,
    BrokenSegmentError,
    Guarded,
    Never,
    Not,
)

Truth = bool | None


@dataclass(frozen=True)
class Says:
    """A leaf that says what it is told to, and remembers that it was asked."""

    answer: Truth
    asked: list[Truth] = field(default_factory=list, compare=False)

    def evaluate(self, facts: Facts) -> Truth:
        self.asked.append(self.answer)
        return self.answer

    def __str__(self) -> str:
        return f"says {self.answer}"


YES, NO, UNKNOWN = Says(True), Says(False), Says(None)
truths = st.sampled_from([True, False, None])


def of(*answers: Truth) -> tuple[Segment, ...]:
    return tuple(Says(answer) for answer in answers)


@given(st.lists(truths, max_size=6))
def test_all_is_the_least_of_its_parts(answers: list[Truth]) -> None:
    expected = False if False in answers else None if None in answers else True

    assert All(of(*answers)).evaluate({}) is expected


@given(st.lists(truths, max_size=6))
def test_any_is_the_most_of_its_parts(answers: list[Truth]) -> None:
    expected = True if True in answers else None if None in answers else False

    assert AnyOf(of(*answers)).evaluate({}) is expected


@pytest.mark.parametrize(("answer", "opposite"), [(True, False), (False, True), (None, None)])
def test_not_leaves_the_unknown_unknown(answer: Truth, opposite: Truth) -> None:
    assert Not(Says(answer)).evaluate({}) is opposite


def test_nothing_is_all_but_not_any() -> None:
    assert All(()).evaluate({}) is True
    assert AnyOf(()).evaluate({}) is False


@pytest.mark.parametrize(
    ("tree", "asked"),
    [
        (lambda *parts: All(parts), [True, None, False]),
        (lambda *parts: AnyOf(parts), [False, None, True]),
    ],
    ids=["all", "any"],
)
def test_evaluation_ends_once_the_result_is_known(tree: type, asked: list[Truth]) -> None:
    order: list[Truth] = []

    tree(*(Says(answer, order) for answer in (*asked, True, False))).evaluate({})

    assert order == asked


@pytest.mark.parametrize(
    ("segment", "met"),
    [
        (YES, True),
        (NO, False),
        (UNKNOWN, False),
        (Not(UNKNOWN), False),
        (Never("unheard of"), False),
        (Not(Never("unheard of")), True),
        (Broken("no tree"), False),
        (Not(Broken("no tree")), False),
        (Not(Not(Broken("no tree"))), False),
        (AnyOf((YES, Broken("no tree"))), True),
        (AnyOf((Broken("no tree"), YES)), False),
        (All((NO, Broken("no tree"))), False),
        (Not(All((NO, Broken("no tree")))), True),
        (Not(AnyOf((NO, Broken("no tree")))), False),
    ],
    ids=str,
)
def test_what_is_broken_breaks_the_tree_if_it_is_reached(segment: Segment, met: bool) -> None:
    assert (Guarded(segment).evaluate({}) is True) is met


def test_broken_parts_say_why() -> None:
    with pytest.raises(BrokenSegmentError, match="no tree"):
        Broken("no tree").evaluate({})
