"""Generated datafiles, users and changes: every step next to Optimizely's own SDKs."""

from __future__ import annotations

import pytest

from tests.conformance.tally import Tally

from .comparison import Comparison, until
from .differences import DIFFERENCES
from .generated_plays import Play, plays
from .generation import STEPS, seeds, steps_wanted
from .official import GENERATIONS, OfficialSDK
from .ours import OurSide
from .products import condition_plays, rare_plays, tag_plays, version_plays
from .shrinking import shrunk

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

AGAIN = (
    "See it again: CONFORMANCE_SEED={seed} CONFORMANCE_STEPS=1 "
    "tox run -e conformance -- -k 'optimizely and every_generated_step'"
)
GENERATED = "generated steps"


def source(sdk: OfficialSDK, name: str) -> str:
    """Return under what name steps are counted."""
    return f"{name} with optimizely-sdk {sdk.generation}"


def smallest_report(comparison: Comparison) -> str:
    """Return how the smallest part of a play disagrees that was found to."""
    [found] = comparison.disagreements

    def again(play: Play) -> Comparison:
        return Comparison(play, comparison.sdk, comparison.other).run()

    def fails(play: Play) -> bool:
        return [each.method for each in again(play).disagreements] == [found.method]

    return again(shrunk(until(comparison.play, found), fails)).report()


def compare(play: Play, sdk: OfficialSDK, tally: Tally, name: str, said: str = "") -> None:
    """Compare every step of *play*; fails on the first that disagrees."""
    comparison = Comparison(play, sdk, OurSide(sdk.generation)).run()
    assert not comparison.disagreements, f"{smallest_report(comparison)}\n{said}"
    tally.add(source(sdk, name), comparison)


def test_every_generated_step_agrees(sdk: OfficialSDK, tally: Tally) -> None:
    counted = source(sdk, GENERATED)
    for seed in seeds():
        if tally.steps[counted] >= steps_wanted():
            break
        compare(plays(seed, sdk.generation), sdk, tally, GENERATED, AGAIN.format(seed=seed))

    assert tally.steps[counted] >= steps_wanted()


def test_every_condition_agrees_on_every_value(sdk: OfficialSDK, tally: Tally) -> None:
    for play in condition_plays(sdk.generation):
        compare(play, sdk, tally, "steps on every condition with every value")


def test_every_version_agrees_on_every_version(sdk: OfficialSDK, tally: Tally) -> None:
    for play in version_plays(sdk.generation):
        compare(play, sdk, tally, "steps on every version with every version")


def test_every_tag_agrees(sdk: OfficialSDK, tally: Tally) -> None:
    for play in tag_plays():
        compare(play, sdk, tally, "steps on every revenue with every value")


def test_what_is_rare_agrees(sdk: OfficialSDK, tally: Tally) -> None:
    for play in rare_plays(sdk.generation):
        compare(play, sdk, tally, "steps on what is rare")


def test_no_difference_is_needless(tally: Tally) -> None:
    names = [f"{GENERATED} with optimizely-sdk {generation}" for generation in GENERATIONS]
    if min(tally.steps[name] for name in names) < STEPS:
        pytest.skip("too little was compared")
    assert not [each.name for each in DIFFERENCES if not tally.excused[each.name]]
