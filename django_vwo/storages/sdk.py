"""User storage in what a site has written for VWO's own SDKs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import router, transaction

from ..engine.entities import Assignment, Visitor
from ..engine.errors import VWOError
from ..models import Event
from .base import LookUp, NewAssignment, UserStorage, Writing
from .plugging import plugged
from .records import assignment_in, new_record, with_goal
from .writing import WaitingChange, rollback_watch, tells_of_commit, waiting_changes

METHODS = ("get", "set")


class SDKStorage(UserStorage):
    """
    Keeps assignments in *storage*, a `UserStorage` for VWO's own SDKs, in the records they keep.

    *storage* is the class, an instance, or the dotted path of either. Its `get(user_id,
    campaign_key)` returns a record or None, its `set(record)` keeps one; a `forget(user_id)`, which
    the SDKs do not ask for, erases all of a visitor's. It is asked only for the campaigns that a
    call concerns. It cannot be told to keep only what is new: of two first requests at the same
    time, the later one may overwrite the other.

    What is decided in a transaction is kept once that is committed.
    """

    def __init__(self, storage: object) -> None:
        self.storage = plugged("storage", storage, METHODS)

    def read(self, visitor: Visitor, goal_identifier: str | None = None) -> LookUp:
        return LookUp(partial(self.assignment, visitor))

    def assignment(self, visitor: Visitor, key: str) -> Assignment | None:
        """Return what is remembered of *visitor* in the campaign *key*."""
        return assignment_in(self.record(visitor, key), key)

    def record(self, visitor: Visitor, key: str) -> object:
        """Return the record of *visitor* and the campaign *key*, as it will be after the commit."""
        record = self.storage.get(visitor.user_id, key)
        for change in waiting_changes(database(), visitor, RecordChange):
            record = change.applied_to(record, key)
        return record

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        writing = RecordWriting(self)
        yield writing
        writing.close()

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        for key in keys:
            after_commit(AddedGoal(database(), visitor, self.storage, key, goal_identifier))

    def watch_rollback(self) -> Callable[[], bool] | None:
        return rollback_watch(database())

    def forget(self, visitor: Visitor) -> None:
        if not callable(getattr(self.storage, "forget", None)):
            name = type(self.storage).__qualname__
            raise VWOError(f"Nothing was erased: {name} has no method forget(user_id).")
        forgetting = ForgottenRecords(database(), visitor, self.storage)
        forgetting.make()
        if waiting_changes(database(), visitor, RecordChange):
            after_commit(forgetting)


def database() -> str:
    """Return the alias of the database whose transactions decide on what is remembered."""
    return router.db_for_write(Event)


class RecordWriting(Writing):
    """Writes when everything that goes with it was recorded: what is set cannot be taken back."""

    def __init__(self, storage: SDKStorage) -> None:
        self.storage = storage
        self.changes: list[RecordChange] = []

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        change = AddedRecord(database(), visitor, self.storage.storage, new.key, new)
        record = change.applied_to(self.storage.record(visitor, new.key), new.key)
        self.changes.append(change)
        found = assignment_in(record, new.key)
        return found.variation if found else new.variation

    def close(self) -> None:
        """Have everything that was added kept."""
        for change in self.changes:
            after_commit(change)


def after_commit(change: WaitingChange) -> None:
    """Make *change* now, or once the caller's transaction is committed."""
    if tells_of_commit(transaction.get_connection(change.alias)):
        transaction.on_commit(change, using=change.alias, robust=True)
    else:
        change.make()


@dataclass(frozen=True, slots=True)
class RecordChange(WaitingChange):
    """A change of a visitor's records."""

    storage: Any

    def make_whole(self) -> None:
        """Make the change in no transaction of ours: how records are kept is the site's affair."""
        self.make()

    @abstractmethod
    def applied_to(self, record: object, key: str) -> object:
        """Return what becomes of *record*, the visitor's of the campaign *key*."""


@dataclass(frozen=True, slots=True)
class RecordUpdate(RecordChange):
    """A change of one record; nothing is set that stays as it is."""

    key: str

    def make(self) -> None:
        before = self.storage.get(self.visitor.user_id, self.key)
        after = self.applied_to(before, self.key)
        if after is not before:
            self.storage.set(after)

    def applied_to(self, record: object, key: str) -> object:
        return self.changed(record) if key == self.key else record

    @abstractmethod
    def changed(self, record: Any) -> object:
        """Return what becomes of *record*, which may be of any shape."""


@dataclass(frozen=True, slots=True)
class AddedRecord(RecordUpdate):
    """An assignment to remember, unless another one is remembered."""

    new: NewAssignment

    def changed(self, record: Any) -> object:
        found = assignment_in(record, self.key)
        if found is None or found.variation == self.new.replaces:
            return new_record(self.visitor.user_id, self.key, self.new.variation)
        return record


@dataclass(frozen=True, slots=True)
class AddedGoal(RecordUpdate):
    """A goal that was reached, to remember with the assignment it was reached in."""

    goal_identifier: str

    def changed(self, record: Any) -> object:
        found = assignment_in(record, self.key)
        if found is None or not found.variation or self.goal_identifier in found.goals:
            return record
        whole = new_record(self.visitor.user_id, self.key, found.variation)
        return with_goal({**whole, **record}, self.goal_identifier)


class ForgottenRecords(RecordChange):
    """A visitor to forget, again: changes that wait since before must not bring them back."""

    def make(self) -> None:
        self.storage.forget(self.visitor.user_id)

    def applied_to(self, record: object, key: str) -> object:
        return None
