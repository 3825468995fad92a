"""User storage in the site's own database."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import models, router, transaction
from django.db.models import Value

from ..engine.entities import Assignment, Visitor
from ..engine.events import Kind, unique_key
from ..failures import describe
from ..ledger_keys import dedup_key, keys_of
from ..models import NAME_LENGTH, Event, EventStatus, LedgerEntry
from ..models import Assignment as AssignmentRow
from .base import NewAssignment, UserStorage, Writing

logger = logging.getLogger("django_vwo")

ASSIGNED, REACHED, COUNTED = range(3)


class DatabaseStorage(UserStorage):
    """
    Keeps assignments in a table; goals that were reached it reads from the outbox and the ledger.

    Reads and writes go to the database that writes go to: a replica may lag behind.
    """

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        alias = router.db_for_write(AssignmentRow)
        with survivable(alias):
            if goal_identifier is None:
                rows = AssignmentRow.objects.using(alias).filter(visitor=visitor.key)
                found = dict(rows.values_list("assignment_key", "variation"))
                assignments = {key: Assignment(name) for key, name in found.items()}
            else:
                assignments = read_with_goal(alias, visitor.key, goal_identifier)
        for deferred in deferred_writes(alias, visitor):
            deferred.show_in(assignments)
        return assignments

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        alias = router.db_for_write(AssignmentRow)
        if transaction.get_connection(alias).in_atomic_block:
            # The caller's transaction may last; no row of ours is to be locked in it.
            yield DeferredWriting(alias)
        else:
            with transaction.atomic(using=alias):
                yield ImmediateWriting(alias)

    def forget(self, visitor: Visitor) -> None:
        alias = router.db_for_write(AssignmentRow)
        AssignmentRow.objects.using(alias).filter(visitor=visitor.key).delete()


def survivable(alias: str) -> Any:
    """Return a context in which a failing query leaves the caller's transaction usable."""
    in_transaction = transaction.get_connection(alias).in_atomic_block
    return transaction.atomic(using=alias) if in_transaction else nullcontext()


def read_with_goal(alias: str, visitor: str, goal_identifier: str) -> dict[str, Assignment]:
    """Return assignments with whether the goal was reached in them, in one query."""
    assigned = AssignmentRow.objects.using(alias).filter(visitor=visitor)
    reached = Event.objects.using(alias).filter(
        visitor=visitor, goal_identifier=goal_identifier, kind=Kind.CONVERSION
    )
    reached = reached.exclude(status=EventStatus.CANCELLED)
    counted = LedgerEntry.objects.using(alias).filter(**keys_of(visitor))
    rows = columns(assigned, ASSIGNED, "assignment_key", "variation").union(
        columns(reached, REACHED, "campaign_key", "variation_name"),
        columns(counted, COUNTED, "dedup_key", "dedup_key"),
    )
    return with_goal(list(rows), visitor, goal_identifier)


def columns(rows: models.QuerySet[Any], kind: int, *names: str) -> models.QuerySet[Any, Any]:
    """Return *rows* as tuples of *kind* and two texts, so that they can be put together."""
    tag = Value(kind, output_field=models.SmallIntegerField())
    return rows.order_by().values_list(tag, *names)


def with_goal(
    rows: list[tuple[int, str, str]], visitor: str, goal_identifier: str
) -> dict[str, Assignment]:
    reached = {(key, variation) for kind, key, variation in rows if kind == REACHED}
    counted = {key for kind, key, _ in rows if kind == COUNTED}

    def goals(key: str, variation: str) -> frozenset[str]:
        once = unique_key(Kind.CONVERSION, key, variation, goal_identifier)
        if (key, variation) in reached or dedup_key(visitor, once) in counted:
            return frozenset({goal_identifier})
        return frozenset()

    assigned = ((key, variation) for kind, key, variation in rows if kind == ASSIGNED)
    return {key: Assignment(variation, goals(key, variation)) for key, variation in assigned}


class ImmediateWriting(Writing):
    """Writes at once, in a short transaction of its own."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        check_lengths(new)
        rows = AssignmentRow.objects.using(self.alias)
        mine = rows.filter(visitor=visitor.key, assignment_key=new.key)
        if new.replaces is not None:
            mine.filter(variation=new.replaces).update(variation=new.variation)
        row = AssignmentRow(
            visitor=visitor.key,
            user_id=visitor.user_id.replace("\0", "\N{SYMBOL FOR NULL}"),
            assignment_key=new.key,
            variation=new.variation,
        )
        rows.bulk_create([row], ignore_conflicts=True)
        return mine.values_list("variation", flat=True).get()


class DeferredWriting(Writing):
    """Writes once the caller's transaction is committed; nothing is kept of one rolled back."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        check_lengths(new)
        write = DeferredWrite(self.alias, visitor, new)
        transaction.on_commit(write, using=self.alias, robust=True)
        return new.variation


@dataclass(frozen=True, slots=True)
class DeferredWrite:
    """An assignment that waits for the caller's commit."""

    alias: str
    visitor: Visitor
    new: NewAssignment

    def __call__(self) -> None:
        try:
            with transaction.atomic(using=self.alias):
                ImmediateWriting(self.alias).add(self.visitor, self.new)
        except Exception as error:
            logger.error("An assignment was not remembered: %s", describe(error))

    def show_in(self, assignments: dict[str, Assignment]) -> None:
        """Put the assignment where the one who waits for it looks."""
        found = assignments.get(self.new.key)
        if found is None or found.variation == self.new.replaces:
            assignments[self.new.key] = Assignment(self.new.variation)


def deferred_writes(alias: str, visitor: Visitor) -> Iterator[DeferredWrite]:
    """Yield *visitor*'s assignments of the open transaction, without those rolled back in it."""
    for _, function, *_ in transaction.get_connection(alias).run_on_commit:
        if isinstance(function, DeferredWrite) and function.visitor.key == visitor.key:
            yield function


def check_lengths(new: NewAssignment) -> None:
    """Raise `ValueError` for names that the table cannot hold: cut, they would be others."""
    if max(len(new.key), len(new.variation)) > NAME_LENGTH:
        raise ValueError(f"A campaign's or variation's name has over {NAME_LENGTH} characters")
