"""Living inside the caller's transaction, and beside other people's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

Result = TypeVar("Result")

ATTEMPTS = 3
DEADLOCKS = frozenset({1213, "40P01"})
"""How MariaDB and MySQL, and PostgreSQL, say that they undid a transaction to end a deadlock."""
PSYCOPG_CODES = ("sqlstate", "pgcode")
"""Where psycopg 3 and psycopg2 say so."""


def survivable(alias: str) -> AbstractContextManager[Any]:
    """Return a context in which a failing query leaves the caller's transaction usable."""
    return transaction.atomic(using=alias) if is_in_transaction(alias) else nullcontext()


def whole(alias: str) -> AbstractContextManager[Any]:
    """Return a context of which everything is kept or nothing, as the caller's transaction says."""
    begin_by_hand(alias)
    return transaction.atomic(using=alias)


def statement(alias: str) -> AbstractContextManager[Any]:
    """Return a context for a single statement, which is `whole` by itself outside transactions."""
    return whole(alias) if is_in_transaction(alias) else nullcontext()


def begin_by_hand(alias: str) -> None:
    """Begin where the site commits by hand: SQLite would take a savepoint for all there is."""
    connection = transaction.get_connection(alias)
    is_automatic = connection.in_atomic_block or connection.get_autocommit()
    if (
        connection.vendor == "sqlite"
        and not is_automatic
        and not connection.connection.in_transaction
    ):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")


def is_in_transaction(alias: str) -> bool:
    """Return whether a transaction is open, or would be by the next query."""
    connection = transaction.get_connection(alias)
    return connection.in_atomic_block or not connection.get_autocommit()


@contextmanager
def sheltered() -> Iterator[None]:
    """
    Keep each transaction that is open around the block usable, whatever the block does to it.

    One that makes no query costs none. Raises `DatabaseError` where a transaction is lost.
    """
    with ExitStack() as shelters:
        for connection in connections.all(initialized_only=True):
            if connection.connection is not None and is_in_transaction(connection.alias):
                shelters.enter_context(shelter(connection))
        yield


@contextmanager
def shelter(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Open a savepoint before the first query of the block; undo all if the block spoils it."""
    savepoint, has_begun, was_spoilt = None, False, connection.needs_rollback

    def begin(execute: Callable[..., Any], *query: Any) -> Any:
        nonlocal savepoint, has_begun
        if not has_begun:
            has_begun, connection.needs_rollback = True, was_spoilt
            savepoint = connection.savepoint()
        return execute(*query)

    try:
        with connection.execute_wrapper(begin):
            yield
    finally:
        is_spoilt, connection.needs_rollback = connection.needs_rollback, was_spoilt
        if savepoint:
            end(connection, savepoint, is_undone=is_spoilt)


def end(connection: BaseDatabaseWrapper, savepoint: str, *, is_undone: bool) -> None:
    """Release *savepoint*, rolled back if that is asked for or the only way."""
    try:
        if is_undone:
            connection.savepoint_rollback(savepoint)
        connection.savepoint_commit(savepoint)
    except DatabaseError:
        try:
            connection.savepoint_rollback(savepoint)
        except DatabaseError:
            connection.needs_rollback = True  # nothing is left to be kept
            raise


def insist(alias: str, change: Callable[[], Result]) -> Result:
    """
    Return what *change* returns, made anew if the database undid it to end a deadlock.

    Inside a transaction of the caller's it is made once: what is undone there is all of that.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return change()
        except OperationalError as error:
            if not is_deadlock(error) or is_in_transaction(alias):
                raise
    return change()


def is_deadlock(error: OperationalError) -> bool:
    """Return whether *error* says that the transaction was undone to end a deadlock."""
    codes = [getattr(error.__cause__, name, None) for name in PSYCOPG_CODES]
    return not DEADLOCKS.isdisjoint((*error.args[:1], *codes))
