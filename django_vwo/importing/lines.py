"""What a row says: who reached which goal, when, and what that was worth. Knows no Django."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, TextIO
from uuid import NAMESPACE_URL, UUID, uuid5

from .rows import Refusal, Row, RowError, read_rows
from .times import TimeError, parse_time

COLUMNS = {
    "user_id": "user_id",
    **dict.fromkeys(("goal", "event", "goal_identifier"), "goal"),
    "time": "time",
    "campaign": "campaign",
    "revenue": "revenue",
    "attributes": "attributes",
    "tags": "tags",
    "id": "id",
}
"""Every name that a column may have, with the name that it goes by."""
REQUIRED = ("user_id", "goal", "time")
NAMESPACE = uuid5(NAMESPACE_URL, "django_vwo.importing")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
REVENUE_LIMIT = 10**12
OBJECT_BYTES = 16 * 1024 - 2
"""Most bytes of attributes or tags, as JSON."""
DEPTH = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A conversion to import, checked."""

    number: int
    """Of the line where it begins."""
    last: int
    """Of the line where it ends."""
    user_id: str
    goal: str
    time: datetime
    """In UTC."""
    campaign: str | None = None
    """The key of the only campaign that it counts for; None: of all that have the goal."""
    revenue: int | float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Custom variables of the visitor."""
    tags: Mapping[str, Any] = field(default_factory=dict)
    """Properties of the event."""
    id: str | None = None
    """What the file tells this conversion from others by."""

    def refusal(self, reason: str) -> Refusal:
        """Return that this line is not imported, and why."""
        return Refusal(self.number, self.last, reason)

    def message_id(self, account_id: str) -> UUID:
        """
        Return the id that the conversion has whenever, and from whichever file, it is imported.

        Two lines have the same id if they have the same `id`; without one, if all that they tell
        of the conversion is the same. Visitor, goal and campaign always make a difference.
        """
        told = ["id", self.id] if self.id else [self.time.isoformat(), self.revenue, self.tags]
        identity = [account_id, self.user_id, self.goal, self.campaign, *told]
        return uuid5(NAMESPACE, json.dumps(identity, sort_keys=True, separators=(",", ":")))


def read_lines(file: TextIO, zone: tzinfo, latest: datetime) -> Iterator[Line | Refusal]:
    """
    Yield the conversions in *file*, a CSV file as `read_rows` takes it, and what is refused of it.

    Times without an offset are those of *zone*; none may be after *latest*. Raises `HeaderError`.
    """
    for row in read_rows(file, COLUMNS, REQUIRED):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            yield line_of(row, zone, latest)
        except (RowError, TimeError) as error:
            yield Refusal(row.first, row.last, str(error))


def line_of(row: Row, zone: tzinfo, latest: datetime) -> Line:
    """Return what *row* says. Raises `RowError` or `TimeError`."""
    values = row.values
    for name in REQUIRED:
        if name not in values:
            raise RowError(f"{name} is missing")
    return Line(
        number=row.first,
        last=row.last,
        user_id=values["user_id"],
        goal=values["goal"],
        time=parse_time(values["time"].strip(), zone, latest),
        campaign=values.get("campaign"),
        revenue=revenue_in(values.get("revenue", "")),
        attributes=object_in("attributes", values.get("attributes", "")),
        tags=object_in("tags", values.get("tags", "")),
        id=values.get("id"),
    )


def revenue_in(text: str) -> int | float | None:
    """
    Return the revenue as a number; None if none is given. Raises `RowError`.

    >>> revenue_in("12.50"), revenue_in("40.00"), revenue_in("")
    (12.5, 40, None)
    """
    text = text.strip()
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        raise RowError("revenue is no number, such as 1234.5")
    number = float(text)
    if not abs(number) < REVENUE_LIMIT:
        raise RowError(f"revenue is too large: expected less than {REVENUE_LIMIT:,}")
    return int(number) if number.is_integer() else number


def object_in(name: str, text: str) -> dict[str, Any]:
    """Return the JSON object that the column *name* has. Raises `RowError`."""
    if not text.strip():
        return {}
    try:
        found = json.loads(text, parse_constant=refuse_constant, parse_float=finite)
        size = len(json.dumps(found))
    except (ValueError, RecursionError):
        raise RowError(f"{name} is no JSON object, or has numbers that are not finite") from None
    if not isinstance(found, dict):
        raise RowError(f"{name} is no JSON object")
    if size > OBJECT_BYTES or is_deeper(found, DEPTH):
        raise RowError(f"{name} is too large: expected 16 KB and {DEPTH} levels at most")
    return found


def refuse_constant(name: str) -> float:
    """Raise `ValueError`: NaN and infinity are no JSON, though Python reads them."""
    raise ValueError(name)


def finite(text: str) -> float:
    """Return *text* as a number. Raises `ValueError` for one that is too large for that."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large")
    return number


def is_deeper(value: Any, depth: int) -> bool:
    """Return whether containers are in containers more than *depth* times."""
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(is_deeper(item, depth - 1) for item in items)
