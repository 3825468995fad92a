"""What becomes of visitors whom the user storage remembers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ..engine.changes import successor
from ..engine.decision import Decision, decide
from ..engine.entities import Assignment, CampaignSet, Reason
from ..engine.steps import Trial
from ..models import Assignment as AssignmentRow
from ..storages.database import database
from .population import Tick, everybody_in
from .shares import Met

CHUNK_ROWS = 500
EXAMPLES = 3


class Fate(Enum):
    """What becomes of a remembered visitor in a campaign."""

    KEPT = "keep theirs"
    """They meet the variation that they meet now."""
    FORCED = "forced"
    """Whitelisting gives them another variation."""
    MOVED = "another variation"
    """Theirs is gone; they are decided on anew."""
    OUT = "none any more"
    """Theirs is gone, and deciding anew gives them none."""
    ENDED = "not running"
    RETURNED = "back to theirs"
    """The campaign does not run now, and will; or their variation comes back."""
    LOST = "not found"
    """They are remembered under another account, or another key of the campaign."""
    NONE = "none as before"


class Row(NamedTuple):
    """A row of the user storage."""

    pk: int
    visitor: str
    user_id: str
    key: str
    variation: str


@dataclass(slots=True)
class Fates:
    """What becomes of the remembered visitors of one campaign."""

    counts: Counter[tuple[Fate, Met, Met]] = field(default_factory=Counter)
    """By fate, the variation that they meet now, and the one that they will meet."""
    remembered: Counter[str] = field(default_factory=Counter)
    """By the name of the remembered variation."""
    examples: dict[Fate, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Some visitors of each fate but `Fate.KEPT`, by the key under which the vendor knows them."""

    def add(self, row: Row, fate: Fate, now: Met, then: Met) -> None:
        """Count a visitor."""
        self.counts[fate, now, then] += 1
        self.remembered[row.variation] += 1
        if fate is not Fate.KEPT and len(self.examples[fate]) < EXAMPLES:
            self.examples[fate].append(row.visitor)

    def total(self, *fates: Fate) -> int:
        """Return how many visitors have one of *fates*; without any, how many there are."""
        wanted = fates or tuple(Fate)
        return sum(count for (fate, _, _), count in self.counts.items() if fate in wanted)


class Outlook:
    """What remembered visitors meet under one document, if they meet every segment."""

    def __init__(self, campaigns: CampaignSet, before: CampaignSet | None = None) -> None:
        self.campaigns = everybody_in(campaigns)
        running = self.campaigns.campaigns
        self.renamed = {
            old: running[new] for old, new in (renamed(before, campaigns) if before else ())
        }
        """By the assignment key that they had in the document before."""
        self.by_assignment_key = self.renamed | {
            campaign.assignment_key: campaign for campaign in running.values()
        }

    def knows(self, row: Row) -> bool:
        """Return whether what *row* remembers is found: under this account, and this key."""
        is_found = self.campaigns.visitor_key(row.user_id) == row.visitor
        return is_found and row.key not in self.renamed

    def decision(self, row: Row, stored: Mapping[str, Assignment]) -> Decision | None:
        """Return the decision on a row's visitor, who has *stored*; None if nothing is decided."""
        campaign = self.by_assignment_key.get(row.key)
        if campaign is None:
            return None
        return decide(Trial(self.campaigns, row.user_id, stored=stored), campaign)

    def needs_others(self, row: Row) -> bool:
        """Return whether what else is remembered of the visitor may matter: in a group it may."""
        campaign = self.by_assignment_key.get(row.key)
        return bool(campaign and campaign.group and row.variation not in campaign.variations)


def fates(before: CampaignSet | None, after: CampaignSet, tick: Tick = int) -> dict[str, Fates]:
    """
    Return what becomes of all remembered visitors when *after* comes into service, by campaign.

    Reads all rows, a chunk at a time.
    """
    now, then = Outlook(before) if before else None, Outlook(after, before)
    outlooks = [now, then] if now else [then]
    found: dict[str, Fates] = defaultdict(Fates)
    for rows in chunks():
        entangled = (row for row in rows if any(each.needs_others(row) for each in outlooks))
        known = remembered_by({row.visitor for row in entangled})
        for row in rows:
            stored = known.get(row.visitor) or {row.key: Assignment(row.variation)}
            was_known, is_known = now is None or now.knows(row), then.knows(row)
            met_now = now.decision(row, stored if was_known else {}) if now else None
            met_then = then.decision(row, stored if is_known else {})
            is_lost = was_known and not is_known
            found[row.key].add(row, fate(met_now, met_then, is_lost), met(met_now), met(met_then))
        tick(len(rows))
    return dict(sorted(found.items()))


def renamed(before: CampaignSet, after: CampaignSet) -> Iterator[tuple[str, str]]:
    """Yield the old assignment key, and the new key, of each campaign that has another one."""
    for campaign in before.campaigns.values():
        new = successor(before, campaign, after)
        if new and new.assignment_key != campaign.assignment_key:
            yield campaign.assignment_key, new.key


def fate(now: Decision | None, then: Decision | None, is_lost: bool) -> Fate:
    """Return what becomes of a visitor on whom is decided so *now* and *then*."""
    if met(now) is None and met(then) is None:
        return Fate.NONE
    if then is None:
        return Fate.ENDED
    if is_lost:
        return Fate.LOST
    if met(now) == met(then):
        return Fate.KEPT
    if then.reason is Reason.FORCED:
        return Fate.FORCED
    if then.reason is Reason.STORED:
        return Fate.RETURNED
    return Fate.MOVED if then.variation else Fate.OUT


def met(decision: Decision | None) -> Met:
    """Return the name of the variation that a decision gives."""
    return decision.variation.name if decision and decision.variation else None


def count() -> int:
    """Return how many rows the user storage has."""
    return AssignmentRow.objects.using(database()).count()


def chunks() -> Iterator[list[Row]]:
    """Yield all rows, in the order of their primary keys."""
    rows = AssignmentRow.objects.using(database()).order_by("pk")
    columns = rows.values_list("pk", "visitor", "user_id", "assignment_key", "variation")
    last = 0
    while chunk := [Row(*values) for values in columns.filter(pk__gt=last)[:CHUNK_ROWS]]:
        yield chunk
        last = chunk[-1].pk


def remembered_by(visitors: set[str]) -> Mapping[str, Mapping[str, Assignment]]:
    """Return all assignments of *visitors*, by visitor and assignment key."""
    found: dict[str, dict[str, Assignment]] = defaultdict(dict)
    if visitors:
        rows = AssignmentRow.objects.using(database()).filter(visitor__in=visitors)
        for visitor, key, variation in rows.values_list("visitor", "assignment_key", "variation"):
            found[visitor][key] = Assignment(variation)
    return found
