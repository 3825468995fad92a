"""
Trees of conditions on a visitor.

Evaluation is three-valued (True, False, None for "cannot be told"), goes from left to right and
ends once the result is known. The leaves are a dialect's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .entities import Facts, Segment


@dataclass(frozen=True, slots=True)
class All:
    """Every part is met; True when there are none."""

    parts: tuple[Segment, ...]

    def evaluate(self, facts: Facts) -> bool | None:
        result: bool | None = True
        for part in self.parts:
            met = part.evaluate(facts)
            if met is False:
                return False
            if met is None:
                result = None
        return result


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is met; False when there are none."""

    parts: tuple[Segment, ...]

    def evaluate(self, facts: Facts) -> bool | None:
        result: bool | None = False
        for part in self.parts:
            met = part.evaluate(facts)
            if met:
                return True
            if met is None:
                result = None
        return result


@dataclass(frozen=True, slots=True)
class Not:
    """The part is not met."""

    part: Segment

    def evaluate(self, facts: Facts) -> bool | None:
        met = self.part.evaluate(facts)
        return None if met is None else not met


@dataclass(frozen=True, slots=True)
class Never:
    """A condition that nobody meets, because nothing is known of how to meet it."""

    why: str

    def evaluate(self, facts: Facts) -> bool | None:
        return False

    def __str__(self) -> str:
        return self.why


class BrokenSegmentError(Exception):
    """Evaluation reached a part that makes the whole tree false."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A part that makes the whole tree false when it is reached."""

    why: str

    def evaluate(self, facts: Facts) -> bool | None:
        raise BrokenSegmentError(self.why)

    def __str__(self) -> str:
        return self.why


def is_met(segment: Segment, facts: Facts) -> bool:
    """Return whether *facts* meet *segment*; what cannot be told is not met."""
    return evaluate(segment, facts) is True


def evaluate(segment: Segment, facts: Facts) -> bool | None:
    """Return whether *facts* meet *segment*; None if that cannot be told, False if it is broken."""
    try:
        return segment.evaluate(facts)
    except BrokenSegmentError:
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one part of a tree says of a visitor, for people."""

    text: str
    is_met: bool | None
    parts: tuple[Finding, ...] = field(default=())

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield a line for this part and, indented, for each part below it."""
        said = {True: "yes", False: "no", None: "cannot tell"}[self.is_met]
        yield f"{'  ' * depth}{self.text}: {said}"
        for part in self.parts:
            yield from part.lines(depth + 1)


def explain(segment: Segment, facts: Facts) -> Finding:
    """Return what *segment* and each of its parts say of *facts*."""
    parts: tuple[Segment, ...] = ()
    match segment:
        case All(parts):
            text = "all of"
        case AnyOf(parts):
            text = "any of"
        case Not(part):
            text, parts = "not", (part,)
        case _:
            text = str(segment)
    findings = tuple(explain(part, facts) for part in parts)
    return Finding(text=text, is_met=evaluate(segment, facts), parts=findings)
