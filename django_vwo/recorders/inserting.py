"""How a single event is inserted: most calls have one, and Django takes long to put it together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL
from django.db.models.sql import InsertQuery

from ..fields import DatabaseNow
from ..models import Event
from ..transactions import execute

PLAIN = (models.CharField, models.TextField, models.SmallIntegerField)
"""Fields of values that every database takes as they are."""
AT_FIRST = {
    "status": RawSQL("0", ()),
    "due_at": DatabaseNow(),
    "attempts": RawSQL("0", ()),
    "rejections": RawSQL("0", ()),
    "last_error": RawSQL("''", ()),
}
"""Columns that workers write, as they are inserted."""
NULL_AT_FIRST = ("lease_token", "sent_at", "last_status")
Prepare = Callable[[Any, BaseDatabaseWrapper], Any]
"""Takes a value, as the model has it, and returns it as the database takes it."""


def as_text(value: Any, connection: BaseDatabaseWrapper) -> str | None:
    """Return *value* as text; None stays what it is."""
    return None if value is None else str(value)


def as_json(value: Any, connection: BaseDatabaseWrapper) -> str:
    """Return *value* as JSON."""
    return json.dumps(value)


# PostgreSQL reads each of these out of text, and a row is inserted in a tenth less time: the driver
# looks for the type of every other object anew each time.
READ_BY_POSTGRESQL: Mapping[str, Prepare] = {
    "uuid": as_text,
    "occurred_at": as_text,
    "revenue": as_text,
    "extra": as_json,
}


def insert_one(connection: BaseDatabaseWrapper, columns: Mapping[str, Any]) -> None:
    """Insert the row of *columns*, due now."""
    sql, parameters = insertion(connection.alias)
    values = [
        columns[name] if prepare is None else prepare(columns[name], connection)
        for name, prepare in parameters
    ]
    execute(connection, sql, values)


@lru_cache
def insertion(alias: str) -> tuple[str, tuple[tuple[str, Prepare | None], ...]]:
    """
    Return the SQL that inserts a row, due now, and the columns whose values it takes.

    With each column comes what prepares its value; None: it needs no preparing. Kept, because to
    put it together takes longer than to run it.
    """
    known = {field.attname: field for field in Event._meta.concrete_fields}
    given = [name for name in known if name not in {"id", *AT_FIRST, *NULL_AT_FIRST}]
    query = InsertQuery(Event)
    query.insert_values([known[name] for name in (*given, *AT_FIRST)], [Event(**AT_FIRST)])
    compiler = query.get_compiler(using=alias)
    prepared = {
        name: known[name].get_db_prep_save for name in given if not isinstance(known[name], PLAIN)
    }
    if compiler.connection.vendor == "postgresql":
        prepared |= READ_BY_POSTGRESQL
    if compiler.connection.vendor == "sqlite":
        # Where it finds no room, one that returns nothing undoes all of the caller's transaction.
        compiler.returning_fields = [Event._meta.pk]
    ((sql, _parameters),) = compiler.as_sql()
    return sql, tuple((name, prepared.get(name)) for name in given)
