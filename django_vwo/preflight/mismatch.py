"""Sample ratio mismatch: does a split of visitors agree with the weights that were designed?"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, erfc, exp, inf, lgamma, log, sqrt

ALARM = 0.001
"""A split that is less probable than this is taken for a mismatch, not for chance."""
MOST_VISITORS = 1_000_000_000
HALVINGS = 50


def chi_square(observed: Sequence[float], expected: Sequence[float]) -> float:
    """Return Pearson's statistic; infinite where something was observed and nothing expected."""
    total = 0.0
    for seen, due in zip(observed, expected, strict=True):
        if due > 0:
            total += (seen - due) ** 2 / due
        elif seen > 0:
            return inf
    return total


def p_value(statistic: float, degrees: int) -> float:
    """
    Return how probable a chi-square of at least *statistic* is by chance.

    *degrees* of freedom: one less than there are variations; 1 or more.

    >>> round(p_value(3.841, 1), 3), round(p_value(5.991, 2), 3), round(p_value(11.345, 3), 3)
    (0.05, 0.05, 0.01)
    """
    half = statistic / 2
    if half in (0, inf):
        return 0.0 if half else 1.0
    shape = 0.5 if degrees % 2 else 1.0
    probability = erfc(sqrt(half)) if degrees % 2 else exp(-half)
    while shape < degrees / 2:
        probability += exp(shape * log(half) - half - lgamma(shape + 1))
        shape += 1
    return min(probability, 1.0)


def mismatch(counts: Sequence[int], weights: Sequence[float]) -> float | None:
    """
    Return the p-value of *counts* visitors under the designed *weights*.

    None where there is nothing to compare: fewer than two variations, or no visitors.
    """
    total, designed = sum(counts), sum(weights)
    if len(counts) < 2 or not total or designed <= 0:
        return None
    expected = [total * weight / designed for weight in weights]
    return p_value(chi_square(counts, expected), len(counts) - 1)


def visitors_until_noticed(shares: Sequence[float], weights: Sequence[float]) -> int | None:
    """
    Return after about how many visitors a split by *shares* is told from one by *weights*.

    None: never, or not within `MOST_VISITORS`.
    """
    real, designed = sum(shares), sum(weights)
    if len(shares) < 2 or real <= 0 or designed <= 0:
        return None
    per_visitor = chi_square(
        [share / real for share in shares], [weight / designed for weight in weights]
    )
    if per_visitor * MOST_VISITORS < 1:
        return None
    needed = ceil(critical(len(shares) - 1) / per_visitor)
    return max(needed, 1) if needed <= MOST_VISITORS else None


def critical(degrees: int) -> float:
    """Return the chi-square beyond which a split is a mismatch."""
    low, high = 0.0, 100 + degrees + 10 * sqrt(2 * degrees)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle, degrees) > ALARM else (low, middle)
    return high
