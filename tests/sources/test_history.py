"""Fetched documents are kept, and the last good one is in service."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from django_vwo.engine.errors import DocumentError
from django_vwo.models import SettingsDocument
from django_vwo.sources import history
from django_vwo.sources.base import Fetched
from tests.documents import ab_test

from .samples import SDK_KEY, text

pytestmark = pytest.mark.django_db


def keep(content: str | bytes, origin: str = "vendor") -> SettingsDocument:
    return history.keep(Fetched(text=content, origin=origin))


def in_service() -> list[str]:
    rows = SettingsDocument.objects.filter(is_active=True)
    return [json.loads(row.text)["campaigns"][0]["key"] for row in rows]


def test_a_good_document_comes_into_service() -> None:
    row = keep(text())
    assert row.is_active
    assert row.campaign_count == 1
    assert row.error == ""
    assert in_service() == ["pricing-page"]


def test_bytes_are_kept_as_the_text_that_they_are() -> None:
    keep(b"\xef\xbb\xbf" + text(ab_test("pr\u00fcfung")).encode())
    assert in_service() == ["pr\u00fcfung"]


def test_the_same_document_is_kept_once() -> None:
    first = keep(text())
    assert keep(text()).pk == first.pk
    assert SettingsDocument.objects.count() == 1


def test_a_changed_document_replaces_the_one_in_service() -> None:
    keep(text())
    keep(text(ab_test("second")))
    assert in_service() == ["second"]
    assert SettingsDocument.objects.count() == 2


def test_the_document_in_service_is_nothing_new_after_a_refused_one() -> None:
    first = keep(text())
    keep("<html>")
    assert keep(text()).pk == first.pk
    assert SettingsDocument.objects.count() == 2


BAD = {
    "empty": ("", "empty"),
    "html": ("<html><body>Log in</body></html>", "HTML"),
    "truncated": (text()[:-20], "JSON"),
    "other account": (text(accountId=99), "accountId is '99'; expected '123456'"),
    "no campaigns": (text(campaigns=None), "campaigns"),
    "a list": ("[]", "expected"),
    "not utf-8": (b"\xff\xfe{}", "UTF-8"),
    "nul": ('{"version": "\0"}', "JSON"),
    "deep": ("[" * 100_000, "JSON"),
    "50 MB": (b" " * (50 * 2**20), "at most 20 MB"),
}


@pytest.mark.parametrize(("content", "expected"), BAD.values(), ids=BAD)
def test_a_bad_document_is_kept_with_its_error_out_of_service(
    content: str | bytes, expected: str
) -> None:
    keep(text())
    row = keep(content)
    assert expected in row.error
    assert not row.is_active
    assert row.campaign_count is None
    assert len(row.text) <= history.REFUSED_CHARACTERS
    assert in_service() == ["pricing-page"]
    assert keep(content).pk == row.pk


def test_a_string_account_is_the_same_account() -> None:
    assert keep(text(accountId="123456")).is_active


def test_errors_hide_the_key() -> None:
    row = keep(text(accountId=f"x{SDK_KEY}"))
    assert "accountId" in row.error
    assert SDK_KEY not in row.error


def test_refused_documents_do_not_pile_up() -> None:
    keep(text())
    for number in range(history.REFUSED_KEPT + 5):
        keep(f"<html>{number}")
    assert SettingsDocument.objects.exclude(error="").count() == history.REFUSED_KEPT
    newest = SettingsDocument.objects.values_list("text", flat=True).first()
    assert newest == f"<html>{history.REFUSED_KEPT + 4}"
    assert in_service() == ["pricing-page"]


def test_an_earlier_document_can_be_put_into_service_and_stays() -> None:
    first = keep(text())
    keep(text(ab_test("second")))
    history.activate(first)
    assert in_service() == ["pricing-page"]
    keep(text(ab_test("second")))
    assert in_service() == ["pricing-page"], "what the vendor still says is nothing new"
    keep(text(ab_test("third")))
    assert in_service() == ["third"]


def test_a_refused_document_cannot_be_put_into_service() -> None:
    keep(text())
    refused = keep(text(accountId=99))
    with pytest.raises(DocumentError, match="accountId"):
        history.activate(refused)
    assert in_service() == ["pricing-page"]


def test_a_document_that_was_refused_is_taken_once_the_account_is_corrected() -> None:
    keep(text(accountId=99))
    with override_settings(VWO={"ACCOUNT_ID": 99}):
        assert keep(text(accountId=99)).is_active


def together(*changes: Callable[[], Any]) -> list[BaseException]:
    """Run *changes* at once, each with a connection of its own, and return what they raised."""
    start, errors = threading.Barrier(len(changes)), list[BaseException]()

    def run(change: Callable[[], Any]) -> None:
        start.wait()
        try:
            change()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_one", [True, False], ids=["after another", "at first"])
def test_of_several_at_once_exactly_one_is_in_service(has_one: bool) -> None:
    if has_one:
        keep(text())
    keys = [f"key-{number}" for number in range(6)]
    changes = [lambda key=key: keep(text(ab_test(key))) for key in keys]
    assert together(*changes) == []
    assert len(in_service()) == 1
    assert in_service()[0] in keys
    assert SettingsDocument.objects.count() == 6 + has_one


@pytest.mark.django_db(transaction=True)
def test_the_same_document_fetched_by_several_at_once_is_kept_once() -> None:
    keep(text())
    changes = [lambda: keep(text(ab_test("second")))] * 6
    assert together(*changes) == []
    assert in_service() == ["second"]
    assert SettingsDocument.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_there_is_never_none_in_service_meanwhile() -> None:
    rows = [keep(text(ab_test(key))) for key in ("first", "second")]
    is_over, counts = threading.Event(), []

    def switch() -> None:
        for number in range(30):
            history.activate(rows[number % 2])
        is_over.set()

    def watch() -> None:
        while not is_over.is_set():
            counts.append(SettingsDocument.objects.filter(is_active=True).count())

    assert together(switch, watch) == []
    assert set(counts) == {1}


@pytest.mark.django_db(transaction=True)
def test_what_the_caller_rolls_back_was_never_in_service() -> None:
    keep(text())
    with transaction.atomic():
        keep(text(ab_test("second")))
        transaction.set_rollback(True)
    assert in_service() == ["pricing-page"]
