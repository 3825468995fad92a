"""Everything that is to be known of a document before it goes live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError

from ..client import get_client
from ..engine.changes import Change, changes
from ..engine.entities import CampaignSet
from ..failures import describe
from ..sources import current
from ..sources.base import Fetched
from ..sources.reading import read
from ..storages.database import DatabaseStorage, database
from ..transactions import survivable
from . import stored
from .code import Code, read_code
from .mixes import Mix, mixes
from .moves import Moves, moves, running_keys
from .population import VISITORS, Tick
from .splits import Split, splits
from .stored import Fates
from .uses import STRICT, Finding, Unused, findings, unused


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a new document is, and does to the site that it is checked on."""

    origin: str
    campaigns: CampaignSet
    in_service: str
    """Where the document in service came from; empty: there is none."""
    changes: tuple[Change, ...]
    fates: dict[str, Fates] | None
    """What becomes of remembered visitors, by campaign; None: they are not in this database."""
    storage_trouble: str
    """Why the user storage could not be read; empty: it could."""
    mixes: tuple[Mix, ...]
    moves: tuple[Moves, ...]
    """How visitors change places where nobody is known to be remembered."""
    splits: tuple[Split, ...]
    code: Code
    findings: tuple[Finding, ...]
    unused: Unused

    @property
    def is_lacking(self) -> bool:
        """Whether the site's code asks for what the document lacks, or has as another type."""
        return any(finding.verdict in STRICT for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A document to check on this site. Making one raises `VWOError` if it cannot be used."""

    origin: str
    before: CampaignSet | None
    in_service: str
    after: CampaignSet
    is_remembering: bool
    is_database: bool
    """Whether the user storage is the table of this site."""

    def steps(self) -> int:
        """Return how many steps `report` takes, about."""
        simulated = len(self.after.campaigns)
        if not self.is_database:
            return VISITORS * (simulated + len(running_keys(self.before, self.after)))
        try:
            return VISITORS * simulated + stored.count()
        except DatabaseError:
            return VISITORS * simulated


def task(fetched: Fetched) -> Task:
    """Return what is to be done to check *fetched*. Raises `VWOError` if it cannot be used."""
    after = read(fetched)
    in_service, storage = current.in_service(), get_client().storage
    return Task(
        origin=fetched.origin,
        before=in_service.campaigns,
        in_service=in_service.origin if in_service.campaigns else "",
        after=after,
        is_remembering=storage is not None,
        is_database=isinstance(storage, DatabaseStorage),
    )


def report(
    task: Task, sources: Sequence[Path] = (), *, with_tests: bool = False, tick: Tick = int
) -> Report:
    """Return everything about the document of *task*; *sources* as `read_code` takes them."""
    fates, trouble = remembered(task, tick)
    changing: list[Moves] = []
    if fates is None:
        changing = moves(task.before, task.after, is_remembering=task.is_remembering, tick=tick)
    code = read_code(sources, with_tests=with_tests)
    return Report(
        origin=task.origin,
        campaigns=task.after,
        in_service=task.in_service,
        changes=changes(task.before, task.after),
        fates=None if fates is None else by_campaign(fates, task.before, task.after),
        storage_trouble=trouble,
        mixes=tuple(mixes(task.after, fates or {})),
        moves=tuple(changing),
        splits=tuple(splits(task.after, is_remembering=task.is_remembering, tick=tick)),
        code=code,
        findings=tuple(findings(code.uses, task.after)),
        unused=unused(code.uses, task.after),
    )


def by_campaign(fates: Mapping[str, Fates], *documents: CampaignSet | None) -> dict[str, Fates]:
    """Return *fates*, which go by assignment key, by the campaign's key, as far as one has it."""
    keys = {
        campaign.assignment_key: campaign.key
        for campaigns in documents
        if campaigns
        for known in (campaigns.paused_campaigns, campaigns.campaigns)
        for campaign in known.values()
    }
    return {keys.get(key, key): each for key, each in fates.items()}


def remembered(task: Task, tick: Tick) -> tuple[dict[str, Fates] | None, str]:
    """Return what becomes of remembered visitors, or None and why that cannot be told."""
    if not task.is_database:
        return None, ""
    try:
        with survivable(database()):
            return stored.fates(task.before, task.after, tick), ""
    except DatabaseError as error:
        return None, describe(error)
