"""The vendor is asked whether there is another document, and believed as far as it goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from django_vwo.models import SettingsDocument, SettingsFetch
from django_vwo.sources import current, fetching, history
from django_vwo.sources.obtaining import TRUST_SECONDS
from tests.conftest import Configure
from tests.documents import ab_test

from .samples import Vendor, let_pass, text

pytestmark = pytest.mark.django_db

TAGS = {"ETag": '"abc"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}


@pytest.fixture(autouse=True)
def known(vendor: Vendor, configure: Configure) -> None:
    """Let the site have fetched a document with validators."""
    configure(COLLECTOR_URL=vendor.url, FETCH_SECONDS=300)
    vendor.validators = dict(TAGS)
    fetching.fetch_now()
    assert vendor.conditions == [{}]


def keys() -> list[str]:
    campaigns = current.current()
    return sorted(campaigns.campaigns) if campaigns else []


def row() -> SettingsFetch:
    return SettingsFetch.objects.get()


def has_second(vendor: Vendor) -> None:
    """Let the vendor have another document."""
    vendor.body = text(ab_test("second")).encode()
    vendor.validators = {"ETag": '"def"'}


def assert_later(one: datetime | None, other: datetime | None) -> None:
    assert one is not None
    assert other is not None
    assert one > other


@pytest.mark.parametrize("names", [["ETag"], ["Last-Modified"], ["ETag", "Last-Modified"]])
def test_what_did_not_change_is_not_sent_again(vendor: Vendor, names: list[str]) -> None:
    vendor.validators = {name: TAGS[name] for name in names}
    fetching.fetch_now(is_conditional=False)
    let_pass(300)
    before = row()
    report = fetching.fetch_if_due()
    assert vendor.conditions[-1] == vendor.validators
    assert report
    assert report.document == SettingsDocument.objects.get()
    assert (report.error, report.is_unchanged) == ("", True)
    after = row()
    assert_later(after.succeeded_at, before.succeeded_at)
    assert_later(after.due_at, after.succeeded_at)


def test_the_request_is_otherwise_the_same(vendor: Vendor) -> None:
    fetching.fetch_now()
    first, second = (path.split("&r=")[0] for path in vendor.paths)
    assert first == second


def test_a_change_arrives(vendor: Vendor) -> None:
    has_second(vendor)
    assert not fetching.fetch_now().is_unchanged
    assert keys() == ["second"]
    fetching.fetch_now()
    assert vendor.conditions[-1] == {"ETag": '"def"'}, "the new one's, and only those"


def test_a_fetch_without_conditions_has_none(vendor: Vendor) -> None:
    assert fetching.fetch_now(is_conditional=False).is_unchanged
    assert vendor.conditions[-1] == {}


def test_the_webhook_has_the_document_sent_in_full(vendor: Vendor) -> None:
    fetching.ask()
    fetching.fetch_now()
    assert vendor.conditions[-1] == {}


def test_a_failure_in_between_does_not_matter(vendor: Vendor) -> None:
    vendor.status, vendor.validators = 503, {}
    assert fetching.fetch_now().error
    vendor.status, vendor.validators = 200, dict(TAGS)
    assert fetching.fetch_now().is_unchanged
    assert vendor.conditions[-1] == TAGS


def test_a_refused_document_is_not_asked_about(vendor: Vendor) -> None:
    vendor.body, vendor.validators = text(accountId=99).encode(), {"ETag": '"bad"'}
    assert fetching.fetch_now().error
    fetching.fetch_now()
    assert vendor.conditions[-1] == {}, "or a 304 would pass for a success"
    assert row().failures == 2
    vendor.body, vendor.validators = text().encode(), dict(TAGS)
    fetching.fetch_now()
    fetching.fetch_now()
    assert vendor.conditions[-1] == TAGS


@pytest.mark.parametrize(
    "changes", [{"ACCOUNT_ID": "0123456"}, {"SDK_KEY": "another-key"}], ids=["account", "key"]
)
def test_what_another_was_told_is_not_asked_about(
    vendor: Vendor, configure: Configure, changes: dict[str, Any]
) -> None:
    configure(**changes)
    fetching.fetch_now()
    assert vendor.conditions[-1] == {}


def test_what_another_collector_told_is_not_asked_about(
    vendor: Vendor, configure: Configure
) -> None:
    configure(COLLECTOR_URL=vendor.url.replace("127.0.0.1", "localhost"))
    fetching.fetch_now()
    assert vendor.conditions[-1] == {}


@pytest.mark.parametrize("tags", [{"ETag": '"def"'}, {}], ids=["with validators", "without"])
def test_a_rolled_back_site_stays_where_it_is(vendor: Vendor, tags: dict[str, str]) -> None:
    first = SettingsDocument.objects.get()
    has_second(vendor)
    vendor.validators = tags
    fetching.fetch_now()
    history.activate(first)
    current.refresh()
    for _ in range(3):
        report = fetching.fetch_now()
        assert not report.error
        assert not report.is_unchanged
        assert keys() == ["pricing-page"]
    assert vendor.conditions[-1] == {}
    vendor.body, vendor.validators = text(ab_test("third")).encode(), {}
    fetching.fetch_now()
    assert keys() == ["third"]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_during_the_fetch_does_not_make_a_304_a_success(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the request and its answer, somebody puts another document into service."""
    first = SettingsDocument.objects.get()
    has_second(vendor)
    fetching.fetch_now()
    answer = vendor.answer

    def meanwhile(handler: Any) -> None:
        monkeypatch.undo()
        history.activate(first)
        connection.close()
        answer(handler)

    monkeypatch.setattr(vendor, "answer", meanwhile)
    report = fetching.fetch_now()
    assert vendor.conditions[-2:] == [{"ETag": '"def"'}, {}]
    assert not report.is_unchanged
    assert SettingsDocument.objects.get(is_active=True) == first


