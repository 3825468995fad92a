"""The document is fetched when that is due, by one process at a time; and what came of it stays."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from django_vwo.engine.errors import VWOError
from django_vwo.fields import DatabaseNow
from django_vwo.models import SettingsDocument, SettingsFetch
from django_vwo.sources import current, fetching, schedule, state
from django_vwo.sources.schedule import MIN_SECONDS
from tests.conftest import Configure
from tests.documents import DOCUMENT_KEY, ab_test
from tests.outbox.processes import wait_until
from tests.outbox.samples import in_threads

from .samples import SDK_KEY, Vendor, document, let_pass, text

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def asked_vendor(vendor: Vendor, configure: Configure) -> Iterator[Vendor]:
    configure(COLLECTOR_URL=vendor.url, FETCH_SECONDS=300)
    yield vendor
    connection.close()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> float:
    """Return how long at least is between two fetches: slow machines do much in that time."""
    monkeypatch.setattr(schedule, "MIN_SECONDS", 120.0)
    return schedule.MIN_SECONDS


def row() -> SettingsFetch:
    return SettingsFetch.objects.get()


def keys() -> list[str]:
    campaigns = current.current()
    return sorted(campaigns.campaigns) if campaigns else []


def test_the_first_fetch_is_due_at_once(vendor: Vendor) -> None:
    assert fetching.seconds_until_due() == 0
    report = fetching.fetch_if_due()
    assert report
    assert report.document == SettingsDocument.objects.get(is_active=True)
    assert (report.error, report.is_unchanged) == ("", False)
    assert keys() == ["pricing-page"]
    found = row()
    assert found.account_id == "123456"
    assert None not in (found.succeeded_at, found.started_at, found.due_at)
    assert (found.fetches, found.failures, found.is_under_way) == (1, 0, False)


def test_it_is_repeated_after_the_period(vendor: Vendor) -> None:
    fetching.fetch_if_due()
    assert 290 < fetching.seconds_until_due() <= 300
    let_pass(290)
    assert fetching.fetch_if_due() is None
    let_pass(10)
    vendor.body = text(ab_test("second")).encode()
    report = fetching.fetch_if_due()
    assert report
    assert not report.is_unchanged
    assert keys() == ["second"]
    assert len(vendor.paths) == 2


def test_what_is_the_same_is_unchanged(vendor: Vendor) -> None:
    fetching.fetch_if_due()
    let_pass(300)
    report = fetching.fetch_if_due()
    assert report
    assert report.is_unchanged
    assert SettingsDocument.objects.count() == 1


def test_of_many_workers_one_fetches(vendor: Vendor) -> None:
    vendor.pause_seconds = 0.3
    assert [bool(report) for report in in_threads(*[fetching.fetch_if_due] * 8)].count(True) == 1
    assert len(vendor.paths) == 1
    let_pass(300)
    assert [bool(report) for report in in_threads(*[fetching.fetch_if_due] * 8)].count(True) == 1
    assert len(vendor.paths) == 2
    assert row().fetches == 2


def test_without_a_period_only_an_ask_leads_to_a_fetch(
    vendor: Vendor, configure: Configure
) -> None:
    configure(FETCH_SECONDS=0)
    assert fetching.seconds_until_due() == math.inf
    assert fetching.fetch_if_due() is None
    assert not SettingsFetch.objects.exists()
    fetching.ask()
    assert fetching.seconds_until_due() == 0
    assert fetching.fetch_if_due()
    assert fetching.seconds_until_due() == math.inf
    let_pass(100_000)
    assert fetching.fetch_if_due() is None
    assert len(vendor.paths) == 1


def test_what_was_asked_for_and_failed_is_tried_again(vendor: Vendor, configure: Configure) -> None:
    configure(FETCH_SECONDS=0)
    fetching.ask()
    vendor.status = 503
    report = fetching.fetch_if_due()
    assert report
    assert "503" in report.error
    assert fetching.seconds_until_due() <= MIN_SECONDS
    let_pass(10)
    vendor.status = 200
    assert fetching.fetch_if_due()
    assert keys() == ["pricing-page"]
    assert {path.partition("?")[0] for path in vendor.paths} == {"/server-side/pull"}


def test_without_a_period_what_failed_unasked_is_not_tried_again(
    vendor: Vendor, configure: Configure
) -> None:
    vendor.status = 503
    fetching.fetch_if_due()
    configure(FETCH_SECONDS=0)
    let_pass(301)
    assert fetching.fetch_if_due() is None
    assert len(vendor.paths) == 1


def test_the_webhook_may_ask_between_look_and_claim(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = state.claim

    def late(row: SettingsFetch, **how: Any) -> bool:
        monkeypatch.undo()
        fetching.ask()
        return claim(row, **how)

    fetching.fetch_if_due()
    let_pass(300)
    monkeypatch.setattr(state, "claim", late)
    assert fetching.fetch_if_due()
    assert "/server-side/pull" in vendor.paths[-1]
    assert len(vendor.paths) == 2
    assert not row().is_webhook
    assert not schedule.is_asked_for(row())


def test_a_clock_that_was_set_back_stops_nothing(vendor: Vendor) -> None:
    fetching.fetch_if_due()
    fetching.ask()
    let_pass(-3600)
    assert fetching.seconds_until_due() == 0
    assert fetching.fetch_if_due()
    found, now = fetching.row_and_clock("123456")
    assert found.started_at
    assert found.started_at <= now
    assert not schedule.is_asked_for(found)
    assert 290 < fetching.seconds_until_due() <= 300
    assert len(vendor.paths) == 2


def test_asks_in_quick_succession_are_one_fetch_more(vendor: Vendor, unhurried: float) -> None:
    fetching.fetch_if_due()
    for _ in range(20):
        fetching.ask()
        assert fetching.fetch_if_due() is None, "at most one in MIN_SECONDS"
    assert fetching.seconds_until_due() <= unhurried
    let_pass(unhurried)
    fetching.ask()
    assert fetching.fetch_if_due()
    assert fetching.fetch_if_due() is None
    assert len(vendor.paths) == 2


def test_an_ask_during_a_fetch_leads_to_another(vendor: Vendor) -> None:
    vendor.pause_seconds = 0.5
    running = threading.Thread(target=in_threads, args=[fetching.fetch_if_due])
    running.start()
    wait_until(lambda: bool(vendor.paths))
    fetching.ask()
    assert fetching.fetch_if_due() is None, "another one is under way"
    running.join()
    found = row()
    assert found.is_webhook, "it was not answered by what had begun before"
    vendor.pause_seconds = 0
    let_pass(MIN_SECONDS)
    assert fetching.fetch_if_due()
    assert not row().is_webhook
    assert [path.partition("?")[0] for path in vendor.paths] == [
        "/server-side/settings",
        "/server-side/pull",
    ]


def test_an_ask_is_one_statement(django_assert_num_queries: Any) -> None:
    fetching.ask()
    with django_assert_num_queries(1):
        fetching.ask()
    assert row().is_webhook
    fetching.ask(is_webhook=False)
    assert row().is_webhook, "the webhook still waits"


def test_many_ask_at_once(vendor: Vendor) -> None:
    in_threads(*[fetching.ask] * 8)
    assert row().asked_at
    assert vendor.paths == []


def test_a_look_that_finds_nothing_due_is_one_query(django_assert_num_queries: Any) -> None:
    fetching.fetch_if_due()
    with django_assert_num_queries(1):
        assert fetching.fetch_if_due() is None


@pytest.mark.parametrize("missing", ["SDK_KEY", "ACCOUNT_ID"])
def test_what_is_not_configured_is_not_fetched(
    vendor: Vendor, configure: Configure, missing: str
) -> None:
    configure(**{missing: ""})
    fetching.ask()
    assert fetching.fetch_if_due() is None
    assert fetching.seconds_until_due() == math.inf
    with pytest.raises(VWOError, match=missing):
        fetching.fetch_now()
    assert vendor.paths == []
    assert not SettingsFetch.objects.exclude(fetches=0).exists()


def test_the_key_of_a_document_will_do(vendor: Vendor, configure: Configure) -> None:
    configure(SDK_KEY="", ACCOUNT_ID="", SETTINGS_DOCUMENT=document())
    assert fetching.fetch_if_due()
    assert row().account_id == "123456"
    assert f"i={DOCUMENT_KEY}" in vendor.paths[0]


def test_a_fetch_now_asks_nobody(vendor: Vendor) -> None:
    for count in range(1, 4):
        assert not fetching.fetch_now().error
        assert row().fetches == count
    assert len(vendor.paths) == 3
    assert fetching.fetch_if_due() is None, "it counts as the fetch of this period"


def test_fetches_now_do_not_get_in_each_others_way(vendor: Vendor) -> None:
    reports = in_threads(*[fetching.fetch_now] * 6)
    assert [report.error for report in reports] == [""] * 6
    assert (row().fetches, row().failures, row().is_under_way) == (6, 0, False)
    assert SettingsDocument.objects.count() == 1


def test_failures_are_written_down_and_pauses_grow(vendor: Vendor) -> None:
    fetching.fetch_if_due()
    vendor.status = 503
    waits = []
    for count in range(1, 9):
        let_pass(300)
        report = fetching.fetch_if_due()
        assert report
        assert report.document is None
        assert row().failures == count
        waits.append(fetching.seconds_until_due())
    assert "HTTP 503; expected 200" in row().last_error
    assert waits[0] <= MIN_SECONDS
    assert 100 < waits[-1] <= 300
    assert keys() == ["pricing-page"]


def test_asks_do_not_make_a_storm_of_failures(vendor: Vendor, unhurried: float) -> None:
    vendor.status = 503
    fetching.fetch_if_due()
    for _ in range(50):
        fetching.ask()
        fetching.fetch_if_due()
    assert len(vendor.paths) == 1


def test_a_failure_is_logged_when_it_is_another(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_vwo")
    for status in (503, 503, 503, 401, 401, 200, 200, 503):
        vendor.status = status
        fetching.fetch_now()
    told = [record.getMessage() for record in caplog.records]
    assert ["503" in each for each in told] == [True, False, False, True]
    assert "401" in told[1]
    assert "again, after 5 failures" in told[2]
    assert SDK_KEY not in caplog.text


def test_a_process_that_died_is_noticed_after_its_lease(vendor: Vendor) -> None:
    fetching.fetch_now()
    assert fetching.claim(*fetching.row_and_clock("123456"))
    fetching.ask()
    let_pass(MIN_SECONDS)
    assert fetching.fetch_if_due() is None
    wait = fetching.seconds_until_due()
    assert 15 < wait <= 60
    let_pass(wait)
    vendor.status = 503
    assert fetching.fetch_if_due()
    assert row().failures == 2, "the one that died is a failure, too"
    vendor.status = 200
    fetching.fetch_now()
    assert (row().failures, row().last_error) == (0, "")


def test_a_process_that_comes_late_does_not_overwrite_the_news(vendor: Vendor) -> None:
    late = fetching.row_and_clock("123456")
    assert fetching.claim(*late)
    fetching.fetch_now()
    state.failed(late[0], 60, "too late", is_refused=False)
    assert (row().failures, row().last_error, row().is_under_way) == (0, "", False)


def test_an_unexpected_error_is_written_down_and_raised(
    monkeypatch: pytest.MonkeyPatch, vendor: Vendor
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError(SDK_KEY)

    monkeypatch.setattr("django_vwo.sources.history.keep", broken)
    with pytest.raises(RuntimeError):
        fetching.fetch_if_due()
    assert "RuntimeError" in row().last_error
    assert SDK_KEY not in row().last_error
    assert not row().is_under_way


def rename_table(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_database_that_cannot_keep_documents_is_a_failure(vendor: Vendor) -> None:
    fetching.fetch_now()
    vendor.body = text(ab_test("second")).encode()
    rename_table("django_vwo_settingsdocument", "away")
    try:
        with pytest.raises(DatabaseError):
            fetching.fetch_now()
    finally:
        rename_table("away", "django_vwo_settingsdocument")
    found = row()
    assert (found.failures, found.is_under_way) == (1, False)
    assert "Error" in found.last_error
    let_pass(10)
    assert fetching.fetch_if_due()
    assert keys() == ["second"]


def test_each_account_has_its_own_state(vendor: Vendor, configure: Configure) -> None:
    fetching.fetch_now()
    configure(ACCOUNT_ID=99)
    assert "accountId" in fetching.fetch_now().error
    assert SettingsFetch.objects.get(account_id="123456").failures == 0
    assert SettingsFetch.objects.get(account_id="99").failures == 1


def test_a_fetch_inside_a_transaction_leaves_it_usable(vendor: Vendor) -> None:
    vendor.status = 503
    with transaction.atomic():
        assert fetching.fetch_now().error
        assert row().failures == 1


def test_times_are_those_of_the_database() -> None:
    fetching.ask()
    fetching.fetch_if_due()
    late = SettingsFetch.objects.filter(
        asked_at__lte=DatabaseNow(),
        started_at__lte=DatabaseNow(),
        succeeded_at__lte=DatabaseNow(),
        due_at__gt=DatabaseNow() + timedelta(seconds=200),
        due_at__lte=DatabaseNow() + timedelta(seconds=300),
    )
    assert late.exists()


def test_a_changed_period_holds_at_once(vendor: Vendor, configure: Configure) -> None:
    configure(FETCH_SECONDS=86_400)
    fetching.fetch_if_due()
    configure(FETCH_SECONDS=300)
    let_pass(301)
    assert fetching.fetch_if_due()
    assert len(vendor.paths) == 2


def test_an_older_version_is_no_alarm(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """One of the vendor's servers may be behind."""
    vendor.body = text(version=2).encode()
    fetching.fetch_now()
    for body in (text(version=1), "<html>"):
        vendor.body = body.encode()
        fetching.fetch_now()
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]
