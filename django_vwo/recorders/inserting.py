"""How a single event is inserted: most calls have one, and Django takes long to put it together."""

from __future__ import annotations

from collections.abc import Mapping
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


def insert_one(connection: BaseDatabaseWrapper, columns: Mapping[str, Any]) -> None:
    """Insert the row of *columns*, due now."""
    sql, fields = insertion(connection.alias)
    values = [
        columns[name] if field is None else field.get_db_prep_save(columns[name], connection)
        for name, field in fields
    ]
    execute(connection, sql, values)


@lru_cache
def insertion(alias: str) -> tuple[str, tuple[tuple[str, models.Field[Any, Any] | None], ...]]:
    """
    Return the SQL that inserts a row, due now, and the columns whose values it takes.

    With each column comes the field that prepares its value; None: it needs no preparing. Kept,
    because to put it together takes longer than to run it.
    """
    known = {field.attname: field for field in Event._meta.concrete_fields}
    given = [name for name in known if name not in {"id", *AT_FIRST, *NULL_AT_FIRST}]
    query = InsertQuery(Event)
    query.insert_values([known[name] for name in (*given, *AT_FIRST)], [Event(**AT_FIRST)])
    compiler = query.get_compiler(using=alias)
    if compiler.connection.vendor == "sqlite":
        # Where it finds no room, one that returns nothing undoes all of the caller's transaction.
        compiler.returning_fields = [Event._meta.pk]
    ((sql, _parameters),) = compiler.as_sql()
    fields = ((name, known[name]) for name in given)
    return sql, tuple((name, None if isinstance(each, PLAIN) else each) for name, each in fields)
