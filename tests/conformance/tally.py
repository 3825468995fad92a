"""How much was compared in one run of the tests, and what it took to agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from .comparison import Comparison

WRITTEN = "steps on the documents written by hand"
GENERATED = "generated steps"
FLAGS = "steps on all combinations of flags"
OPERANDS = "steps on every operand with every value"
SOURCES = (WRITTEN, GENERATED, FLAGS, OPERANDS)
"""Where steps come from; together they show each difference."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """Counts of a whole run."""

    steps: Counter[str] = field(default_factory=Counter)
    """Compared steps by where they come from."""
    excused: Counter[str] = field(default_factory=Counter)
    """How often each difference was needed."""
    faults: Counter[str] = field(default_factory=Counter)
    """After how many steps each planted fault was found."""

    def add(self, source: str, comparison: Comparison) -> None:
        """Count what *comparison* saw."""
        self.steps[source] += comparison.steps
        self.excused.update(comparison.excused)

    def lines(self) -> Iterator[str]:
        """Yield what there is to report."""
        for source, steps in self.steps.items():
            yield f"{steps:>9,} {source}"
        for name, times in self.excused.most_common():
            yield f"{times:>9,} times excused: {name}"
        for name, steps in self.faults.items():
            yield f"{steps:>9,} steps to find: {name}"


TALLY = pytest.StashKey[Tally]()
