"""Records of VWO's own SDKs, moved into the site's database: assignments and reached goals."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TextIO
from uuid import UUID, uuid4

from django.db import router, transaction
from django.db.models import Q

from ..engine.entities import CampaignSet
from ..engine.events import Kind, unique_key
from ..ledger_keys import dedup_key
from ..models import NAME_LENGTH, Assignment, Event, EventStatus, LedgerEntry
from ..transactions import insist
from .records import GOALS, goals_in

BYTE_ORDER_MARK = "\ufeff"
NAMES = {"userId": None, "campaignKey": NAME_LENGTH, "variationName": NAME_LENGTH}
"""What a record must have, as text, and how long that may be."""

Place = tuple[str, str]
"""A visitor's key and a campaign's."""


class HeaderError(ValueError):
    """The file names no columns that can be imported; the message says which are needed."""


class RecordError(ValueError):
    """A record cannot be imported; the message says why, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class Given:
    """A record of the file, checked."""

    user_id: str
    visitor: str
    key: str
    variation: str
    goals: tuple[str, ...]

    @property
    def place(self) -> Place:
        return self.visitor, self.key


@dataclass(slots=True)
class Tally:
    """What became of the records so far."""

    new: int = 0
    known: int = 0
    """Remembered before, with the same variation."""
    others: int = 0
    """Remembered before, with another variation, which stays."""
    goals: int = 0
    """Goals that are known as reached, be they new or not."""
    refused: int = 0
    planned: dict[Place, str] = field(default_factory=dict)
    """What a dry run would have remembered, so that it counts as what it stands for does."""

    @property
    def total(self) -> int:
        return self.new + self.known + self.others + self.refused


def read_records(file: TextIO) -> Iterator[tuple[int, Any]]:
    """
    Yield the records of *file*, each with the number of its line or, in a list, of itself.

    The file is a JSON list, JSON lines, or CSV whose first line names the columns. What is no JSON
    comes as a `RecordError`. Raises `ValueError` if nothing can be read.
    """
    first = 1
    start = file.read(1)
    while start.isspace() or start == BYTE_ORDER_MARK:
        first += start == "\n"
        start = file.read(1)
    if start == "[":
        yield from enumerate(json.loads(start + file.read()), 1)
    elif start == "{":
        for number, line in enumerate(rejoined(start, file), first):
            if line.strip():
                yield number, json_value(line)
    else:
        for number, row in csv_rows(rejoined(start, file)):
            yield first + number, row


def csv_rows(lines: Iterator[str]) -> Iterator[tuple[int, Any]]:
    """Yield the rows of *lines* below the first, each with how many lines that is below."""
    rows = csv.reader(lines)
    names = next(rows)
    if names and not NAMES.keys() <= set(names):
        needed = ", ".join(NAMES)
        raise HeaderError(f"the first line has to name the columns, by commas: {needed}")
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield rows.line_num - 1, RecordError("is no CSV, or too large a field of it")
            continue
        if row:
            yield rows.line_num - 1, dict(zip(names, row, strict=False))


def rejoined(start: str, file: TextIO) -> Iterator[str]:
    """Yield the lines of *file*, *start* being read already."""
    yield start + file.readline()
    yield from file


