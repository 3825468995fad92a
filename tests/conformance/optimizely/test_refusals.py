"""Datafiles with one thing wrong: who takes them, and who does not."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from .chance import ABSENT
from .generated_audiences import GOLD, Json, json_text
from .official import OfficialSDK
from .ours import OurSide
from .products import datafile, everybody
from .shrinking import paths

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

WRONG: tuple[Any, ...] = (None, 5, "x", "", [], {}, [5], True)
"""What is put in the place of each part."""

VARIABLE = {"id": "90", "key": "v", "type": "integer", "defaultValue": "1"}
ARM = {"id": "11", "key": "a", "featureEnabled": True, "variables": [{"id": "90", "value": "2"}]}
WHOLE = datafile(
    [everybody("1", variations=[ARM], audienceIds=["71"], audienceConditions=["or", "71"])],
    groups=[
        {
            **{"id": "40", "policy": "random", "experiments": [everybody("2")]},
            "trafficAllocation": [{"entityId": "2", "endOfRange": 10_000}],
        }
    ],
    attributes=[{"id": "80", "key": "plan"}],
    audiences=[{"id": "71", "name": "gold", "conditions": json_text(GOLD)}],
    typedAudiences=[{"id": "72", "name": "typed", "conditions": GOLD}],
    rollouts=[{"id": "60", "experiments": [everybody("3")]}],
    featureFlags=[
        {
            **{"id": "30", "key": "f", "experimentIds": ["1"], "rolloutId": "60"},
            "variables": [VARIABLE],
        }
    ],
    anonymizeIP=False,
    botFiltering=True,
    sendFlagDecisions=True,
    region="US",
)

CONDITIONS = ("typedAudiences", 0, "conditions")


UNCHECKED = {"rollouts", "featureFlags", "typedAudiences", "variables"}
"""What the SDKs do not check; here it has to be what it should."""
EXPLAINED = "audienceConditions"
"""What today's SDK describes to those who ask for its configuration, and dies of if it is odd."""


def broken(whole: Json) -> Iterator[tuple[tuple[Any, ...], Any, Json]]:
    """Yield *whole* with one part taken away, or replaced: where, by what, and what it is then."""
    for path in paths(whole):
        if path[:3] == CONDITIONS:
            continue  # conditions may be anything
        for wrong in (ABSENT, *WRONG):
            changed = copy.deepcopy(whole)
            owner = changed
            for name in path[:-1]:
                owner = owner[name]
            if wrong is ABSENT:
                del owner[path[-1]]
            else:
                owner[path[-1]] = wrong
            yield path, wrong, changed


def test_the_same_datafiles_are_refused(sdk: OfficialSDK) -> None:
    ours = OurSide(sdk.generation)
    counts: Counter[tuple[bool, bool]] = Counter()
    for path, wrong, document in broken(WHOLE):
        official = sdk.perform(document).refused is not None
        own = ours.perform(document, (), None).is_refused
        counts[official, own] += 1
        if own and not official:
            assert UNCHECKED.intersection(path), (path, wrong)
        elif official and not own:
            assert sdk.generation.is_today, (path, wrong)
            assert EXPLAINED in path, (path, wrong)

    assert min(counts[True, True], counts[False, False]) > 100


def test_numbers_that_json_lacks_are_refused_here(sdk: OfficialSDK) -> None:
    document = datafile([], anonymizeIP=math.inf)
    assert sdk.perform(document).refused is None
    assert OurSide(sdk.generation).perform(document, (), None).is_refused
