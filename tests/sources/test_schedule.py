"""When the next fetch is due."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_vwo.models import SettingsFetch
from django_vwo.sources.schedule import (
    LONGEST_BACKOFF_SECONDS,
    MIN_SECONDS,
    backoff_seconds,
    wait_seconds,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(
    *, is_under_way: bool = False, is_webhook: bool = False, failures: int = 0, **ago: float
) -> SettingsFetch:
    """Return a row of which the times are so many seconds ago; negative: ahead."""
    times: dict[str, Any] = {
        f"{name}_at": NOW - timedelta(seconds=seconds) for name, seconds in ago.items()
    }
    return SettingsFetch(
        is_under_way=is_under_way, is_webhook=is_webhook, failures=failures, **times
    )


CASES = {
    "never fetched": (row(), 300, 0),
    "never fetched, nor to be": (row(), 0, math.inf),
    "never fetched, but asked for": (row(asked=1), 0, -1),
    "within the period": (row(started=100, due=-200), 300, 200),
    "after the period": (row(started=301, due=1), 300, -1),
    "the period became shorter": (row(started=100, due=-200), 60, -40),
    "the period became longer": (row(started=61, due=1), 300, -1),
    "no period": (row(started=1000), 0, math.inf),
    "asked since": (row(started=100, asked=1, due=-200), 300, -1),
    "asked since, without a period": (row(started=100, asked=1), 0, -1),
    "asked before": (row(started=100, asked=101, due=-200), 300, 200),
    "asked at that very moment": (row(started=100, asked=100, due=-200), 300, -95),
    "asked right after": (row(started=1, asked=0, due=-299), 300, MIN_SECONDS - 1),
    "failed": (row(started=3, due=-1.5, failures=1), 300, MIN_SECONDS - 3),
    "failed, without a period": (row(started=30, due=-10, failures=4), 0, math.inf),
    "asked and failed": (row(asked=31, started=30, due=-10, failures=4), 0, 10),
    "succeeded, asked, and failed": (
        row(succeeded=40, asked=31, started=30, due=-10, failures=4),
        0,
        10,
    ),
    "asked, succeeded, and failed": (
        row(asked=50, succeeded=40, started=30, due=-10, failures=4),
        0,
        math.inf,
    ),
    "asked during a fetch, and failed after it": (
        row(asked=50, is_webhook=True, succeeded=40, started=30, due=-10, failures=4),
        0,
        10,
    ),
    "failed, and asked since": (row(started=30, asked=20, due=-200, failures=9), 300, -20),
    "under way": (row(started=100, asked=1, due=-20, is_under_way=True), 60, 20),
    "under way for too long": (row(started=100, due=1, is_under_way=True), 0, -1),
    "begun before the clock was set back": (row(started=-3600, due=-3900), 300, 0),
    "under way, before the clock was set back": (
        row(started=-3600, due=-3660, is_under_way=True),
        0,
        0,
    ),
    "asked before the clock was set back": (row(asked=-3600), 0, 0),
    "a moment ahead": (row(started=-0.5, due=-300.5), 300, 300.5),
}


@pytest.mark.parametrize(("found", "period", "expected"), CASES.values(), ids=CASES)
def test_what_to_wait_for(found: SettingsFetch, period: float, expected: float) -> None:
    assert wait_seconds(found, NOW, period) == pytest.approx(expected)


def test_pauses_grow_up_to_the_period() -> None:
    longest = [backoff_seconds(failures, 60, 1) for failures in range(1, 8)]
    assert longest == [4, 8, 16, 32, 60, 60, 60]
    assert backoff_seconds(3, 60, 0) == 8, "chance takes off up to half"
    assert backoff_seconds(10**9, 86_400, 1) == 86_400
    assert backoff_seconds(10**9, 0, 1) == LONGEST_BACKOFF_SECONDS
