"""What an answer, or the lack of one, means for the events that were sent: pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

RETRY_AFTER_LIMIT_SECONDS = 3600.0
FIRST_BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 900.0
LONGEST_REFUSED_BACKOFF_SECONDS = 60.0
FIRST_REFUSAL_SECONDS = 60.0
NO_ANSWER = 0
"""Stands for the HTTP status where there is none."""

TOO_LARGE = frozenset({413, 414, 431})
"""The body, the address or the headers: what an event tells may stand in each of them."""
REFUSED = frozenset({400, 422})
BUSY = frozenset({408, 425, 429})


class Meaning(Enum):
    """What to do with the events of a request."""

    SENT = "delivered"
    WAIT = "the collector cannot take events now"
    MISCONFIGURED = "something between here and the collector is set up wrongly"
    TOO_LARGE = "the request is too large"
    REFUSED = "an event of the request is refused"


WAITING = frozenset({Meaning.WAIT, Meaning.MISCONFIGURED})
"""Nothing is known of the events: all of them wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of one request."""

    meaning: Meaning
    status: int = NO_ANSWER
    reason: str = ""
    """For people, without secrets; empty once delivered."""
    retry_after_seconds: float = 0.0
    """How long the collector asked to be left alone, 0 to an hour."""


def outcome_of(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Outcome:
    """
    Return what an answer means.

    *headers* have their names in lower case; *now* is the time at which ``Retry-After`` is read,
    unless the answer itself has a date.

    >>> outcome_of(503, {"retry-after": "7"}, b"", datetime.now(UTC)).retry_after_seconds
    7.0
    """
    is_page = is_html(headers, body)
    meaning = meaning_of(status, is_page)
    if meaning is Meaning.SENT:
        return Outcome(meaning=meaning, status=status)
    told = "an HTML page" if is_page else meaning.value
    return Outcome(
        meaning=meaning,
        status=status,
        reason=f"HTTP {status}: {told}",
        retry_after_seconds=retry_after_seconds(headers, now),
    )


def no_answer(reason: str) -> Outcome:
    """Return the outcome of a request that was not answered; it may have arrived."""
    return Outcome(meaning=Meaning.WAIT, reason=reason)


def refused_throughout(outcome: Outcome) -> Outcome:
    """Return what it means that a batch was refused, and each part of it that was tried."""
    return Outcome(
        meaning=Meaning.REFUSED,
        status=outcome.status,
        reason=f"{outcome.reason} (and nothing was accepted)",
    )


def meaning_of(status: int, is_page: bool) -> Meaning:
    """Return what *status* means. Only 2xx is success, and no HTML page is: a proxy wrote it."""
    if 200 <= status < 300:
        return Meaning.MISCONFIGURED if is_page else Meaning.SENT
    if status in TOO_LARGE:
        return Meaning.TOO_LARGE
    if status in REFUSED:
        return Meaning.REFUSED
    return Meaning.WAIT if status in BUSY or status >= 500 else Meaning.MISCONFIGURED


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether the answer is a page for people, whatever it calls itself."""
    kind = headers.get("content-type", "").lower()
    return "html" in kind or body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """
    Return how long ``Retry-After`` asks to wait, 0 to an hour; 0 if it says nothing sensible.

    >>> retry_after_seconds({"retry-after": "1000000000"}, datetime.now(UTC))
    3600.0
    """
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdecimal():
        seconds = float(given[:12]) if len(given) <= 12 else math.inf
    else:
        asked, told = http_date(given), http_date(headers.get("date", ""))
        seconds = (asked - (told or now)).total_seconds() if asked else 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT_SECONDS)


def http_date(text: str) -> datetime | None:
    """Return the moment that *text* names, or None."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def backoff_of(outcome: Outcome, failures: int, chance: float) -> float:
    """
    Return how long to leave the collector alone after *outcome*; see `backoff_seconds`.

    One that refuses events is up, and the next events may be better: it is tried again soon.
    """
    seconds = backoff_seconds(failures, chance, outcome.retry_after_seconds)
    if outcome.meaning is not Meaning.REFUSED:
        return seconds
    longest = (0.5 + chance / 2) * LONGEST_REFUSED_BACKOFF_SECONDS
    return max(outcome.retry_after_seconds, min(seconds, longest))


def backoff_seconds(failures: int, chance: float, retry_after: float = 0.0) -> float:
    """
    Return how long to leave the collector alone after *failures* earlier failures in a row.

    *chance*, 0 to 1, spreads the workers over the later half of the time.

    >>> backoff_seconds(0, 1.0), backoff_seconds(3, 0.5), backoff_seconds(10_000, 1.0)
    (2.0, 12.0, 900.0)
    """
    longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, 20))
    return max(retry_after, (0.5 + chance / 2) * longest)


def refusal_seconds(rejections: int) -> float:
    """
    Return how long an event waits that was refused alone for the *rejections*-th time.

    >>> refusal_seconds(1), refusal_seconds(2)
    (60.0, 240.0)
    """
    return FIRST_REFUSAL_SECONDS * 4.0 ** (min(rejections, 10) - 1)