def test_a_vendor_is_not_believed_forever(vendor: Vendor) -> None:
    """A broken cache may say 304 for good, whatever changes behind it."""
    vendor.body = text(ab_test("second")).encode()
    for _ in range(3):
        let_pass(300)
        assert fetching.fetch_now().is_unchanged
    assert keys() == ["pricing-page"]
    let_pass(TRUST_SECONDS)
    fetching.fetch_now()
    assert vendor.conditions[-1] == {}
    assert keys() == ["second"]


def test_nor_for_longer_because_the_clock_was_set_back(vendor: Vendor) -> None:
    fetching.fetch_now()
    assert vendor.conditions[-1] != {}
    let_pass(-2 * TRUST_SECONDS)
    fetching.fetch_now()
    assert vendor.conditions[-1] == {}


def test_a_304_that_nothing_was_asked_for_is_a_failure(vendor: Vendor) -> None:
    vendor.status, vendor.validators = 304, {}
    report = fetching.fetch_now(is_conditional=False)
    assert "HTTP 304 to a request without conditions" in report.error
    assert row().failures == 1
    assert keys() == ["pricing-page"]


HOSTILE = {
    "line break": {"ETag": '"a\r\n b"'},
    "another header": {"ETag": '"a\r\n X-Evil: b"'},
    "60 KB": {"ETag": f'"{"a" * 60_000}"'},
    "no quotes": {"ETag": "abc"},
    "outside ASCII": {"ETag": '"\xe4"'},
    "NUL": {"ETag": '"\0"'},
    "a star": {"ETag": "*"},
    "a list": {"ETag": '"a", "b"'},
    "no date": {"Last-Modified": "yesterday"},
    "no such date": {"Last-Modified": "Thu, 99 Foo 2026 00:00:00 GMT"},
    "a date and more": {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT\r\n X-Evil: b"},
}


@pytest.mark.parametrize("tags", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_sent_back_is_no_validator(vendor: Vendor, tags: dict[str, str]) -> None:
    vendor.body, vendor.validators = text(ab_test("second")).encode(), tags
    assert not fetching.fetch_now().error
    assert keys() == ["second"]
    assert not fetching.fetch_now().error
    assert vendor.conditions[-1] == {}


def test_an_answer_with_a_header_of_1_mb_is_a_failure(vendor: Vendor) -> None:
    vendor.validators = {"ETag": f'"{"a" * 2**20}"'}
    assert fetching.fetch_now().error
    assert (row().etag, keys()) == ('"abc"', ["pricing-page"])
    vendor.validators = {}
    assert not fetching.fetch_now().error


@pytest.mark.parametrize("tag", ['""', 'W/"weak"', f'"{"a" * 190}"'])
def test_unusual_tags_are_sent_back_as_they_are(vendor: Vendor, tag: str) -> None:
    vendor.body, vendor.validators = text(ab_test("second")).encode(), {"ETag": tag}
    fetching.fetch_now()
    assert fetching.fetch_now().is_unchanged
    assert vendor.conditions[-1] == {"ETag": tag}
