"""User storage in the site's own database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from django.db import models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Value

from ..engine.entities import Assignment, Visitor
from ..engine.events import Kind, unique_key
from ..ledger_keys import dedup_key, keys_of
from ..models import Assignment as AssignmentRow
from ..models import Event, EventStatus, LedgerEntry
from ..transactions import insist, select, whole
from .base import NewAssignment, UserStorage, Writing
from .writing import (
    AssignmentChange,
    DeferredWriting,
    Forgetting,
    ImmediateWriting,
    delete_assignments,
    rollback_watch,
    tells_of_commit,
    waiting_changes,
)

Result = TypeVar("Result")

VISITOR, GOAL = "the visitor's key", "the goal's identifier"
"""Stand for values that differ from look-up to look-up."""
LEDGER_KEYS = tuple(keys_of(VISITOR).values())
ASSIGNED, REACHED, COUNTED = range(3)
Row = tuple[int, str, str]
"""What the other two mean: assignment key and variation, or (`COUNTED`) a key of the ledger."""
# The same ones are assigned over and over, and to make one takes eight times as long.
unreached = lru_cache(maxsize=1024)(Assignment)


class DatabaseStorage(UserStorage):
    """
    Keeps assignments in a table; goals that were reached it reads from the outbox and the ledger.

    Reads and writes go to the database that writes go to: a replica may lag behind.
    """

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        connection = transaction.get_connection(database())
        kinds = (ASSIGNED,) if goal_identifier is None else (ASSIGNED, REACHED, COUNTED)
        rows = read_rows(connection, kinds, visitor.key, goal_identifier)
        variations = {key: variation for kind, key, variation in rows if kind == ASSIGNED}
        if connection.run_on_commit:
            for change in waiting_changes(connection.alias, visitor, AssignmentChange):
                change.show_in(variations)
        assignments = {key: unreached(variation) for key, variation in variations.items()}
        if goal_identifier is not None:
            assignments |= reached_of(assignments, rows, visitor.key, goal_identifier)
        return assignments

    def read_goal(
        self, visitor: Visitor, goal_identifier: str, known: Mapping[str, Assignment]
    ) -> Mapping[str, Assignment]:
        connection = transaction.get_connection(database())
        rows = read_rows(connection, (REACHED, COUNTED), visitor.key, goal_identifier)
        return reached_of(known, rows, visitor.key, goal_identifier)

    def read_many(self, visitors: Collection[str]) -> dict[str, dict[str, str]]:
        """Return the written variations by visitor's key and assignment key, in one query."""
        rows = AssignmentRow.objects.using(database()).filter(visitor__in=visitors)
        found: dict[str, dict[str, str]] = {visitor: {} for visitor in visitors}
        for visitor, key, variation in rows.values_list("visitor", "assignment_key", "variation"):
            found[visitor][key] = variation
        return found

    def add_many(self, new: Sequence[tuple[Visitor, NewAssignment]]) -> None:
        """Remember what *new* says of visitors, unless another writer was first; at once."""
        alias = database()
        with whole(alias):
            writing = ImmediateWriting(alias)
            for visitor, each in new:
                if each.replaces is not None:
                    writing.add(visitor, each)
            writing.add_many([each for each in new if each[1].replaces is None])

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        alias = database()
        if tells_of_commit(transaction.get_connection(alias)):
            # The caller's transaction may last; no row of ours is to be locked in it.
            deferred = DeferredWriting(alias)
            yield deferred
            deferred.close()
        else:
            with whole(alias):
                yield ImmediateWriting(alias)

    def insist(self, change: Callable[[], Result]) -> Result:
        return insist(database(), change)

    def watch_rollback(self) -> Callable[[], bool] | None:
        return rollback_watch(database())

    def forget(self, visitor: Visitor) -> None:
        alias = database()
        with whole(alias):
            delete_assignments(alias, visitor)
        if waiting_changes(alias, visitor, AssignmentChange):
            transaction.on_commit(Forgetting(alias, visitor), using=alias, robust=True)


def database() -> str:
    """Return the alias of the database that has the assignments."""
    return router.db_for_write(AssignmentRow)


def read_rows(
    connection: BaseDatabaseWrapper,
    kinds: tuple[int, ...],
    visitor: str,
    goal_identifier: str | None,
) -> list[Row]:
    """Return, in one query, the rows of these *kinds*; those about a goal are of that one."""
    sql, parameters = look_up(connection.alias, kinds)
    given = {VISITOR: visitor, GOAL: goal_identifier}
    if COUNTED in kinds:
        given |= zip(LEDGER_KEYS, keys_of(visitor).values(), strict=True)
    return select(connection, sql, [given[parameter] for parameter in parameters])


@lru_cache
def look_up(alias: str, kinds: tuple[int, ...]) -> tuple[str, tuple[str, ...]]:
    """
    Return the look-up as SQL and what stands for its parameters: `VISITOR`, `GOAL`, `LEDGER_KEYS`.

    Kept, because to put it together takes several times as long as to run it.
    """
    reached = Event.objects.filter(visitor=VISITOR, goal_identifier=GOAL, kind=Kind.CONVERSION)
    found = {
        ASSIGNED: (AssignmentRow.objects.filter(visitor=VISITOR), "assignment_key", "variation"),
        REACHED: (
            reached.exclude(status=EventStatus.CANCELLED),
            "campaign_key",
            "variation_name",
        ),
        COUNTED: (LedgerEntry.objects.filter(**keys_of(VISITOR)), "dedup_key", "dedup_key"),
    }
    rows, *others = (columns(kind, *found[kind]) for kind in kinds)
    if others:
        rows = rows.union(*others).order_by()
    sql, parameters = rows.query.get_compiler(using=alias).as_sql()
    # Each parameter is prepared each time; numbers are always the same.
    sql %= tuple("%s" if isinstance(each, str) else int(each) for each in parameters)
    return sql, tuple(each for each in parameters if isinstance(each, str))


def columns(kind: int, rows: models.QuerySet[Any], *names: str) -> models.QuerySet[Any, Any]:
    """Return *rows* as tuples of *kind* and two texts, so that they can be put together."""
    tag = Value(kind, output_field=models.SmallIntegerField())
    return rows.order_by().values_list(tag, *names)


def reached_of(
    assignments: Mapping[str, Assignment], rows: Sequence[Row], visitor: str, goal_identifier: str
) -> dict[str, Assignment]:
    """Return those of the *assignments* in which *rows* tell that the goal was reached."""
    reached = {(key, variation) for kind, key, variation in rows if kind == REACHED}
    counted = {key for kind, key, _ in rows if kind == COUNTED}

    def was_reached(key: str, variation: str) -> bool:
        if (key, variation) in reached:
            return True
        once = unique_key(Kind.CONVERSION, key, variation, goal_identifier)
        return bool(counted) and dedup_key(visitor, once) in counted

    if not reached and not counted:
        return {}
    goals = frozenset({goal_identifier})
    return {
        key: Assignment(found.variation, goals)
        for key, found in assignments.items()
        if was_reached(key, found.variation)
    }
