"""How `DatabaseStorage` writes: at once, or after the commit of a transaction that is open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..engine.entities import Visitor
from ..engine.errors import VWOError, shorten
from ..failures import describe
from ..logs import logger
from ..models import NAME_LENGTH, Assignment
from ..transactions import insist
from .base import NewAssignment, Writing


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
        return self.add_all(visitor, [new])[0]

    def add_all(self, visitor: Visitor, new: Sequence[NewAssignment]) -> list[str]:
        rows = Assignment.objects.using(self.alias).filter(visitor=visitor.key)
        for each in new:
            if each.replaces is not None:
                gone = rows.filter(assignment_key=each.key, variation=each.replaces)
                gone.update(variation=each.variation)
        self.add_many([(visitor, each) for each in new])
        found = rows.filter(assignment_key__in=[each.key for each in new])
        winners = dict(found.values_list("assignment_key", "variation"))
        return [winners[each.key] for each in new]

    def add_many(self, new: Sequence[tuple[Visitor, NewAssignment]]) -> None:
        """Remember what *new* says of visitors of whom nothing is remembered: one query."""
        for _visitor, each in new:
            check_lengths(each)
        rows = [
            Assignment(
                visitor=visitor.key,
                user_id=visitor.user_id.replace("\0", ""),
                assignment_key=each.key,
                variation=each.variation,
            )
            for visitor, each in new
        ]
        # In one order everywhere, so that two writers wait for each other at most one way.
        rows.sort(key=lambda row: (row.visitor, row.assignment_key))
        Assignment.objects.using(self.alias).bulk_create(rows, ignore_conflicts=True)


class DeferredWriting(Writing):
    """Writes once the caller's transaction is committed; nothing is kept of one rolled back."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.changes: list[AssignmentChange] = []

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        return self.add_all(visitor, [new])[0]

    def add_all(self, visitor: Visitor, new: Sequence[NewAssignment]) -> list[str]:
        for each in new:
            check_lengths(each)
        variations: dict[str, str] = {}
        self.changes.append(AddedAssignments(self.alias, visitor, tuple(new)))
        for change in (*waiting_changes(self.alias, visitor, AssignmentChange), *self.changes):
            change.show_in(variations)
        return [variations[each.key] for each in new]

    def close(self) -> None:
        """Have everything that was added wait for the commit."""
        for change in self.changes:
            transaction.on_commit(change, using=self.alias, robust=True)


@dataclass(frozen=True, slots=True)
class WaitingChange(ABC):
    """A change of what is remembered of a visitor that waits for the caller's commit."""

    alias: str
    visitor: Visitor

    def __call__(self) -> None:
        try:
            insist(self.alias, self.make_whole)
        except Exception as error:
            logger.error("What was decided is not remembered: %s", describe(error))

    def make_whole(self) -> None:
        """Make all of the change, or nothing."""
        with transaction.atomic(using=self.alias):
            self.make()

    @abstractmethod
    def make(self) -> None:
        """Make the change."""


class AssignmentChange(WaitingChange):
    """A change of the rows of a visitor's assignments."""

    @abstractmethod
    def show_in(self, variations: dict[str, str]) -> None:
        """Make the change to *variations*, by assignment key, ahead of the commit."""


@dataclass(frozen=True, slots=True)
class AddedAssignments(AssignmentChange):
    """Assignments to remember, each of another campaign."""

    new: tuple[NewAssignment, ...]

    def make(self) -> None:
        ImmediateWriting(self.alias).add_all(self.visitor, self.new)

    def show_in(self, variations: dict[str, str]) -> None:
        for each in self.new:
            if variations.get(each.key) in (None, each.replaces):
                variations[each.key] = each.variation


class Forgetting(AssignmentChange):
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
    known: Waiting | None = vars(connection).get("_django_vwo_waiting")
    if known is None:
        known = vars(connection)["_django_vwo_waiting"] = Waiting()
    known.catch_up(connection.run_on_commit)
    return known


def waiting_changes(alias: str, visitor: Visitor, kind: type[Any]) -> list[Any]:
    """Return *visitor*'s changes of a kind in the open transaction, but those rolled back in it."""
    changes = waiting(transaction.get_connection(alias)).changes_of(visitor)
    return [change for change in changes if isinstance(change, kind)]


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


def rollback_watch(alias: str) -> Callable[[], bool] | None:
    """Return what `UserStorage.watch_rollback` returns for what goes with the transaction."""
    connection = transaction.get_connection(alias)
    if tells_of_commit(connection):
        return CommitMark(connection).is_rolled_back
    return None if connection.get_autocommit() else maybe_rolled_back


def maybe_rolled_back() -> bool:
    """Return True: where the site commits by hand, nobody tells what it rolled back."""
    return True
