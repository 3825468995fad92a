"""How `DatabaseStorage` writes: at once, or after the commit of a transaction that is open."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..engine.entities import Visitor
from ..engine.errors import VWOError, shorten
from ..failures import describe
from ..models import NAME_LENGTH, Assignment
from .base import NewAssignment, Writing

logger = logging.getLogger("django_vwo")


def tells_of_commit(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a transaction is open whose commit Django announces."""
    # Inside a block of a site that commits by hand, Django may never run what waits for it.
    return connection.in_atomic_block and connection.commit_on_exit


def check_lengths(new: NewAssignment) -> None:
    """Raise `VWOError` for names that the table cannot hold: cut, they would be others."""
    for name in (new.key, new.variation):
        if len(name) > NAME_LENGTH:
            found = f"{shorten(name)} has {len(name)} characters"
            raise VWOError(f"The campaign or variation {found}; expected at most {NAME_LENGTH}.")


def delete_assignments(alias: str, visitor: Visitor) -> None:
    Assignment.objects.using(alias).filter(visitor=visitor.key).delete()


class ImmediateWriting(Writing):
    """Writes at once, in a short transaction of its own."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        check_lengths(new)
        rows = Assignment.objects.using(self.alias)
        mine = rows.filter(visitor=visitor.key, assignment_key=new.key)
        if new.replaces is not None:
            mine.filter(variation=new.replaces).update(variation=new.variation)
        row = Assignment(
            visitor=visitor.key,
            user_id=visitor.user_id.replace("\0", ""),
            assignment_key=new.key,
            variation=new.variation,
        )
        rows.bulk_create([row], ignore_conflicts=True)
        return mine.values_list("variation", flat=True).get()


class DeferredWriting(Writing):
    """Writes once the caller's transaction is committed; nothing is kept of one rolled back."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.changes: list[WaitingChange] = []

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        check_lengths(new)
        variations: dict[str, str] = {}
        self.changes.append(AddedAssignment(self.alias, visitor, new))
        for change in (*waiting_changes(self.alias, visitor), *self.changes):
            change.show_in(variations)
        return variations[new.key]

    def close(self) -> None:
        """Have everything that was added wait for the commit."""
        for change in self.changes:
            transaction.on_commit(change, using=self.alias, robust=True)


@dataclass(frozen=True, slots=True)
class WaitingChange(ABC):
    """A change of a visitor's assignments that waits for the caller's commit."""

    alias: str
    visitor: Visitor

    def __call__(self) -> None:
        try:
            with transaction.atomic(using=self.alias):
                self.make()
        except Exception as error:
            logger.error("What was decided is not remembered: %s", describe(error))

    @abstractmethod
    def make(self) -> None:
        """Make the change."""

    @abstractmethod
    def show_in(self, variations: dict[str, str]) -> None:
        """Make the change to *variations*, by assignment key, ahead of the commit."""


@dataclass(frozen=True, slots=True)
class AddedAssignment(WaitingChange):
    """An assignment to remember."""

    new: NewAssignment

    def make(self) -> None:
        ImmediateWriting(self.alias).add(self.visitor, self.new)

    def show_in(self, variations: dict[str, str]) -> None:
        if variations.get(self.new.key) in (None, self.new.replaces):
            variations[self.new.key] = self.new.variation


class Forgetting(WaitingChange):
    """A visitor to forget, again: changes that wait since before must not bring them back."""

    def make(self) -> None:
        delete_assignments(self.alias, self.visitor)

    def show_in(self, variations: dict[str, str]) -> None:
        variations.clear()


class Waiting:
    """What waits for the commit of a connection's open transaction, found without a search."""

    def __init__(self) -> None:
        self._entries: list[Any] = []
        self._start_anew(self._entries)

    def _start_anew(self, entries: list[Any]) -> None:
        self._entries, self._seen = entries, 0
        self._changes: defaultdict[str, list[WaitingChange]] = defaultdict(list)
        self._marks: set[CommitMark] = set()

    def catch_up(self, entries: list[Any]) -> None:
        """
        Take note of the *entries* that are new since last time.

        Django appends to this list of its own, and replaces it by another one with each rollback,
        be it to a savepoint, and each commit: as long as it is the same, nothing was taken away.
        """
        if entries is not self._entries or len(entries) < self._seen:
            self._start_anew(entries)
        for index in range(self._seen, len(entries)):
            function = entries[index][1]
            if isinstance(function, WaitingChange):
                self._changes[function.visitor.key].append(function)
            elif isinstance(function, CommitMark):
                self._marks.add(function)
        self._seen = len(entries)

    def changes_of(self, visitor: Visitor) -> Sequence[WaitingChange]:
        return self._changes.get(visitor.key, ())

    def has(self, mark: CommitMark) -> bool:
        return mark in self._marks


def waiting(connection: BaseDatabaseWrapper) -> Waiting:
    """Return what waits for the commit of the open transaction, without what was rolled back."""
    # Kept on the connection, for both end together.
    known: Waiting = vars(connection).setdefault("_django_vwo_waiting", Waiting())
    known.catch_up(connection.run_on_commit)
    return known


def waiting_changes(alias: str, visitor: Visitor) -> Sequence[WaitingChange]:
    """Return *visitor*'s changes of the open transaction, without those rolled back in it."""
    return waiting(transaction.get_connection(alias)).changes_of(visitor)


class CommitMark:
    """Shares the fate of what was written before it was made: committed or rolled back."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.is_committed = False
        transaction.on_commit(self, using=connection.alias, robust=True)

    def __call__(self) -> None:
        self.is_committed = True

    def is_rolled_back(self) -> bool:
        """Return whether it is neither committed nor waiting for the commit any longer."""
        return not self.is_committed and not waiting(self.connection).has(self)
