"""The health check, as django-health-check itself runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import path
from django.utils import timezone
from pytest_django import Settings

from django_vwo.models import Breaker, Event

from .outbox.samples import ACCOUNT, impressions, record

pytest.importorskip("health_check")

from health_check.views import HealthCheckView

from django_vwo.health import DeliveryCheck

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:health_check"),
]

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """Return a function that asks the page, and returns its status and what the check told."""

    def asked(**options: Any) -> tuple[int, Any]:
        view = HealthCheckView.as_view(checks=[("django_vwo.health.DeliveryCheck", options)])
        settings.ROOT_URLCONF = (path("", view),)
        response = Browser().get("/", {"format": "json"})
        return response.status_code, response.json()["DeliveryCheck()"]

    return asked


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@contextmanager
def without_outbox() -> Iterator[None]:
    table = Event._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(Event, table, f"{table}_gone")
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Event, f"{table}_gone", table)


def test_an_outbox_in_use_is_well(ask: Ask) -> None:
    assert ask() == (200, "OK")
    record(*impressions(3))
    Breaker.objects.create(account_id=ACCOUNT, last_success_at=timezone.now())
    assert ask() == (200, "OK")


def test_a_backlog_is_unhealthy(ask: Ask) -> None:
    record(*impressions(4))

    assert ask(most_pending=4) == (200, "OK")
    status, told = ask(most_pending=3)
    assert status == 500
    assert "Too many events are pending. more than 3 pending" in told


@pytest.mark.parametrize(("seconds", "expected"), [(800, 200), (1000, 500)])
def test_events_that_nobody_delivers_are_unhealthy(ask: Ask, seconds: float, expected: int) -> None:
    record(*impressions(4))
    Event.objects.update(due_at=ago(seconds))

    assert ask()[0] == expected
    assert ask(late_seconds=2000) == (200, "OK")


def test_a_collector_that_fails_is_unhealthy_and_all_four_are_told(ask: Ask) -> None:
    record(*impressions(2))
    Breaker.objects.create(
        account_id=ACCOUNT,
        failures=6,
        open_until=ago(-60),
        last_error="HTTP 503",
        last_success_at=ago(100),
    )
    status, told = ask()

    assert status == 500
    assert "The collector fails. 2 pending; the oldest occurred" in told
    assert "after 6 failures in a row: HTTP 503." in told
    assert "The last success: 10" in told
    assert "user-" not in told
    assert ask(most_failures=6) == (200, "OK")


def test_another_accounts_events_are_its_own_business(ask: Ask) -> None:
    record(*impressions(2))
    Event.objects.update(account_id="999", due_at=ago(5000))

    assert ask() == (200, "OK")


def test_a_database_that_fails_is_unhealthy(ask: Ask) -> None:
    with without_outbox():
        status, told = ask()

    assert status == 500
    assert told.endswith(("OperationalError", "ProgrammingError"))


def test_the_check_leaves_no_connection_open(ask: Ask) -> None:
    """It runs in a thread of an executor, where no request ends."""
    from django.db import connections
    from django.db.backends.signals import connection_created

    opened: list[Any] = []

    def note(connection: Any, **kwargs: Any) -> None:
        opened.append(connection)

    connection_created.connect(note)
    try:
        ask()
    finally:
        connection_created.disconnect(note)

    others = [each for each in opened if each is not connections["default"]]
    assert others
    assert all(each.connection is None for each in others)


def test_thresholds_have_defaults_and_no_place_in_the_name() -> None:
    check = DeliveryCheck()

    assert (check.most_pending, check.late_seconds, check.most_failures) == (100_000, 900.0, 5)
    assert repr(DeliveryCheck(most_pending=1)) == "DeliveryCheck()"
    assert check.labels == {"check": "DeliveryCheck"}
