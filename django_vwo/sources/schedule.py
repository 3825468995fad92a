"""When the next fetch is due: pure, but for the row that it looks at."""

from __future__ import annotations

import math
from datetime import datetime

from ..models import SettingsFetch

MIN_SECONDS = 5.0
"""At most one fetch starts in this time, however often it is asked for."""
AHEAD_SECONDS = 1.0
"""What happened further ahead than this was written before the clock was set back."""
FIRST_BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 300.0
"""Where no period is set that could limit it."""
MOST_DOUBLINGS = 20


def wait_seconds(row: SettingsFetch, now: datetime, period: float) -> float:
    """
    Return how long to wait for the next fetch: 0 or less if it is due, infinite if none is planned.

    *now* is the database's clock, as the times of *row* are. *period* is 0 where fetches happen
    only when somebody asks: one that failed is then repeated until the ask is met.
    """
    if any(left(each, now) > AHEAD_SECONDS for each in (row.started_at, row.asked_at) if each):
        return 0.0  # whoever claims the fetch puts that right
    if row.is_under_way and row.due_at:
        return left(row.due_at, now)
    asked = left(row.asked_at, now) if row.asked_at and is_asked_for(row) else math.inf
    if row.started_at is None:
        return min(asked, 0.0) if period else asked
    due_at = row.due_at if period or is_unmet(row) else None
    planned = left(due_at, now) if due_at else math.inf
    since = left(row.started_at, now)
    if period:  # it may have become shorter since the last fetch
        planned = min(planned, since + period)
    return max(min(planned, asked), since + MIN_SECONDS)


def is_asked_for(row: SettingsFetch) -> bool:
    """Return whether somebody asked since the last fetch started."""
    return row.asked_at is not None and (row.started_at is None or row.asked_at >= row.started_at)


def is_unmet(row: SettingsFetch) -> bool:
    """Return whether somebody asked, and no fetch that started after that has succeeded."""
    if row.asked_at is None:
        return False
    is_newer = row.succeeded_at is None or row.succeeded_at < row.asked_at
    return is_newer or row.is_webhook or is_asked_for(row)


def is_lost(row: SettingsFetch, now: datetime) -> bool:
    """Return whether a fetch was begun that will never end."""
    return bool(row.is_under_way and row.due_at and left(row.due_at, now) <= 0)


def left(moment: datetime, now: datetime) -> float:
    """Return how many seconds there are until *moment*; below 0 if it is over."""
    return (moment - now).total_seconds()


def backoff_seconds(failures: int, period: float, chance: float) -> float:
    """
    Return how long to wait after so many *failures* in a row; *chance*, 0 to 1, spreads sites.

    >>> [backoff_seconds(failures, 60, 1.0) for failures in (1, 2, 3, 99)]
    [4.0, 8.0, 16.0, 60.0]
    """
    longest = period or LONGEST_BACKOFF_SECONDS
    doubled = FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, MOST_DOUBLINGS)
    return min(doubled, longest) * (0.5 + chance / 2)
