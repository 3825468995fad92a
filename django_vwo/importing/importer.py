"""Lines into the outbox, a batch at a time: each batch whole, and each conversion once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, IntegrityError, router, transaction
from django.db.models import QuerySet

from ..client import get_client
from ..engine.entities import CampaignSet
from ..engine.errors import NoDocumentError
from ..engine.events import Event, Kind
from ..failures import describe
from ..fields import DatabaseNow
from ..ledger_keys import dedup_key
from ..models import Event as EventRow
from ..models import EventStatus, LedgerEntry
from ..outbox.patience import patiently
from ..recorders.outbox import OutboxRecorder, restored_time, stored_time
from ..sources.current import current
from ..storages.database import DatabaseStorage
from .drafts import REACHED, Draft, Drafter, Fate, Known
from .lines import Line
from .planned import Planned
from .rows import Refusal

TURN = "importing"
"""Whose entry in the ledger an import holds while it writes; no visitor's key looks like it."""
KEYS_AT_ONCE = 1_000
"""A goal of many campaigns has as many keys for each line, and a query takes only so many."""
LONGEST_SHIFT = timedelta(seconds=1)


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    recorded: int = 0
    conversions: int = 0
    """What was recorded: a line may count in several campaigns."""
    known: int = 0
    not_counted: Counter[str] = field(default_factory=Counter)
    """By reason."""
    refused: int = 0
    last: int = 0
    """The number of the last line that is done."""

    @property
    def total(self) -> int:
        return self.recorded + self.known + self.not_counted.total() + self.refused


class Importer:
    """
    Imports lines by the process's client: its user storage, its recorder, its settings.

    With *planned*, nothing is written but there. Raises `ImproperlyConfigured` where the site has
    another recorder than the outbox.
    """

    def __init__(self, *, is_activated_elsewhere: bool, planned: Planned | None = None) -> None:
        site = get_client()
        if not isinstance(site.recorder, OutboxRecorder):
            raise ImproperlyConfigured("VWO['RECORDER'] is not the outbox: nothing can be imported")
        self.recorder = site.recorder
        self.recorder.asks_for_time = True
        self.storage = site.storage
        self.planned = planned
        self.drafter = Drafter(site.storage, is_activated_elsewhere=is_activated_elsewhere)
        self.alias = router.db_for_write(EventRow)
        self.tally = Tally()

    def add(self, lines: Sequence[Line]) -> list[Refusal]:
        """
        Import *lines*, all in one transaction. Returns those that were refused.

        Where the database refuses what one of them says, each has a transaction of its own. Raises
        `DatabaseError` where nothing can be written, and `NoDocumentError`.
        """
        campaigns = current()
        if campaigns is None:
            raise NoDocumentError
        try:
            drafts = patiently(partial(self.recorded, campaigns, lines), alias=self.alias)
        except (DataError, IntegrityError):
            drafts = [self.recorded_alone(campaigns, line) for line in lines]
        for draft in drafts:
            self.count(draft)
        refused = [draft for draft in drafts if draft.fate is Fate.REFUSED]
        return [draft.line.refusal(draft.reason) for draft in refused]

    def count(self, draft: Draft) -> None:
        """Count what became of a line."""
        tally, fate = self.tally, draft.fate
        tally.recorded += fate is Fate.RECORDED
        tally.conversions += sum(event.kind is Kind.CONVERSION for event in draft.events)
        tally.known += fate is Fate.KNOWN
        tally.refused += fate is Fate.REFUSED
        if fate is Fate.NOT_COUNTED:
            tally.not_counted[draft.reason] += 1
        tally.last = max(tally.last, draft.line.last)

    def recorded(self, campaigns: CampaignSet, lines: Sequence[Line]) -> list[Draft]:
        """Return what became of *lines*."""
        drafts = self.drafter.drafts(campaigns, lines)
        self.drafter.work_out(drafts, self.known(drafts))
        if self.planned is not None:
            settle(drafts, self.ledger(drafts) | self.planned.find(ledger_keys(drafts)))
            self.planned.add(ledger_keys(drafts))
        elif any(draft.fate is Fate.RECORDED for draft in drafts):
            self.write([draft for draft in drafts if draft.fate is Fate.RECORDED])
        return drafts

    def recorded_alone(self, campaigns: CampaignSet, line: Line) -> Draft:
        """Return what became of *line*, which may be what the database refuses."""
        try:
            return self.recorded(campaigns, [line])[0]
        except (DataError, IntegrityError) as error:
            draft = self.drafter.drafts(campaigns, [line])[0]
            draft.drop(Fate.REFUSED, f"the database refused it: {describe(error)}")
            return draft

    def write(self, drafts: Sequence[Draft]) -> None:
        """Record *drafts*, but for what another import, or anything else, has recorded since."""
        with transaction.atomic(using=self.alias):
            take_turn(self.alias)
            known = self.uuids(drafts)
            for draft in drafts:
                if draft.uuid in known:
                    draft.drop(Fate.KNOWN)
            settle(drafts, self.ledger(drafts))
            self.remember(drafts)
            self.recorder.record([event for draft in drafts for event in draft.events])

    def remember(self, drafts: Sequence[Draft]) -> None:
        """Have user storage know what the lines add to it."""
        if self.storage is None:
            return
        new = [each for draft in drafts for each in draft.assignments]
        if type(self.storage) is DatabaseStorage:
            self.storage.add_many(new)
        else:
            for visitor, assignment in new:
                with self.storage.writing() as writing:
                    writing.add(visitor, assignment)
        for draft in drafts:
            for visitor, keys, goal in draft.goals:
                self.storage.add_goals(visitor, keys, goal)

    # What is known of the visitors, in as few queries as there are things to know:

    def known(self, drafts: Sequence[Draft]) -> Known:
        """Return what is known before *drafts* are worked out."""
        assignments = None
        if type(self.storage) is DatabaseStorage:
            assignments = self.storage.read_many({draft.visitor for draft in drafts})
        visitors, goals = visitors_and_goals(drafts)
        happened = self.events().filter(visitor__in=visitors)
        reached = happened.filter(goal_identifier__in=goals, kind=Kind.CONVERSION).exclude(
            status=EventStatus.CANCELLED
        )
        times = [draft.line.time for draft in drafts]
        moments = happened.filter(
            occurred_at__gte=stored_time(min(times)),
            occurred_at__lte=stored_time(max(times) + LONGEST_SHIFT),
        )
        return Known(
            uuids=self.uuids(drafts),
            assignments=assignments,
            reached=set(
                reached.values_list(
                    "visitor", "goal_identifier", "campaign_key", "variation_name"
                ).distinct()
            ),
            moments=[
                (visitor, restored_time(moment))
                for visitor, moment in moments.values_list("visitor", "occurred_at")
            ],
        )

    def uuids(self, drafts: Sequence[Draft]) -> set[UUID]:
        """Return the message ids of those of *drafts* that are in the outbox."""
        visitors, goals = visitors_and_goals(drafts)
        found = self.events().filter(
            visitor__in=visitors,
            goal_identifier__in=goals,
            uuid__in={draft.uuid for draft in drafts},
        )
        return set(found.exclude(status=EventStatus.CANCELLED).values_list("uuid", flat=True))

    def ledger(self, drafts: Sequence[Draft]) -> dict[str, UUID]:
        """Return which message is the one that counts, by ledger key, as far as that is settled."""
        keys, found = list(ledger_keys(drafts)), dict[str, UUID]()
        for start in range(0, len(keys), KEYS_AT_ONCE):
            entries = LedgerEntry.objects.using(self.alias).filter(
                pk__in=keys[start : start + KEYS_AT_ONCE]
            )
            found.update(entries.values_list("dedup_key", "event_uuid"))
        return found

    def events(self) -> QuerySet[EventRow]:
        return EventRow.objects.using(self.alias).order_by()


