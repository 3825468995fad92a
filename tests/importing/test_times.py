"""Times, as files write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.importing.times import TimeError, parse_time

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def parsed(text: str, zone: tzinfo = UTC) -> datetime:
    return parse_time(text, zone, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:30:15Z",
        "2026-03-01T12:30:15",
        "2026-03-01 12:30:15",
        "2026-03-01 12:30:15+00",
        "20260301T123015Z",
        "2026-03-01T13:30:15+01:00",
        "2026-03-01T12:30:15.000000",
        "1772368215",
        "1772368215.0",
        "1772368215000",
        "1772368215000.0",
    ],
)
def test_a_moment_is_read_in_each_form(text: str) -> None:
    assert parsed(text) == NOON


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("20260301", datetime(2026, 3, 1, tzinfo=UTC)),
        ("1772368215123", NOON + timedelta(milliseconds=123)),
        ("1772368215.123456", NOON + timedelta(microseconds=123456)),
        ("946684800", datetime(2000, 1, 1, tzinfo=UTC)),
        ("946684800000", datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_parts_of_a_time_are_kept(text: str, expected: datetime) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "neither"),
        ("yesterday", "neither"),
        ("01.03.2026", "neither"),
        ("2026-02-30T00:00:00", "neither"),
        ("2026-03-01T25:00:00", "neither"),
        ("1", "neither"),
        ("17723682150000000", "neither"),
        ("1e9", "neither"),
        ("١٧٧٢٣٦٨٢١٥", "neither"),
        ("nan", "neither"),
        ("1999-12-31T23:59:59Z", "before 2000"),
        ("946684799", "before 2000"),
        ("0001-01-01T00:00:00+14:00", "out of range"),
        ("9999-12-31T23:59:59-14:00", "out of range"),
        ("99999999999", "in the future"),
        ("2026-03-02T00:00:01Z", "in the future"),
        ("9999999999999", "in the future"),
    ],
)
def test_what_is_no_usable_time_is_told(text: str, why: str) -> None:
    with pytest.raises(TimeError, match=why) as raised:
        parsed(text)
    assert len(text) < 2 or text not in str(raised.value)


def test_a_time_without_offset_is_of_the_zone() -> None:
    assert parsed("2026-03-01T13:30:15", BERLIN) == NOON
    assert parsed("2026-03-01T12:30:15Z", BERLIN) == NOON


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    assert parsed("2025-10-26T02:30:00", BERLIN) == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_an_hour_that_never_was_is_refused() -> None:
    with pytest.raises(TimeError, match="clock leaves out"):
        parsed("2025-03-30T02:30:00", BERLIN)


@given(
    st.timedeltas(timedelta(0), timedelta(9_500)).map(lambda ago: NOW - ago),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_what_is_written_in_iso_8601_is_read_back(moment: datetime, offset: timezone) -> None:
    assert parsed(moment.astimezone(offset).isoformat()) == moment


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(TimeError):
        assert parsed(text).tzinfo is UTC
