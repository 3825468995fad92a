"""When something happened, as files write it. Knows no Django."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

UNIX = re.compile(r"(\d{9,13})(\.\d{1,9})?", re.ASCII)
SECONDS_DIGITS = 11
"""Most digits of a number that is read as seconds; before 2000, milliseconds have no more."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class TimeError(ValueError):
    """A time cannot be used; the message says why, and does not show it."""


def parse_time(text: str, zone: tzinfo, latest: datetime) -> datetime:
    """
    Return the moment that *text* tells, in UTC: ISO 8601, Unix seconds or Unix milliseconds.

    Without an offset it is the time of *zone*: of an hour that the clock passes twice, the first.
    Raises `TimeError` for what is no time, lies before 2000 or after *latest*.

    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> str(parse_time("2026-03-01T12:30:15+02:00", UTC, now))
    '2026-03-01 10:30:15+00:00'
    >>> parse_time("1772361015", UTC, now) == parse_time("1772361015000", UTC, now)
    True
    """
    try:
        moment = unix_time(text) or iso_time(text, zone)
    except OverflowError:
        raise TimeError("time is out of range") from None
    if moment < EARLIEST:
        raise TimeError("time is before 2000")
    if moment > latest:
        raise TimeError("time is in the future")
    return moment


def unix_time(text: str) -> datetime | None:
    """Return the moment that is so many seconds or milliseconds after 1970; None if it is none."""
    found = UNIX.fullmatch(text)
    if found is None:
        return None
    microseconds = Decimal(text) * (1_000_000 if len(found[1]) <= SECONDS_DIGITS else 1_000)
    return EPOCH + timedelta(microseconds=int(microseconds))


def iso_time(text: str, zone: tzinfo) -> datetime:
    """Return the moment that *text* tells in ISO 8601. Raises `TimeError` or `OverflowError`."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise TimeError("time is neither ISO 8601 nor Unix seconds or milliseconds") from None
    if told.tzinfo is not None:
        return told.astimezone(UTC)
    moment = told.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != told:
        raise TimeError("time is in an hour that the time zone's clock leaves out")
    return moment
