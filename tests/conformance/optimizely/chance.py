"""Choices that a seed settles."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

ABSENT = object()
"""What a field is that an object does not have."""


class Chance(random.Random):
    """A seeded source of choices."""

    def among(self, *values: Any) -> Any:
        """Return one of *values*."""
        return values[self._randbelow(len(values))]

    def one_in(self, times: int) -> bool:
        """Return true one time in *times*."""
        return self._randbelow(times) == 0

    def some(self, values: Sequence[Any], most: int | None = None) -> list[Any]:
        """Return some of *values*, each at most once, in any order."""
        limit = len(values) if most is None else min(most, len(values))
        return self.sample(list(values), self._randbelow(limit + 1))

    def upto(self, most: int) -> int:
        """Return a number from 0 to *most*, both included."""
        return self._randbelow(most + 1)


def without_absent(fields: dict[str, Any]) -> dict[str, Any]:
    """Return *fields* without those that are absent."""
    return {name: value for name, value in fields.items() if value is not ABSENT}
