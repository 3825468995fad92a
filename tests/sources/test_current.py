"""Each process decides with the document in service, and follows when another takes its place."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from django_vwo.dialects.base import Pace
from django_vwo.models import SettingsDocument
from django_vwo.sources import current, fetching, history, pointer
from django_vwo.sources.base import Fetched
from tests.documents import DOCUMENT_KEY, ab_test
from tests.outbox.processes import kill_group

from .samples import SDK_KEY, Vendor, document, text

VWO: dict[str, Any] = {"ACCOUNT_ID": 123456, "SDK_KEY": SDK_KEY, "REFRESH_SECONDS": 0}
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.django_db


def keep(content: str) -> SettingsDocument:
    return history.keep(Fetched(text=content, origin="vendor"))


def keys() -> list[str]:
    campaigns = current.current()
    return sorted(campaigns.campaigns) if campaigns else []


def eventually(claim: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.02)
    return False


def test_without_any_document_there_are_no_campaigns() -> None:
    assert current.current() is None


def test_the_document_in_service_is_loaded_at_the_first_use() -> None:
    row = keep(text())
    assert keys() == ["pricing-page"]
    assert current.in_service().document_id == row.pk


@pytest.mark.django_db(transaction=True)
def test_decisions_ask_no_database(django_assert_num_queries: Any) -> None:
    keep(text())
    with django_assert_num_queries(2):
        current.current()
    with django_assert_num_queries(0):
        for _ in range(100):
            current.current()
            current.sender()


@pytest.mark.django_db(transaction=True)
def test_a_look_that_finds_nothing_new_is_one_small_query(django_assert_num_queries: Any) -> None:
    keep(text())
    current.current()
    with django_assert_num_queries(1) as queries:
        assert not current.refresh()
    assert '"text"' not in queries[0]["sql"]


def test_a_look_finds_the_next_document() -> None:
    keep(text())
    assert keys() == ["pricing-page"]
    keep(text(ab_test("second")))
    assert keys() == ["pricing-page"]
    assert current.refresh()
    assert keys() == ["second"]
    assert not current.refresh()


def test_the_document_of_the_settings_serves_until_one_was_fetched(tmp_path: Path) -> None:
    path = tmp_path / "vwo.json"
    path.write_text(text(ab_test("from-file")))
    with override_settings(VWO={**VWO, "SETTINGS_DOCUMENT": str(path)}):
        assert keys() == ["from-file"]
        assert current.in_service().document_id is None
        keep(text())
        assert current.refresh()
        assert keys() == ["pricing-page"]


def test_the_settings_may_hold_the_document_itself() -> None:
    with override_settings(VWO={**VWO, "SETTINGS_DOCUMENT": document(ab_test("from-dict"))}):
        assert keys() == ["from-dict"]
    assert keys() == []


@pytest.mark.parametrize("content", ["", "<html>", text()[:-9], text(accountId=99)])
def test_a_broken_document_of_the_settings_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "vwo.json"
    path.write_text(content)
    with override_settings(VWO={**VWO, "SETTINGS_DOCUMENT": path}):
        for _ in range(3):
            assert current.current() is None
            current.refresh()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "vwo.json" in caplog.text
    assert DOCUMENT_KEY not in caplog.text


def test_a_broken_document_in_service_keeps_the_last_good_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = keep(text())
    assert keys() == ["pricing-page"]
    broken = SettingsDocument(text="{", digest="x", origin="by hand")
    broken.save()
    SettingsDocument.objects.filter(pk=row.pk).update(is_active=None)
    SettingsDocument.objects.filter(pk=broken.pk).update(is_active=True)
    for _ in range(3):
        assert not current.refresh()
    assert keys() == ["pricing-page"]
    assert len(caplog.records) == 1
    assert "by hand" in caplog.text


def test_a_broken_document_in_service_is_no_reason_to_have_none() -> None:
    SettingsDocument(text="{", digest="x", origin="by hand", is_active=True).save()
    with override_settings(VWO={**VWO, "SETTINGS_DOCUMENT": document(ab_test("from-dict"))}):
        assert keys() == ["from-dict"]
        assert not current.refresh()


def test_a_document_of_the_account_before_is_not_used() -> None:
    keep(text())
    with override_settings(VWO={**VWO, "ACCOUNT_ID": 99}):
        assert current.current() is None


def test_a_wrong_setting_is_not_swallowed() -> None:
    with override_settings(VWO={"ACCOUNT_ID": []}), pytest.raises(ImproperlyConfigured):
        current.current()


@contextmanager
def missing_table() -> Iterator[None]:
    if not connection.features.can_rollback_ddl:
        pytest.skip("this database cannot bring a dropped table back")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_vwo_settingsdocument")
        yield
        transaction.set_rollback(True)


def test_a_missing_table_spoils_neither_page_nor_transaction(
    caplog: pytest.LogCaptureFixture, django_user_model: Any
) -> None:
    keep(text())
    changed = {**VWO, "SETTINGS_DOCUMENT": document(ab_test("from-dict"))}
    with override_settings(VWO=changed):
        with missing_table():
            assert [keys() for _ in range(3)] == [["from-dict"]] * 3
            assert django_user_model.objects.count() == 0, "the caller's transaction lives"
            with pytest.raises(DatabaseError):
                current.refresh()
            assert django_user_model.objects.count() == 0
        assert len(caplog.records) == 1
        pointer.RETRY_SECONDS, before = 0, pointer.RETRY_SECONDS
        try:
            assert eventually(lambda: keys() == ["pricing-page"])
        finally:
            pointer.RETRY_SECONDS = before


@pytest.mark.django_db(transaction=True)
def test_a_new_document_is_loaded_without_making_decisions_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(text())
    assert keys() == ["pricing-page"]
    keep(text(ab_test("second")))
    is_loading, may_end, load = threading.Event(), threading.Event(), pointer.load

    def slow(row: SettingsDocument, pace: Pace) -> Any:
        is_loading.set()
        assert may_end.wait(5)
        return load(row, pace)

    def look() -> None:
        current.refresh()
        connection.close()

    monkeypatch.setattr(pointer, "load", slow)
    thread = threading.Thread(target=look)
    thread.start()
    assert is_loading.wait(5)
    assert keys() == ["pricing-page"]
    may_end.set()
    thread.join()
    assert keys() == ["second"]


@pytest.mark.django_db(transaction=True)
def test_threads_that_start_at_once_load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(text())
    loads, seen, load = [], [], pointer.load

    def counted(row: SettingsDocument, pace: Pace) -> Any:
        loads.append(row)
        time.sleep(0.1)
        return load(row, pace)

    def use() -> None:
        seen.append(keys())
        connection.close()

    monkeypatch.setattr(pointer, "load", counted)
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [["pricing-page"]] * 8
    assert len(loads) == 1


def watchers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "django_vwo-watcher"]


@pytest.mark.django_db(transaction=True)
def test_a_thread_follows_by_itself(django_assert_num_queries: Any) -> None:
    keep(text())
    with override_settings(VWO={**VWO, "REFRESH_SECONDS": 0.2}):
        assert keys() == ["pricing-page"]
        assert len(watchers()) == 1
        keep(text(ab_test("second")))
        with django_assert_num_queries(0):
            assert eventually(lambda: keys() == ["second"])
    assert eventually(lambda: not watchers()), "changed settings end it"


@pytest.mark.django_db(transaction=True)
def test_the_thread_outlives_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    keep(text())
    with override_settings(VWO={**VWO, "REFRESH_SECONDS": 0.1}):
        assert keys() == ["pricing-page"]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE django_vwo_settingsdocument RENAME TO away")
        try:
            assert eventually(lambda: "Cannot look for a new" in caplog.text)
            time.sleep(0.3)
            assert keys() == ["pricing-page"]
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE away RENAME TO django_vwo_settingsdocument")
        assert caplog.text.count("Cannot look for a new") == 1, "said once"
        keep(text(ab_test("second")))
        assert eventually(lambda: keys() == ["second"])


def test_no_thread_runs_where_documents_change_at_restarts_only() -> None:
    keep(text())
    assert keys() == ["pricing-page"]
    assert watchers() == []


@contextmanager
def processes(*arguments: list[str]) -> Iterator[list[Any]]:
    """Run followers and yield what they tell, in its order."""
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.sources.follower", name]
    told: list[Any] = []
    running = [
        subprocess.Popen(
            [*command, *more], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        for more in arguments
    ]

    def listen(process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            told.append(json.loads(line))

    threads = [threading.Thread(target=listen, args=[process]) for process in running]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        for process in running:
            kill_group(process)
        for thread in threads:
            thread.join()
        for process in running:
            process.wait()
            assert process.stdout
            process.stdout.close()


@pytest.mark.django_db(transaction=True)
def test_every_process_follows_a_forked_one_too() -> None:
    if "memory" in str(connection.settings_dict["NAME"]):
        pytest.skip("other processes cannot see a database in memory")
    keep(text())
    names = ("alone", "alone", "parent", "child")
    with processes([], [], ["fork"]) as told:
        expected = [[name, ["pricing-page"]] for name in names]
        assert eventually(lambda: sorted(told) == sorted(expected), 90), told
        told.clear()
        keep(text(ab_test("second")))
        expected = [[name, ["second"]] for name in names]
        assert eventually(lambda: sorted(told) == sorted(expected), 30), told


def test_requests_are_made_on_behalf_of_the_account_and_its_document() -> None:
    keep(text(collectionPrefix="eu01", isEventArchEnabled=True))
    sender = current.sender()
    assert (sender.account_id, sender.sdk_key) == ("123456", SDK_KEY)
    assert sender.collection_prefix == "eu01"
    assert sender.has_event_properties
    assert sender.usage == {"eb": "1", "ss": "1"}


def test_the_key_of_the_document_stands_in_for_one_that_is_not_set() -> None:
    changed = {
        "ACCOUNT_ID": 123456,
        "SETTINGS_DOCUMENT": document(),
        "COLLECTOR_URL": "https://collector.example/",
        "USER_STORAGE": None,
        "GOAL_TYPE_TO_TRACK": "CUSTOM_GOAL",
    }
    with override_settings(VWO=changed):
        sender = current.sender()
    assert sender.sdk_key == DOCUMENT_KEY
    assert sender.base_url == "https://collector.example"
    assert sender.usage == {"eb": "1", "gt": "1"}
    assert DOCUMENT_KEY not in repr(sender)


def test_a_fetched_document_is_in_service_at_once(vendor: Vendor) -> None:
    with override_settings(VWO={**VWO, "COLLECTOR_URL": vendor.url}):
        row = fetching.fetch_now().document
        assert row
        assert row.is_active
        assert row.origin == f"{vendor.url}/server-side/settings"
        assert keys() == ["pricing-page"]


def test_a_fetched_document_of_no_use_leaves_the_last_good_one(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    keep(text())
    vendor.body = text(accountId=99).encode()
    with override_settings(VWO={**VWO, "COLLECTOR_URL": vendor.url}):
        assert "accountId" in fetching.fetch_now().error
        assert "accountId" in caplog.text
        vendor.status = 503
        assert "503" in fetching.fetch_now().error
        assert keys() == ["pricing-page"]
    assert SDK_KEY not in caplog.text
