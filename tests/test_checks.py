"""The system checks tell what is wrong with a site, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_vwo.checks import check_delivery
from django_vwo.middleware import VWOMiddleware
from django_vwo.models import Breaker, Event, SettingsFetch

from .conftest import Configure
from .documents import DOCUMENT_KEY, document
from .outbox.samples import impression, record

Found = dict[str, str]
pytestmark = pytest.mark.django_db


class OurMiddleware(VWOMiddleware):
    """A site's own kin of the middleware."""


class Elsewhere:
    """Sends the app to another database than the users."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "elsewhere" if model._meta.app_label == "django_vwo" else None


def found(deploy: bool = False, databases: list[str] | None = None) -> Found:
    """Return the app's messages by id."""
    messages = checks.run_checks(include_deployment_checks=deploy, databases=databases)
    ours = [each for each in messages if str(each.id).startswith("django_vwo.")]
    assert all(each.hint for each in ours)
    return {str(each.id): each.msg for each in ours}


def test_the_test_site_is_well() -> None:
    assert found() == {}


def test_invalid_settings_are_one_error() -> None:
    with override_settings(VWO={"ACCOUNT_ID": []}):
        assert found() == {
            "django_vwo.E001": "VWO['ACCOUNT_ID'] is a list; expected a number or a string."
        }
    with override_settings(VWO=None):
        assert list(found()) == ["django_vwo.E001"]


def test_what_is_missing_is_named() -> None:
    with override_settings(VWO={}):
        assert list(found()) == ["django_vwo.E002", "django_vwo.E003"]
    with override_settings(VWO={"ACCOUNT_ID": 1, "SDK_KEY": "x"}):
        assert found() == {}


def test_a_document_in_the_settings_is_read(configure: Configure, tmp_path: Path) -> None:
    configure(SETTINGS_DOCUMENT=document())
    assert found() == {}
    configure(SETTINGS_DOCUMENT={**document(), "campaigns": 5, "sdkKey": DOCUMENT_KEY})
    assert "campaigns" in found()["django_vwo.E004"]
    assert DOCUMENT_KEY not in found()["django_vwo.E004"]
    configure(SETTINGS_DOCUMENT=tmp_path / "missing.json")
    assert "No such file" in found()["django_vwo.W004"]


@pytest.mark.parametrize("name", ["USER_STORAGE", "RECORDER"])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("no.such.Class", "No module named"),
        ("django_vwo.conf.Missing", "does not define"),
        ("django_vwo.conf.app_settings", "is no "),
        ("plain", "plain"),
    ],
)
def test_backends_must_be_what_they_are_named_for(
    configure: Configure, name: str, path: str, expected: str
) -> None:
    configure(**{name: {"BACKEND": path}})
    assert expected in found()["django_vwo.E005"]
    assert f"VWO['{name}']['BACKEND']" in found()["django_vwo.E005"]


def test_no_user_storage_is_well(configure: Configure) -> None:
    configure(USER_STORAGE=None)
    assert found() == {}


@pytest.mark.parametrize("name", ["sessionid", "csrftoken"])
def test_the_cookie_needs_a_name_of_its_own(configure: Configure, name: str) -> None:
    configure(COOKIE_NAME=name)
    assert list(found()) == ["django_vwo.E006"]


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "bücher"])
def test_the_cookie_needs_a_name_that_browsers_take(configure: Configure, name: str) -> None:
    configure(COOKIE_NAME=name)
    assert list(found()) == ["django_vwo.E007"]


@pytest.mark.parametrize(("seconds", "expected"), [(59, ["django_vwo.W008"]), (60, [])])
def test_a_lease_outlives_four_requests(
    configure: Configure, seconds: float, expected: list[str]
) -> None:
    configure(LEASE_SECONDS=seconds, TIMEOUT_SECONDS=15)
    assert list(found()) == expected


