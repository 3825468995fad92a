"""What a decision found on its way, for people: an outline of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from .entities import Facts, Segment
from .errors import shorten
from .segments import All, AnyOf, BrokenSegmentError, Guarded, Not

MOST_FINDINGS = 100
"""How many parts of a tree are shown, beside those that decided."""
LONGEST_TEXT = 200
LONGEST_LEAF = 120
"""Characters of a leaf's own text: the visitor's value stands beside."""

Answers = tuple[bool | None, ...]
ANY_ANSWER: Answers = (True, False, None)


@runtime_checkable
class ReadsVariable(Protocol):
    """A leaf that reads one of the visitor's variables."""

    @property
    def name(self) -> str:
        """Return the variable's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one part of a tree says of a visitor, for people."""

    text: str
    is_met: bool | None
    is_reached: bool = True
    """False: the way had ended before this part, so it was not asked."""
    parts: tuple[Finding, ...] = field(default=())
    left_off: int = 0
    """How many parts there are beside those shown."""

    @property
    def title(self) -> str:
        """The text on one line of bounded length."""
        return plain(self.text)

    @property
    def answer(self) -> str:
        """What it says, in words."""
        if not self.is_reached:
            return "not reached"
        return {True: "yes", False: "no", None: "cannot tell"}[self.is_met]

    @property
    def rest(self) -> str:
        """How many parts are not shown, in words; empty if all are."""
        return f"… and {self.left_off:,} more" if self.left_off else ""

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield a line for this part and, indented, for each part below it."""
        yield f"{'  ' * depth}{self.title}: {self.answer}"
        for part in self.parts:
            yield from part.lines(depth + 1)
        if self.rest:
            yield f"{'  ' * (depth + 1)}{self.rest}"


def plain(text: str, limit: int = LONGEST_TEXT) -> str:
    r"""
    Return *text* cut to *limit* characters, with escapes for what is no plain character of a line.

    >>> plain("two\nlines")
    'two\\nlines'
    """
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return text if text.isprintable() else repr(text)[1:-1]


def explain(segment: Segment, facts: Facts) -> Finding:
    """Return what *segment* and each of its parts say of *facts*."""
    return Explanation(facts).of(segment)


class Explanation:
    """
    The making of findings on one visitor's facts.

    Segments are evaluated as ever: from left to right, a leaf at most once, and not at all where
    the result was known before it. Of very many parts the first are shown, and those that decided.
    """

    def __init__(self, facts: Facts, hidden: str = "") -> None:
        self.facts = facts
        self.hidden = hidden
        """Name of the variable whose value is not to be shown."""
        self.room = MOST_FINDINGS
        self._is_broken = False

    def of(self, segment: Segment) -> Finding:
        """Return what *segment*, a whole tree, says."""
        self._is_broken = False
        return self._of_part(segment, ANY_ANSWER)

    def _of_part(self, segment: Segment, wanted: Answers) -> Finding:
        """Return what a part says; with words only if it is one of the answers *wanted*."""
        match segment:
            case All(parts):
                return self._of_list(segment, parts, ends_on=False)
            case AnyOf(parts):
                return self._of_list(segment, parts, ends_on=True)
            case Not(part):
                return self._of_not(segment, part, wanted)
            case Guarded(tree):
                return self._of_part(tree, wanted)
        return self._of_leaf(segment, wanted)

    def _of_list(self, segment: Segment, parts: Iterable[Segment], *, ends_on: bool) -> Finding:
        is_met: bool | None = not ends_on
        shown, left_off = [], 0
        for part in parts:
            wanted = ANY_ANSWER if self._take_room() else (ends_on,)
            if self._is_broken or is_met is ends_on:
                found = unreached(title_of(part) if wanted is ANY_ANSWER else "")
                is_shown = wanted is ANY_ANSWER
            else:
                found = self._of_part(part, wanted)
                is_met = is_met if found.is_met is (not ends_on) else found.is_met
                is_shown = found.is_met in wanted or self._is_broken
            shown += [found] if is_shown else []
            left_off += not is_shown
        return self._told(segment, is_met, shown, left_off)

    def _of_not(self, segment: Segment, part: Segment, wanted: Answers) -> Finding:
        self._take_room()
        found = self._of_part(part, tuple(map(opposite, wanted)))
        return self._told(segment, opposite(found.is_met), [found])

    def _of_leaf(self, leaf: Segment, wanted: Answers) -> Finding:
        try:
            is_met = leaf.evaluate(self.facts)
        except BrokenSegmentError:
            self._is_broken = True
            text = title_of(leaf) + self._given(leaf)
            return Finding(text=f"{text} (so the whole segment is false)", is_met=False)
        text = title_of(leaf) + self._given(leaf) if is_met in wanted else ""
        return Finding(text=text, is_met=is_met)

    def _told(
        self, segment: Segment, is_met: bool | None, parts: list[Finding], left_off: int = 0
    ) -> Finding:
        is_met = False if self._is_broken else is_met
        text = title_of(segment)
        return Finding(text=text, is_met=is_met, parts=tuple(parts), left_off=left_off)

    def _take_room(self) -> bool:
        self.room -= 1
        return self.room >= 0

    def _given(self, leaf: Segment) -> str:
        """Return what the visitor has for a leaf that reads a variable."""
        if not isinstance(leaf, ReadsVariable):
            return ""
        value = self.facts.get(leaf.name)
        if value is None:
            return ", not given"
        return ", given" if leaf.name == self.hidden else f", given {shown_value(value)}"


def opposite(is_met: bool | None) -> bool | None:
    """Return the answer of a "not" around a part; what cannot be told stays so."""
    return None if is_met is None else not is_met


def title_of(segment: Segment) -> str:
    """Return what *segment* asks for."""
    match segment:
        case All():
            return "all of"
        case AnyOf():
            return "any of"
        case Not():
            return "not"
    return plain(str(segment), LONGEST_LEAF)


def shown_value(value: object) -> str:
    """Return *value* as people may see it; a site's own objects may not even have a `repr`."""
    try:
        return shorten(value)
    except Exception:
        return f"of type {type(value).__name__}"


def unreached(text: str) -> Finding:
    """Return the finding on a part that was not asked."""
    return Finding(text=text, is_met=None, is_reached=False)
