"""Living inside the caller's transaction, and beside other people's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

Result = TypeVar("Result")

ATTEMPTS = 3
DEADLOCKS = frozenset({1213, "40P01"})
"""How MariaDB and MySQL, and PostgreSQL, say that they undid a transaction to end a deadlock."""
PSYCOPG_CODES = ("sqlstate", "pgcode")
"""Where psycopg 3 and psycopg2 say so."""
SAVEPOINT = "django_vwo"
USABLE = (0, 2)
"""How libpq says that a transaction, yet to be begun or open, waits for a statement."""


def survivable(alias: str) -> AbstractContextManager[Any]:
    """Return a context in which a failing query leaves the caller's transaction usable."""
    is_open = is_in_transaction(transaction.get_connection(alias))
    return transaction.atomic(using=alias) if is_open else nullcontext()


def whole(alias: str) -> AbstractContextManager[Any]:
    """Return a context of which everything is kept or nothing, as the caller's transaction says."""
    begin_by_hand(alias)
    return transaction.atomic(using=alias)


def select(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Return the rows of one query; if it fails, the caller's transaction stays usable."""
    with connection.cursor() as cursor:
        if takes_several(connection, cursor):
            send_apart(connection, cursor, sql, parameters)
            return list(cursor.fetchall())
        with survivable(connection.alias):
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())


def execute(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any]) -> None:
    """Execute one statement; if it fails, the caller's transaction stays usable, without it."""
    with connection.cursor() as cursor:
        if takes_several(connection, cursor):
            send_apart(connection, cursor, sql, parameters)
            return
        with whole(connection.alias) if is_in_transaction(connection) else nullcontext():
            cursor.execute(sql, parameters)
            if cursor.description is not None:
                cursor.fetchall()


def takes_several(connection: BaseDatabaseWrapper, cursor: Any) -> bool:
    """Return whether *cursor* is of a usable transaction, and one that can `send_apart`."""
    kind: Any = type(cursor.cursor)
    if connection.autocommit or connection.vendor != "postgresql" or not binds_itself(kind):
        return False
    libpq = connection.connection.pgconn
    return libpq.transaction_status in USABLE and not libpq.pipeline_status


@lru_cache
def binds_itself(cursor_class: Any) -> bool:
    """Return whether it is psycopg 3's that puts parameters into the SQL: it may be several's."""
    names = {f"{each.__module__}.{each.__name__}" for each in cursor_class.__mro__}
    return "psycopg.ClientCursor" in names


def send_apart(
    connection: BaseDatabaseWrapper, cursor: Any, sql: str, parameters: Sequence[Any]
) -> None:
    """
    Execute *sql* with a savepoint around it, all in one message: that saves two round trips.

    What `transaction.atomic` would do. *cursor* has the result of *sql* afterwards.
    """
    libpq = connection.connection.pgconn
    try:
        cursor.execute(f"SAVEPOINT {SAVEPOINT}; {sql}; RELEASE SAVEPOINT {SAVEPOINT}", parameters)
        cursor.nextset()
    except BaseException:
        if libpq.transaction_status not in USABLE:  # else it was not even sent
            undo(connection)
        raise


def undo(connection: BaseDatabaseWrapper) -> None:
    """Undo what was done since `SAVEPOINT`."""
    try:
        connection.savepoint_rollback(SAVEPOINT)
        connection.savepoint_commit(SAVEPOINT)
    except DatabaseError:
        connection.needs_rollback = True


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


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a transaction is open, or would be by the next query."""
    return connection.in_atomic_block or not connection.get_autocommit()


@contextmanager
def sheltered() -> Iterator[None]:
    """
    Keep each transaction that is open around the block usable, whatever the block does to it.

    One that makes no query costs none. Raises `DatabaseError` where a transaction is lost.
    """
    with ExitStack() as shelters:
        for connection in connections.all(initialized_only=True):
            if connection.connection is not None and is_in_transaction(connection):
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
            if not is_deadlock(error) or is_in_transaction(transaction.get_connection(alias)):
                raise
    return change()


def is_deadlock(error: OperationalError) -> bool:
    """Return whether *error* says that the transaction was undone to end a deadlock."""
    codes = [getattr(error.__cause__, name, None) for name in PSYCOPG_CODES]
    return not DEADLOCKS.isdisjoint((*error.args[:1], *codes))
