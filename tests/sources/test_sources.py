"""A document comes from a file, from memory or from the vendor, or the reason why not does."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from django_vwo.dialects import get_dialect, limits
from django_vwo.dialects.base import Sender
from django_vwo.engine.errors import VWOError
from django_vwo.sources.file import FileSource
from django_vwo.sources.http import HttpSource
from django_vwo.sources.memory import MemorySource
from django_vwo.transport import Timeouts

from .samples import SDK_KEY, Vendor, document, text


def source(vendor: Vendor, **changes: Any) -> HttpSource:
    sender = Sender(account_id="123456", sdk_key=SDK_KEY, base_url=vendor.url)
    return HttpSource(sender, get_dialect("vwo"), **changes)


def reason(vendor: Vendor, **changes: Any) -> str:
    with pytest.raises(VWOError) as caught:
        source(vendor, **changes).fetch()
    return str(caught.value)


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "vwo.json"
    path.write_text("one")
    from_file = FileSource(path)
    assert from_file.fetch().text == b"one"
    path.write_text("two")
    assert from_file.fetch().text == b"two"
    assert from_file.fetch().origin == str(path)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(VWOError, match=r"missing\.json: No such file"):
        FileSource(tmp_path / "missing.json").fetch()
    with pytest.raises(VWOError, match="Is a directory"):
        FileSource(tmp_path).fetch()


def test_a_file_of_50_mb_is_refused_with_size_and_cap(tmp_path: Path) -> None:
    path = tmp_path / "vwo.json"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)
    with pytest.raises(VWOError, match=r"50 MB long.*at most 20 MB"):
        FileSource(path).fetch()


def test_a_document_in_memory_is_handed_out() -> None:
    assert MemorySource("{}").fetch().text == "{}"
    assert MemorySource(b"{}").fetch().text == b"{}"
    assert json.loads(MemorySource(document()).fetch().text) == document()


def test_a_dict_that_is_no_json_is_refused() -> None:
    with pytest.raises(VWOError, match="a document in memory: the dict cannot be JSON"):
        MemorySource({"campaigns": object()}).fetch()
    endless: dict[str, Any] = {}
    endless["campaigns"] = endless
    with pytest.raises(VWOError, match="cannot be JSON"):
        MemorySource(endless).fetch()


def test_the_vendor_is_asked_with_account_and_key(vendor: Vendor) -> None:
    fetched = source(vendor).fetch()
    assert fetched.text == text().encode()
    assert fetched.origin == f"{vendor.url}/server-side/settings"
    assert "a=123456" in vendor.paths[0]
    assert f"i={SDK_KEY}" in vendor.paths[0]


def test_a_webhook_pulls(vendor: Vendor) -> None:
    assert source(vendor, is_webhook=True).fetch().origin.endswith("/server-side/pull")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (400, {}, "HTTP 400; expected 200 (the vendor does not know"),
        (404, {}, "HTTP 404"),
        (500, {}, "HTTP 500; expected 200."),
        (204, {}, "HTTP 204; expected 200."),
        (302, {"Location": "https://login.example/a?key=b"}, "a redirect to login.example"),
        (302, {}, "a redirect to another address"),
        (200, {"Content-Type": "text/html; charset=utf-8"}, "with an HTML page"),
    ],
)
def test_an_answer_without_a_document_is_told_without_the_key(
    vendor: Vendor, status: int, headers: dict[str, str], expected: str
) -> None:
    vendor.status, vendor.headers, vendor.body = status, headers, b""
    told = reason(vendor)
    assert expected in told
    assert SDK_KEY not in told
    assert len(vendor.paths) == 1


def test_a_document_over_the_cap_is_refused(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.body = b" " * (limits.MAX_DOCUMENT_BYTES + 2**20)
    assert "21 MB long; expected at most 20 MB" in reason(vendor).replace("'", "")


def test_a_slow_vendor_is_given_up(vendor: Vendor) -> None:
    vendor.pause_seconds = 1
    told = reason(vendor, timeouts=Timeouts(connect=0.2, read=0.2, total=0.3))
    assert SDK_KEY not in told


def test_a_closed_port_is_told_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    nobody = Vendor()
    nobody.url = "http://127.0.0.1:9"
    assert SDK_KEY not in reason(nobody)
    assert SDK_KEY not in caplog.text


def test_nothing_is_asked_without_a_key(vendor: Vendor) -> None:
    sender = Sender(account_id="123456", sdk_key="", base_url=vendor.url)
    with pytest.raises(VWOError, match="SDK_KEY"):
        HttpSource(sender, get_dialect("vwo")).fetch()
    assert vendor.paths == []


def test_the_reasons_travel_between_processes(vendor: Vendor) -> None:
    vendor.status = 503
    with pytest.raises(VWOError) as caught:
        source(vendor).fetch()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
