"""What Django's own fields and functions leave open between databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

EXACT_COLLATIONS = {
    "mariadb": "utf8mb4_nopad_bin",
    "mysql": "utf8mb4_0900_bin",
    "postgresql": "C",
}
"""By vendor; SQLite needs none. ``utf8mb4_bin`` would ignore trailing spaces."""


class ExactCharField(models.CharField):  # type: ignore[type-arg]
    """
    A text that equals only itself and is ordered by its code points.

    MySQL and MariaDB would ignore case, accents and trailing spaces; PostgreSQL would order by the
    rules of a language.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        vendor = "mariadb" if getattr(connection, "mysql_is_mariadb", False) else connection.vendor
        if collation := EXACT_COLLATIONS.get(vendor):
            parameters["collation"] = collation
        return parameters


class DatabaseNow(Now):
    """The database's clock in UTC: `Now` follows the session's time zone on MySQL and MariaDB."""

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


def database_time(alias: str) -> datetime:
    """Return what `DatabaseNow` is at the database *alias*."""
    query = Query(None)
    query.add_annotation(DatabaseNow(), "now")
    ((now,),) = query.get_compiler(using=alias).results_iter()
    return cast(datetime, now)