def json_value(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return RecordError("is not JSON")


def checked(record: object, visitor_key: Callable[[str], str]) -> Given:
    """Return *record* if it can be imported. Raises `RecordError`."""
    if isinstance(record, RecordError):
        raise record
    if not isinstance(record, Mapping):
        raise RecordError("is no object")
    user_id, key, variation = (
        checked_text(record, name, longest) for name, longest in NAMES.items()
    )
    for spelling in GOALS:
        if not isinstance(record.get(spelling, ""), str | None):
            raise RecordError(f"{spelling} is no text")
    goals = tuple(goals_in(record))
    return Given(user_id, visitor_key(user_id), key, variation, goals)


def as_stored(given: Given, campaigns: CampaignSet) -> Given:
    """Return *given* as user storage calls its campaign and variation, if the document has them."""
    campaign = campaigns.campaigns.get(given.key) or campaigns.paused_campaigns.get(given.key)
    if campaign is None:
        return given
    named = (
        each.stored_as for each in campaign.variations.values() if each.name == given.variation
    )
    variation = next(named, given.variation)
    return replace(given, key=campaign.assignment_key, variation=variation)


def checked_text(record: Mapping[str, Any], name: str, longest: int | None) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise RecordError(f"{name} is missing, or is no text")
    if longest and (len(value) > longest or "\0" in value):
        raise RecordError(f"{name} is longer than {longest} characters, or has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RecordError(f"{name} is not Unicode") from None
    return value


def import_records(given: Sequence[Given], tally: Tally, *, is_dry_run: bool = False) -> None:
    """Remember what *given* says, but for visitors and campaigns that something is known of."""
    alias = router.db_for_write(Assignment)
    planned = {each.place: tally.planned.get(each.place) for each in given}
    before = {place: name for place, name in planned.items() if name} | assigned(alias, given)
    new = {each.place: each for each in reversed(given) if each.place not in before}
    after = before | {place: each.variation for place, each in new.items()}
    if is_dry_run:
        tally.planned.update((place, each.variation) for place, each in new.items())
    else:
        after = insist(alias, partial(remember, alias, given, new))
    for each in given:
        is_kept = after.get(each.place) == each.variation
        is_first = new.get(each.place) is each
        tally.new += is_first and is_kept
        tally.known += is_kept and not is_first
        tally.others += not is_kept
        tally.goals += len(each.goals) if is_kept else 0


def remember(alias: str, given: Iterable[Given], new: Mapping[Place, Given]) -> dict[Place, str]:
    """Return what is remembered once *new* is, with the goals of what is as it was *given*."""
    with transaction.atomic(using=alias):
        # In one order everywhere, so that two writers wait for each other at most one way.
        insert(alias, [new[place] for place in sorted(new)])
        after = assigned(alias, given)
        enter_goals([each for each in given if after.get(each.place) == each.variation])
    return after


def assigned(alias: str, given: Iterable[Given]) -> dict[Place, str]:
    """Return what is remembered of the visitors and campaigns in *given*."""
    visitors, keys = {each.visitor for each in given}, {each.key for each in given}
    rows = Assignment.objects.using(alias).filter(
        Q(visitor__in=visitors) & Q(assignment_key__in=keys)
    )
    found = rows.values_list("visitor", "assignment_key", "variation")
    return {(visitor, key): variation for visitor, key, variation in found}


def insert(alias: str, given: Iterable[Given]) -> None:
    rows = [
        Assignment(
            visitor=each.visitor,
            user_id=each.user_id.replace("\0", ""),
            assignment_key=each.key,
            variation=each.variation,
        )
        for each in given
    ]
    Assignment.objects.using(alias).bulk_create(rows, ignore_conflicts=True)


def enter_goals(given: Iterable[Given]) -> None:
    """
    Have the ledger know the goals as reached, so that they do not count again.

    An event that is still to tell of one keeps its right to be sent.
    """
    campaigns = {key: each.key for each in given for key in ledger_keys(each)}
    uuids = unsent({each.visitor for each in given}, campaigns)
    entries = [
        LedgerEntry(dedup_key=key, event_uuid=uuids.get(key) or uuid4(), campaign_key=campaign)
        for key, campaign in sorted(campaigns.items())
    ]
    ledger = LedgerEntry.objects.using(router.db_for_write(LedgerEntry))
    ledger.bulk_create(entries, ignore_conflicts=True)


def ledger_keys(given: Given) -> Iterator[str]:
    """Yield what stands in the ledger for each goal that was reached."""
    for goal in given.goals:
        once = unique_key(Kind.CONVERSION, given.key, given.variation, goal)
        yield dedup_key(given.visitor, once)


def unsent(visitors: Collection[str], keys: Collection[str]) -> dict[str, UUID]:
    """Return the events of *visitors* that wait, or failed and may be sent again, by ledger key."""
    events = Event.objects.using(router.db_for_write(Event)).filter(
        visitor__in=visitors,
        dedup_key__in=keys,
        status__in=(EventStatus.PENDING, EventStatus.DEAD),
    )
    # Of several, the last one stands: the oldest of those that wait.
    found = events.order_by("-status", "-pk").values_list("dedup_key", "uuid")
    return {key: uuid for key, uuid in found if key is not None}
