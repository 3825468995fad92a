"""Whether the generated suite notices: faults are planted on our side, and have to be found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from .comparison import Comparison
from .faults import FAULTS, Fault
from .generation import plays_of
from .oracle import Oracle
from .plays import Play, Scene, official_scenes, our_outcomes
from .tally import Tally

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

SEEDS = range(40)
"""Seeds of the plays in which a fault must show; the generated suite begins with the same."""
LEAST_SEEDS = 5
"""Seeds whose plays are performed without a fault, too, whatever it took to find the others."""


@dataclass(slots=True)
class Rehearsal:
    """Generated plays as the official SDK performs them; they are asked for as far as needed."""

    oracle: Oracle
    seeds: Iterator[int] = field(default_factory=lambda: iter(SEEDS))
    done: list[tuple[Play, list[list[Scene]]]] = field(default_factory=list)

    def plays(self) -> Iterator[tuple[Play, list[list[Scene]]]]:
        """Yield each play with its scenes, those first that were asked for before."""
        yield from self.done
        for seed in self.seeds:
            yield from self.more(seed)

    def more(self, seed: int) -> list[tuple[Play, list[list[Scene]]]]:
        """Return the plays of *seed* with their scenes, and keep them."""
        found = [(play, official_scenes(play, self.oracle)) for play in plays_of(seed)]
        self.done += found
        return found

    def found_in(self, play: Play, scenes: list[list[Scene]]) -> Comparison:
        """Return what comes of comparing *scenes* with what our side makes of *play*."""
        comparison = Comparison(play, self.oracle)
        comparison.compare(scenes, our_outcomes(play))
        return comparison

    def search(self) -> int | None:
        """Return after how many steps something disagrees; None if nothing ever does."""
        steps = 0
        for play, scenes in self.plays():
            comparison = self.found_in(play, scenes)
            steps += comparison.steps
            if comparison.disagreements:
                return steps
        return None


@pytest.fixture(scope="module")
def rehearsal(oracle: Oracle) -> Rehearsal:
    return Rehearsal(oracle)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found(
    fault: Fault, rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    fault.plant(monkeypatch)

    steps = rehearsal.search()

    assert steps is not None
    tally.faults[fault.name] = steps


def test_without_a_fault_the_same_plays_agree(rehearsal: Rehearsal, tally: Tally) -> None:
    for seed in SEEDS[:LEAST_SEEDS] if not rehearsal.done else ():
        rehearsal.more(seed)

    for play, scenes in rehearsal.done:
        comparison = rehearsal.found_in(play, scenes)
        assert not comparison.disagreements, comparison.report()
        tally.steps["steps in which faults were planted, without one"] += comparison.steps
