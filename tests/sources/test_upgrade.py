"""A site that rolled a document back before 0004 stays where it was put."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from django_vwo.models import SettingsDocument
from django_vwo.sources import history
from django_vwo.sources.base import Fetched
from tests.documents import ab_test

from .samples import text

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("django_vwo", "0003_vacuum_often")]
AFTER = [("django_vwo", "0004_fetching")]


def migrate(target: list[tuple[str, str]]) -> Any:
    """Return the model of documents as it is after *target*."""
    apps = MigrationExecutor(connection).migrate(target).apps
    return apps.get_model("django_vwo", "SettingsDocument")


@pytest.fixture
def earlier() -> Iterator[Any]:
    """Return the model of documents as it was before 0004, and so is its table."""
    yield migrate(BEFORE)
    migrate(AFTER)


def insert(model: Any, content: str, *, is_active: bool | None = None, error: str = "") -> None:
    found = history.examine(Fetched(text=content, origin="vendor"))
    model(text=content, digest=found.digest, is_active=is_active, error=error).save()


@pytest.mark.parametrize("has_one", [True, False])
def test_a_rollback_outlives_the_upgrade(earlier: Any, has_one: bool) -> None:
    insert(earlier, text(ab_test("oldest"), version=1))
    insert(earlier, text(version=1), is_active=has_one or None)
    insert(earlier, text(ab_test("second"), version=2))
    insert(earlier, "<html>", error="HTML")
    migrate(AFTER)
    rows = SettingsDocument.objects.order_by("id")
    assert [row.is_withdrawn for row in rows] == [False, False, has_one, False]
    history.keep(Fetched(text=text(ab_test("second"), version=2), origin="vendor"))
    [active] = SettingsDocument.objects.filter(is_active=True)
    assert ("pricing-page" in active.text) is has_one


def test_code_from_before_the_upgrade_still_inserts(earlier: Any) -> None:
    migrate(AFTER)
    insert(earlier, "<html>", error="HTML")
    assert not SettingsDocument.objects.get().is_withdrawn
