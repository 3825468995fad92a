from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_vwo.outbox.outcome import (
    WAITING,
    Meaning,
    backoff_seconds,
    outcome_of,
    refusal_seconds,
    retry_after_seconds,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JSON = {"content-type": "application/json"}

ANSWERS = [
    pytest.param(200, JSON, b'{"status":"success"}', Meaning.SENT, id="200 with JSON"),
    pytest.param(200, {}, b"", Meaning.SENT, id="200, empty"),
    pytest.param(204, {}, b"", Meaning.SENT, id="204"),
    pytest.param(202, JSON, b"{}", Meaning.SENT, id="202"),
    pytest.param(200, {"content-type": "image/gif"}, b"GIF89a", Meaning.SENT, id="200, a pixel"),
    pytest.param(200, JSON, b'{"status":', Meaning.SENT, id="200, JSON cut short"),
    pytest.param(
        200, {"content-type": "text/html; charset=utf-8"}, b"ok", Meaning.MISCONFIGURED, id="HTML"
    ),
    pytest.param(200, JSON, b" \n<!doctype html>", Meaning.MISCONFIGURED, id="HTML in disguise"),
    pytest.param(200, {}, b"\xef\xbb\xbf<html>", Meaning.MISCONFIGURED, id="HTML after a BOM"),
    pytest.param(302, {"location": "/login"}, b"", Meaning.MISCONFIGURED, id="redirect to a login"),
    *(
        pytest.param(status, {}, b"", Meaning.MISCONFIGURED, id=str(status))
        for status in (101, 301, 304, 307, 308, 401, 402, 403, 404, 405, 407, 410, 451)
    ),
    *(
        pytest.param(status, JSON, b"{}", Meaning.WAIT, id=str(status))
        for status in (408, 425, 429, 500, 501, 502, 503, 504, 520, 599, 999)
    ),
    pytest.param(413, {}, b"<html>nginx</html>", Meaning.TOO_LARGE, id="413, with a page"),
    pytest.param(414, {}, b"", Meaning.TOO_LARGE, id="414: what is told stands in the address"),
    pytest.param(431, {}, b"", Meaning.TOO_LARGE, id="431: what is told stands in the headers"),
    pytest.param(400, JSON, b"{}", Meaning.REFUSED, id="400"),
    pytest.param(422, JSON, b"{}", Meaning.REFUSED, id="422"),
]


@pytest.mark.parametrize(("status", "headers", "body", "meaning"), ANSWERS)
def test_an_answer_means(
    status: int, headers: dict[str, str], body: bytes, meaning: Meaning
) -> None:
    outcome = outcome_of(status, headers, body, NOW)

    assert outcome.meaning is meaning
    assert outcome.status == status
    assert outcome.reason.startswith(f"HTTP {status}" if meaning is not Meaning.SENT else "")


RETRY_AFTER = [
    pytest.param("7", 7.0, id="seconds"),
    pytest.param(" 120 ", 120.0, id="seconds with blanks"),
    pytest.param("0", 0.0, id="zero"),
    pytest.param("3601", 3600.0, id="over an hour"),
    pytest.param("1000000000", 3600.0, id="a billion"),
    pytest.param("9" * 5000, 3600.0, id="5,000 digits"),
    pytest.param("-5", 0.0, id="negative"),
    pytest.param("1.5", 0.0, id="fraction"),
    pytest.param("٣", 0.0, id="digits of another script"),
    pytest.param("soon", 0.0, id="garbage"),
    pytest.param("", 0.0, id="empty"),
    pytest.param(format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0, id="a date"),
    pytest.param(format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0, id="a date gone by"),
    pytest.param(format_datetime(NOW + timedelta(days=9), usegmt=True), 3600.0, id="a far date"),
    pytest.param("Sun, 31 Feb 2026 99:99:99 GMT", 0.0, id="no date"),
]


@pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER)
def test_retry_after_is_honoured_up_to_an_hour(text: str, seconds: float) -> None:
    assert retry_after_seconds({"retry-after": text}, NOW) == seconds


def test_a_wrong_clock_does_not_stretch_retry_after() -> None:
    answered = NOW + timedelta(days=400)
    headers = {
        "date": format_datetime(answered, usegmt=True),
        "retry-after": format_datetime(answered + timedelta(seconds=30), usegmt=True),
    }

    assert retry_after_seconds(headers, NOW) == 30.0


@settings(deadline=None)
@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "date", "content-type", "location"]), st.text()
    ),
    body=st.binary(),
)
def test_no_answer_is_beyond_understanding(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    outcome = outcome_of(status, headers, body, NOW)

    assert 0.0 <= outcome.retry_after_seconds <= 3600.0
    assert (outcome.meaning is Meaning.SENT) == (outcome.reason == "")
    if status >= 500:
        assert outcome.meaning in WAITING


@settings(deadline=None)
@given(failures=st.integers(0, 10**9), chance=st.floats(0, 1), retry_after=st.floats(0, 3600))
def test_backoff_grows_to_a_quarter_of_an_hour(
    failures: int, chance: float, retry_after: float
) -> None:
    longest = min(900.0, 2.0 * 2 ** min(failures, 20))

    seconds = backoff_seconds(failures, chance, retry_after)

    assert max(longest / 2, retry_after) <= seconds <= max(longest, retry_after)


def test_a_refused_event_waits_longer_each_time() -> None:
    assert refusal_seconds(1) < refusal_seconds(2) < refusal_seconds(3)