def take_turn(alias: str) -> None:
    """
    Wait until no other import writes, and have others wait until the transaction ends.

    Two imports of the same line would record it twice, and the ledger, which tells messages apart
    by their ids, would let both through.
    """
    ledger = LedgerEntry.objects.using(alias)
    # The first statement of a transaction has to be one that writes, on SQLite.
    if not ledger.filter(pk=TURN).update(created_at=DatabaseNow()):
        ledger.bulk_create([LedgerEntry(pk=TURN, event_uuid=UUID(int=0))], ignore_conflicts=True)
        ledger.filter(pk=TURN).update(created_at=DatabaseNow())


def settle(drafts: Sequence[Draft], ledger: Mapping[str, UUID]) -> None:
    """Drop what *ledger* says to have counted: it is imported already, or was reached before."""
    for draft in drafts:
        counted = [ledger.get(ledger_key(event)) for event in conversions(draft)]
        if draft.uuid in counted:
            draft.drop(Fate.KNOWN)
        elif counted and all(counted):
            draft.drop(Fate.NOT_COUNTED, REACHED)
        else:
            draft.events = [
                event
                for event in draft.events
                if event.kind is not Kind.CONVERSION or ledger_key(event) not in ledger
            ]


def conversions(draft: Draft) -> list[Event]:
    return [event for event in draft.events if event.kind is Kind.CONVERSION]


def ledger_key(event: Event) -> str:
    return dedup_key(event.visitor, event.unique_key or "")


def ledger_keys(drafts: Sequence[Draft]) -> dict[str, UUID]:
    """Return the message ids of what is to be recorded, by what the ledger will call it."""
    events = [event for draft in drafts for event in conversions(draft)]
    return {ledger_key(event): event.uuid for event in events}


def visitors_and_goals(drafts: Sequence[Draft]) -> tuple[set[str], set[str]]:
    return {draft.visitor for draft in drafts}, {draft.line.goal for draft in drafts}
