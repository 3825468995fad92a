"""Fetched documents are kept, and the last good one is in service."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from django_vwo.engine.errors import DocumentError, VWOError
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


def test_what_was_taken_out_of_service_by_hand_stays_out_until_there_is_news() -> None:
    old, first = keep(text(ab_test("old"), version=4)), keep(text(version=5))
    stale = keep(text(ab_test("stale"), version=4))
    history.activate(stale)
    assert in_service() == ["stale"]
    assert keep(text(version=5)).pk == first.pk, "neither in service, nor the newest, but known"
    assert in_service() == ["stale"]
    history.activate(old)
    assert keep(text(version=5)).pk == first.pk
    assert in_service() == ["old"]
    keep(text(ab_test("news"), version=6))
    assert in_service() == ["news"]
    history.activate(first)
    assert keep(text(version=5)).is_active


def test_what_was_taken_out_stays_out_however_it_is_written() -> None:
    first = keep(text(version=1))
    withdrawn = keep(text(ab_test("second"), version=1))
    history.activate(first)
    for content in (text(ab_test("second"), version=1), text(version=1)):
        keep(json.dumps(json.loads(content), sort_keys=True, indent=1))
        assert in_service() == ["pricing-page"]
        assert SettingsDocument.objects.count() == 2
    assert keep(text(ab_test("second"), version=1)).pk == withdrawn.pk
    keep(text(ab_test("third"), version=1))
    assert in_service() == ["third"]


def test_a_vendor_may_take_a_change_back() -> None:
    keep(text())
    keep(text(ab_test("second")))
    keep(text())
    assert in_service() == ["pricing-page"]


VERSIONS: dict[str, tuple[Any, Any, bool]] = {
    "higher": (5, 6, True),
    "the same": (5, 5, True),
    "lower": (10, 9, False),
    "lower, as text": ("10", "9", False),
    "lower, of another type": (10, "9", False),
    "zero": (1, 0, False),
    "long": (10**29 + 1, 10**29, False),
    "too long to be a count": (10**40 + 1, 10**40, True),
    "a name": ("b", "a", True),
    "a name, then a number": ("b", 1, True),
    "a number, then a name": (5, "v4", True),
    "a part of it": ("2.10", "2.9", True),
    "a fraction": (5.5, 4.5, True),
    "negative": (1, -1, True),
    "other digits": ("\u0665", "\u0664", True),
    "nothing": (5, "", True),
}


@pytest.mark.parametrize(("before", "after", "is_new"), VERSIONS.values(), ids=VERSIONS)
def test_an_older_version_is_kept_out_of_service(before: Any, after: Any, is_new: bool) -> None:
    keep(text(version=before))
    row = keep(text(ab_test("second"), version=after))
    assert bool(row.is_active) == is_new
    assert in_service() == ["second" if is_new else "pricing-page"]
    if not is_new:
        assert f"version is {after}; expected {before} or more" in row.error
        assert row.campaign_count == 1
        assert row.text == text(ab_test("second"), version=after), "whole: it may be wanted"


def test_an_older_version_is_kept_once_however_often_it_comes() -> None:
    new, old = text(version=5), text(ab_test("old"), version=4)
    for _ in range(3):
        keep(new)
        keep(old)
    assert SettingsDocument.objects.count() == 2
    assert in_service() == ["pricing-page"]


def test_somebody_may_put_an_older_version_into_service() -> None:
    keep(text(version=5))
    old = keep(text(ab_test("old"), version=4))
    history.activate(old)
    assert in_service() == ["old"]
    assert SettingsDocument.objects.get(pk=old.pk).error == ""
    keep(text(version=5))
    keep(text(ab_test("old"), version=4))
    assert in_service() == ["old"]


def test_after_a_rollback_older_is_what_is_older_than_the_newest() -> None:
    first = keep(text(version=2))
    keep(text(ab_test("newest"), version=5))
    history.activate(first)
    assert not keep(text(ab_test("stale"), version=4)).is_active
    assert in_service() == ["pricing-page"]
    keep(text(ab_test("news"), version=6))
    assert in_service() == ["news"]


def test_another_environment_has_versions_of_its_own() -> None:
    keep(text(version=5))
    keep(text(ab_test("staging"), version=1, sdkKey="of-another-environment"))
    assert in_service() == ["staging"]


def test_another_account_has_versions_of_its_own() -> None:
    keep(text(version=5))
    with override_settings(VWO={"ACCOUNT_ID": 99}):
        assert keep(text(version=1, accountId=99)).is_active


def test_a_document_that_is_gone_leaves_the_other_in_service() -> None:
    gone = keep(text())
    keep(text(ab_test("second")))
    SettingsDocument.objects.filter(pk=gone.pk).delete()
    with pytest.raises(VWOError, match="deleted"):
        history.activate(gone)
    assert in_service() == ["second"]


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
