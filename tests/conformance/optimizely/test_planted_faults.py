"""Whether the generated suite notices: faults are planted on our side, and have to be found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.conformance.tally import Tally

from .comparison import Comparison, performances
from .faults import FAULTS, Fault
from .generated_plays import Play, plays
from .official import OfficialSDK
from .ours import OurSide
from .outcomes import OfficialSide, Performed

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

SEEDS = range(400)
"""Seeds of the plays in which a fault must show; the generated suite begins with the same."""
LEAST_SEEDS = 40
"""Seeds whose plays are performed without a fault, too, whatever it took to find the others."""


@dataclass(slots=True)
class Rehearsal:
    """Generated plays as the SDK performs them; it is asked as far as needed."""

    sdk: OfficialSDK
    seeds: Iterator[int] = field(default_factory=lambda: iter(SEEDS))
    done: list[tuple[Play, list[Performed]]] = field(default_factory=list)

    def plays(self) -> Iterator[tuple[Play, list[Performed]]]:
        """Yield each play with what the SDK makes of it, those first that were asked for before."""
        yield from self.done
        for seed in self.seeds:
            yield self.one_more(seed)

    def one_more(self, seed: int) -> tuple[Play, list[Performed]]:
        """Return the play of *seed* with what the SDK makes of it, and keep them."""
        play = plays(seed, self.sdk.generation)
        self.done.append((play, list(performances(play, OfficialSide(self.sdk)))))
        return self.done[-1]

    def compared(self, play: Play, official: list[Performed]) -> Comparison:
        """Return the comparison of *official* with what our side makes of *play*."""
        return Comparison(play, self.sdk, OurSide(self.sdk.generation)).run(official)

    def search(self) -> int | None:
        """Return after how many steps something disagrees; None if nothing ever does."""
        steps = 0
        for play, official in self.plays():
            comparison = self.compared(play, official)
            steps += comparison.steps
            if comparison.disagreements:
                return steps
        return None


@pytest.fixture(scope="module")
def rehearsal(sdk: OfficialSDK) -> Rehearsal:
    return Rehearsal(sdk)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found(
    fault: Fault, rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    generation = rehearsal.sdk.generation
    if generation.name not in fault.generations:
        pytest.skip("nothing that this generation does")
    fault.plant(monkeypatch)

    steps = rehearsal.search()

    assert steps is not None
    tally.faults[f"{fault.name} ({generation})"] = steps


def test_without_a_fault_the_same_plays_agree(rehearsal: Rehearsal, tally: Tally) -> None:
    for seed in SEEDS[:LEAST_SEEDS] if not rehearsal.done else ():
        rehearsal.one_more(seed)

    for play, official in rehearsal.done:
        comparison = rehearsal.compared(play, official)
        assert not comparison.disagreements, comparison.report()
        tally.steps["Optimizely's steps in which faults were planted, without one"] += (
            comparison.steps
        )
