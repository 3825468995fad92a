"""How many plays are drawn, from which seeds, and what is said where one of them disagrees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count

from hypothesis import HealthCheck, Phase, given, seed, settings

from .generated_themes import plays
from .plays import Play

STEPS = 100_000
"""Generated steps of a run that nobody asked more of."""
PLAYS_AT_ONCE = 10
"""Plays that are drawn from one seed: Hypothesis begins to repeat parts of them after so many."""


def steps_wanted() -> int:
    """Return how many generated steps are to be compared: `CONFORMANCE_STEPS`, or `STEPS`."""
    return int(os.environ.get("CONFORMANCE_STEPS") or STEPS)


def first_seed() -> int:
    """Return the seed that a run begins with: `CONFORMANCE_SEED`, or 0."""
    return int(os.environ.get("CONFORMANCE_SEED") or 0)


def seeds() -> Iterator[int]:
    """Return the seeds of a run, without end."""
    return count(first_seed())


def perform(check: Callable[[Play], None], number: int, *, shrinks: bool = True) -> None:
    """
    Call *check* with the plays of seed *number*, always the same ones.

    If it fails, it fails on the smallest play that was found to.
    """
    phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]
    drawn = given(plays)(check)
    tuned = settings(
        max_examples=PLAYS_AT_ONCE,
        database=None,
        deadline=None,
        derandomize=False,
        phases=phases,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )(drawn)
    seed(number)(tuned)()


def plays_of(number: int) -> list[Play]:
    """Return the plays of seed *number*."""
    found: list[Play] = []

    def keep(play: Play) -> None:
        found.append(play)

    perform(keep, number, shrinks=False)
    return found
