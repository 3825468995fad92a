"""Sites that migrate while they serve: old code on new tables, new code before its tables."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from django_vwo.dialects.vwo.bucketing import visitor_key_for
from tests.collector import Collector
from tests.documents import ACCOUNT_ID
from tests.outbox.samples import rows, visitors_of

from .web_servers import GUNICORN, WSGI, deliver, orders, serving

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

APP = "django_vwo"
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
VALUES: dict[type[models.Field[Any, Any]], object] = {
    models.CharField: "text",
    models.TextField: "text",
    models.UUIDField: uuid4(),
    models.DateTimeField: MOMENT,
    models.SmallIntegerField: 1,
    models.IntegerField: 1,
    models.BooleanField: False,
    models.JSONField: {},
}
"""What old code may have written to a field that has no default."""


def earlier_models() -> list[Any]:
    """Return the app's models as they were after each of its migrations but the last."""
    loader = MigrationLoader(None)
    names = sorted(name for app, name in loader.disk_migrations if app == APP)[:-1]
    return [
        pytest.param(model, id=f"{model.__name__} of {name}")
        for name in names
        for model in loader.project_state((APP, name)).apps.get_models()
        if model._meta.app_label == APP and not model._meta.proxy
    ]


def as_written(model: type[models.Model]) -> models.Model:
    """Return a row of *model* with a value wherever code has to give one."""
    given = {
        field.name: next(VALUES[kind] for kind in type(field).__mro__ if kind in VALUES)
        for field in model._meta.concrete_fields
        if not (field.null or field.has_default() or field.has_db_default())
        and not isinstance(field, models.AutoField)
    }
    return model(**given)


@pytest.mark.parametrize("model", earlier_models())
def test_code_of_before_a_migration_still_inserts_after_it(model: type[models.Model]) -> None:
    """Row 23: a column that came later is nullable, or the database knows its default."""
    as_written(model).save()
    assert model._default_manager.count() == 1


@pytest.mark.parametrize("table", ["event", "assignment", "ledgerentry"])
def test_orders_are_taken_while_a_table_is_away(collector: Collector, table: str) -> None:
    """Row 23: new code serves before the migration has made its tables."""
    pytest.importorskip("gunicorn")
    name = f"{APP}_{table}"
    with serving(*GUNICORN, WSGI, collector=collector, RAISE_ERRORS=False) as server:
        server.insist("order", visitor="ann")
        rename(name, "away")
        try:
            server.get("order", visitor="bob")
        finally:
            rename("away", name)
        server.get("order", visitor="eve")

    assert orders() == {"ann", "bob", "eve"}
    deliver(collector)
    arrived = Counter(visitors_of(collector.entries))
    assert arrived == Counter(row.visitor for row in rows())
    assert [arrived[visitor_key_for(ACCOUNT_ID)(name)] for name in ("ann", "eve")] == [2, 2]


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")