def test_events_belong_into_the_database_of_the_site(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connections.databases, "elsewhere", connections.databases["default"])
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.Elsewhere"]):
        (message,) = check_delivery(None)
    assert message.id == "django_vwo.W009"
    assert "'elsewhere'" in message.msg
    del connections["elsewhere"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")
def test_sqlite_begins_its_transactions_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    assert list(found()) == ["django_vwo.W010"]


def test_the_middleware_or_its_kin_has_to_be_installed() -> None:
    without = [path for path in settings.MIDDLEWARE if "django_vwo" not in path]
    with override_settings(MIDDLEWARE=without):
        assert list(found()) == ["django_vwo.W011"]
    with override_settings(MIDDLEWARE=[*without, f"{__name__}.OurMiddleware"]):
        assert found() == {}


def test_a_public_site_is_looked_at_more_closely(configure: Configure) -> None:
    configure(COLLECTOR_URL="http://collector.example", DEVELOPMENT_MODE=True)
    expected = ["django_vwo.W012", "django_vwo.W013", "django_vwo.W014"]
    assert sorted(found(deploy=True)) == expected
    assert found() == {}
    configure(COLLECTOR_URL="http://127.0.0.1:8000", DEVELOPMENT_MODE=False)
    with override_settings(SESSION_COOKIE_SECURE=True):
        assert found(deploy=True) == {}


def test_the_database_is_asked_only_if_named() -> None:
    with CaptureQueriesContext(connection) as unnamed:
        assert found(deploy=True).keys() == {"django_vwo.W012"}
    with CaptureQueriesContext(connection) as named:
        assert list(found(databases=["default"])) == ["django_vwo.W015"]
    # Django has queries of its own, to learn what the database can do.
    assert not [query for query in unnamed if "django_vwo" in query["sql"]]
    assert [query for query in named if "django_vwo" in query["sql"]]


def test_a_breaker_that_is_open_is_told(site: Configure) -> None:
    until = timezone.now() + timedelta(minutes=5)
    Breaker(account_id="123456", open_until=until, failures=3, last_error="HTTP 403").save()
    message = found(databases=["default"])["django_vwo.W016"]
    assert "account 123456" in message
    assert "HTTP 403" in message
    Breaker.objects.update(open_until=timezone.now() - timedelta(minutes=5))
    assert found(databases=["default"]) == {}


def leave_due(seconds: float) -> None:
    """Record an event, and leave it alone for so long."""
    if not Event.objects.exists():
        record(impression())
    Event.objects.update(due_at=timezone.now() - timedelta(seconds=seconds))


def test_events_that_nobody_delivers_are_told(site: Configure) -> None:
    leave_due(800)
    assert found(databases=["default"]) == {}
    leave_due(1000)
    told = found(databases=["default"])
    assert list(told) == ["django_vwo.W019"]
    assert "account 123456 have been due for 17 minutes" in told["django_vwo.W019"]
    assert "The last success: never." in told["django_vwo.W019"]


def test_a_worker_that_delivers_or_has_to_wait_is_seen(site: Configure) -> None:
    leave_due(1000)
    now, long_ago = timezone.now(), timezone.now() - timedelta(seconds=1200)
    Breaker.objects.create(account_id="123456", last_success_at=now)
    assert found(databases=["default"]) == {}
    Breaker.objects.update(last_success_at=long_ago)
    assert "20 minutes ago" in found(databases=["default"])["django_vwo.W019"]
    Breaker.objects.update(open_until=now + timedelta(seconds=600), failures=1)
    assert list(found(databases=["default"])) == ["django_vwo.W016"]
    Breaker.objects.update(open_until=long_ago)
    assert list(found(databases=["default"])) == ["django_vwo.W019"]


def test_where_nothing_may_be_sent_no_worker_is_missed(site: Configure) -> None:
    leave_due(1000)
    site(DEVELOPMENT_MODE=True)
    assert found(databases=["default"]) == {}
    site(DEVELOPMENT_MODE=False, SDK_KEY="", SETTINGS_DOCUMENT={**document(), "sdkKey": ""})
    [message] = [each for each in checks.run_checks(databases=["default"]) if "W019" in str(each)]
    assert "VWO['SDK_KEY'] is missing" in str(message.hint)


def test_fetches_that_fail_are_told(site: Configure) -> None:
    site(FETCH_SECONDS=300)
    row = SettingsFetch(account_id="123456", failures=3, last_error="vendor: HTTP 503.")
    row.save()
    message = found(databases=["default"])["django_vwo.W017"]
    assert "3 times in a row by now: vendor: HTTP 503. The last success: never." in message
    SettingsFetch.objects.update(failures=0, last_error="")
    assert found(databases=["default"]) == {}
    SettingsFetch.objects.update(failures=3)
    site(SDK_KEY="", SETTINGS_DOCUMENT={**document(), "sdkKey": ""})
    assert found(databases=["default"]) == {}


def test_a_passing_failure_is_not_told(site: Configure) -> None:
    site(FETCH_SECONDS=300)
    SettingsFetch(account_id="123456", failures=1, last_error="vendor: HTTP 503.").save()
    assert "cannot be fetched: vendor" in found(databases=["default"])["django_vwo.W017"]
    SettingsFetch.objects.update(succeeded_at=timezone.now() - timedelta(minutes=19))
    assert found(databases=["default"]) == {}
    SettingsFetch.objects.update(succeeded_at=timezone.now() - timedelta(minutes=21))
    assert "django_vwo.W017" in found(databases=["default"])
    SettingsFetch.objects.update(succeeded_at=timezone.now(), failures=2)
    assert found(databases=["default"]) == {}
    SettingsFetch.objects.update(failures=3)
    assert "3 times in a row" in found(databases=["default"])["django_vwo.W017"]


def test_a_failure_that_nobody_will_try_again_is_not_told(site: Configure) -> None:
    site(FETCH_SECONDS=0)
    then = timezone.now()
    SettingsFetch(account_id="123456", failures=9, started_at=then, failed_at=then).save()
    assert found(databases=["default"]) == {}
    SettingsFetch.objects.update(asked_at=then - timedelta(seconds=1))
    assert "9 times in a row" in found(databases=["default"])["django_vwo.W017"]


def test_fetches_that_nobody_does_are_told(site: Configure) -> None:
    site(FETCH_SECONDS=300)
    then = timezone.now() - timedelta(minutes=21)
    SettingsFetch(account_id="123456", started_at=then, succeeded_at=then).save()
    message = found(databases=["default"])["django_vwo.W017"]
    assert "16 minutes ago, and nobody does." in message
    assert f"The last success: {then:%Y-%m-%d %H:%M:%S}" in message
    site(FETCH_SECONDS=0)
    assert found(databases=["default"]) == {}
    SettingsFetch.objects.update(asked_at=timezone.now() - timedelta(minutes=20))
    assert "20 minutes ago" in found(databases=["default"])["django_vwo.W017"]
    site(SDK_KEY="", SETTINGS_DOCUMENT={**document(), "sdkKey": ""})
    assert found(databases=["default"]) == {}


def test_the_ids_are_all_different() -> None:
    from inspect import getsource

    from django_vwo import checks as ours
    from django_vwo import service_checks

    source = getsource(ours) + getsource(service_checks)
    numbers = [int(part.split(",")[0]) for part in pieces(source)]
    assert sorted(numbers) == sorted(set(numbers))


def pieces(source: str) -> list[str]:
    """Return what follows each call that makes a message."""
    joined = source.replace("\n", "").replace(" ", "")
    parts = joined.replace("(warningif", "(").split("yieldwarning(")
    return [piece for part in parts for piece in part.split("yielderror(")][1:]


def test_django_itself_finds_nothing_wrong() -> None:
    command: Callable[..., Any] = call_command
    command("check")
