"""
Trees of conditions on a visitor.

Evaluation is three-valued (True, False, None for "cannot be told"), goes from left to right and
ends once the result is known. The leaves are a dialect's.
"""

from __future__ import annotations

from .entities import Facts, Segment
from .values import unchanging


@unchanging()
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


@unchanging()
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


@unchanging()
class Not:
    """The part is not met."""

    part: Segment

    def evaluate(self, facts: Facts) -> bool | None:
        met = self.part.evaluate(facts)
        return None if met is None else not met


@unchanging()
class Never:
    """A condition that nobody meets, because nothing is known of how to meet it."""

    why: str

    def evaluate(self, facts: Facts) -> bool | None:
        return False

    def __str__(self) -> str:
        return self.why


class BrokenSegmentError(Exception):
    """Evaluation reached a part that makes the whole tree false."""


@unchanging()
class Broken:
    """A part that makes the whole tree false when it is reached. It stands in a `Guarded` tree."""

    why: str

    def evaluate(self, facts: Facts) -> bool | None:
        raise BrokenSegmentError(self.why)

    def __str__(self) -> str:
        return self.why


@unchanging()
class Guarded:
    """A tree that has a broken part."""

    tree: Segment

    def evaluate(self, facts: Facts) -> bool | None:
        try:
            return self.tree.evaluate(facts)
        except BrokenSegmentError:
            return False
