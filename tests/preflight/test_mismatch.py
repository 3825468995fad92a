"""The chi-square of sample ratio mismatches, against published tables."""

from __future__ import annotations

import math

import pytest

from django_vwo.preflight.mismatch import (
    ALARM,
    chi_square,
    critical,
    mismatch,
    p_value,
    visitors_until_noticed,
)

TABLE = {
    1: 10.828,
    2: 13.816,
    3: 16.266,
    4: 18.467,
    5: 20.515,
    10: 29.588,
    30: 59.703,
    100: 149.449,
}
"""Degrees of freedom to the value that chance exceeds in one of 1,000 cases (NIST handbook)."""


@pytest.mark.parametrize("degrees", TABLE)
def test_p_values_and_critical_values_are_those_of_the_table(degrees: int) -> None:
    assert p_value(TABLE[degrees], degrees) == pytest.approx(0.001, rel=0.01)
    assert critical(degrees) == pytest.approx(TABLE[degrees], abs=0.001)


@pytest.mark.parametrize("degrees", [1, 2, 499, 5_000])
def test_the_extremes_are_certain(degrees: int) -> None:
    assert p_value(0, degrees) == 1
    assert p_value(math.inf, degrees) == 0
    assert p_value(1e9, degrees) == 0
    assert 0.4 < p_value(degrees, degrees) < 0.6 or degrees < 3


@pytest.mark.parametrize(
    ("counts", "weights"),
    [([], []), ([5], [100]), ([0, 0], [50, 50]), ([5, 5], [0, 0])],
)
def test_there_may_be_nothing_to_compare(counts: list[int], weights: list[float]) -> None:
    assert mismatch(counts, weights) is None


def test_a_mismatch_is_told_from_chance() -> None:
    fair, unfair = mismatch([5_050, 4_950], [50, 50]), mismatch([5_300, 4_700], [50, 50])
    assert fair is not None
    assert fair > ALARM
    assert unfair is not None
    assert unfair < ALARM
    assert mismatch([30, 30], [1, 1]) == 1


def test_visitors_where_none_were_designed_are_a_mismatch_at_once() -> None:
    assert chi_square([1, 9], [0, 10]) == math.inf
    assert mismatch([1, 9], [0, 100]) == 0
    assert visitors_until_noticed([0.1, 0.9], [0, 100]) == 1


def test_how_many_visitors_show_a_mismatch() -> None:
    found = visitors_until_noticed([0.8, 0.2], [50, 50])
    assert found == 31
    counts = [round(0.8 * found), round(0.2 * found)]
    chance = mismatch(counts, [50, 50])
    assert chance is not None
    assert chance < 2 * ALARM
    assert visitors_until_noticed([0.5, 0.5], [50, 50]) is None
    assert visitors_until_noticed([0.500000001, 0.499999999], [50, 50]) is None
    assert visitors_until_noticed([1], [100]) is None
    assert visitors_until_noticed([0, 0], [50, 50]) is None
