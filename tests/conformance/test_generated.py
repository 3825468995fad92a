"""Generated documents, visitors and changes: every step next to the official SDK's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .comparison import Comparison
from .differences import DIFFERENCES
from .generation import STEPS, perform, seeds, steps_wanted
from .oracle import Oracle
from .plays import Play
from .products import flag_plays, operand_plays
from .tally import FLAGS, GENERATED, OPERANDS, SOURCES, Tally

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

AGAIN = (
    "See it again: CONFORMANCE_SEED={seed} CONFORMANCE_STEPS=1 "
    "tox run -e conformance -- -k every_generated_step"
)


def agreement(oracle: Oracle, tally: Tally, seed: int) -> Callable[[Play], None]:
    """Return what fails on a play that does not agree."""

    def agrees(play: Play) -> None:
        comparison = Comparison(play, oracle).run()
        assert not comparison.disagreements, f"{comparison.report()}\n{AGAIN.format(seed=seed)}"
        tally.add(GENERATED, comparison)

    return agrees


def test_every_generated_step_agrees(oracle: Oracle, tally: Tally) -> None:
    for seed in seeds():
        if tally.steps[GENERATED] >= steps_wanted():
            break
        perform(agreement(oracle, tally, seed), seed)

    assert tally.steps[GENERATED] >= steps_wanted()


def test_every_combination_of_flags_agrees(oracle: Oracle, tally: Tally) -> None:
    for account, play in flag_plays():
        comparison = Comparison(play, oracle).run()
        tally.add(FLAGS, comparison)
        assert not comparison.disagreements, f"{account}: {comparison.report()}"


def test_every_operand_agrees_on_every_value(oracle: Oracle, tally: Tally) -> None:
    for play in operand_plays():
        comparison = Comparison(play, oracle).run()
        tally.add(OPERANDS, comparison)
        assert not comparison.disagreements, comparison.report()


def test_no_difference_is_needless(tally: Tally) -> None:
    if tally.steps[GENERATED] < STEPS or not all(tally.steps[source] for source in SOURCES):
        pytest.skip("too little was compared")
    assert not [each.name for each in DIFFERENCES if not tally.excused[each.name]]
