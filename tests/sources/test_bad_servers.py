"""Whatever a server answers, the last good document stays, the reason is told, and it recovers."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command

from django_vwo.client import get_client
from django_vwo.models import Event, SettingsDocument, SettingsFetch
from django_vwo.sources import current, fetching
from tests.conftest import Configure
from tests.documents import DOCUMENT_KEY, SIGNUP, ab_test

from .samples import SDK_KEY, Vendor, let_pass, text

pytestmark = pytest.mark.django_db

MB = 2**20
HTML = {"Content-Type": "text/html"}


@pytest.fixture(autouse=True)
def site(vendor: Vendor, configure: Configure) -> None:
    """Let the site have a good document, and little patience."""
    configure(COLLECTOR_URL=vendor.url, FETCH_SECONDS=300, TIMEOUT_SECONDS=3)
    vendor.body = text(version=5).encode()
    assert not fetching.fetch_now().error


def keys() -> list[str]:
    campaigns = current.current()
    return sorted(campaigns.campaigns) if campaigns else []


def says(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Vendor], None]:
    """Return what makes a vendor answer so."""

    def change(vendor: Vendor) -> None:
        vendor.status, vendor.body = status, body
        vendor.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return change


def sends(pieces: Callable[[], Iterator[bytes]], **headers: str) -> Callable[[Vendor], None]:
    """Return what makes a vendor send *pieces*, as many as are taken."""

    def change(vendor: Vendor) -> None:
        vendor.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        vendor.pieces = pieces()

    return change


def hang(vendor: Vendor) -> None:
    vendor.pause_seconds = 3.5


def drip() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.02)


def much(megabytes: int = 200) -> Iterator[bytes]:
    for _ in range(megabytes):
        yield b" " * MB


def bomb() -> Iterator[bytes]:
    """Yield a few hundred KB that become 200 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in much():
        yield packer.compress(piece)
    yield packer.flush()


def cut(vendor: Vendor) -> None:
    """Let the connection end in the middle of the document."""
    vendor.headers = {"Content-Length": str(len(vendor.body))}
    vendor.pieces = [vendor.body[:50]]


BAD: dict[str, tuple[Callable[[Vendor], None], str]] = {
    "redirect": (says(302, Location="https://login.example/?key=1"), "redirect to login.example"),
    "redirect to a file": (says(301, Location="file:///etc/passwd"), "a redirect to another"),
    "hang": (hang, "no whole answer within 3 seconds"),
    "drip": (sends(drip), "no whole answer within 3 seconds"),
    "200 MB": (sends(much), "at most 20 MB"),
    "200 MB declared": (sends(much, Content_Length=str(200 * MB)), "200 MB long"),
    "gzip bomb": (sends(bomb, Content_Encoding="gzip"), "at most 20 MB"),
    "no gzip": (says(body=b"{}", Content_Encoding="gzip"), "127.0.0.1: "),
    "half a gzip": (
        says(body=gzip.compress(text(version=6).encode())[:90], Content_Encoding="gzip"),
        "not JSON",
    ),
    "cut": (cut, "127.0.0.1: "),
    "HTML": (says(body=b"<html>Log in</html>", **HTML), "with an HTML page"),
    "HTML in disguise": (says(body=b"<html>Log in</html>"), "HTML"),
    "truncated": (says(body=text(version=6).encode()[:-20]), "not JSON"),
    "empty": (says(), "empty"),
    "no content": (says(204), "HTTP 204"),
    "another account": (says(body=text(version=6, accountId=99).encode()), "accountId is '99'"),
    "an older version": (says(body=text(ab_test("old"), version=4).encode()), "version is 4"),
    "unasked 304": (says(304), "HTTP 304 to a request without conditions"),
    "400": (says(400, b'{"message": "Invalid account"}'), "HTTP 400; expected 200 (the vendor"),
    "401": (says(401), "the SDK key is not accepted"),
    "429": (says(429), "HTTP 429"),
    "500": (says(500, b"x" * MB), "HTTP 500"),
    "503": (says(503), "HTTP 503"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD)
def test_the_last_good_document_stays_until_the_next(
    vendor: Vendor,
    caplog: pytest.LogCaptureFixture,
    bad: Callable[[Vendor], None],
    reason: str,
) -> None:
    started = time.monotonic()
    bad(vendor)
    report = fetching.fetch_now()
    assert time.monotonic() - started < 20
    row = SettingsFetch.objects.get()
    assert reason in row.last_error
    assert row.last_error == report.error[:300]
    assert (row.failures, row.is_under_way) == (1, False)
    assert row.failed_at is not None
    assert keys() == ["pricing-page"]
    assert SettingsDocument.objects.get(is_active=True).text == text(version=5)
    assert caplog.text.count(reason) == 1
    for told in (row.last_error, caplog.text):
        assert SDK_KEY not in told
        assert DOCUMENT_KEY not in told

    vendor.behave()
    vendor.body = text(ab_test("second"), version=6).encode()
    let_pass(10)
    again = fetching.fetch_if_due()
    assert again
    assert not again.error
    assert keys() == ["second"]
    row.refresh_from_db()
    assert (row.failures, row.last_error) == (0, "")


def test_nobody_at_home(configure: Configure) -> None:
    configure(COLLECTOR_URL="http://127.0.0.1:9")
    assert "127.0.0.1: " in fetching.fetch_now().error
    assert keys() == ["pricing-page"]


def test_a_paused_campaign_is_not_tracked_once_the_refresh_has_run(vendor: Vendor) -> None:
    """The main reason to stay fresh: the vendor discards what arrives for a paused campaign."""
    client = get_client()
    assert client.activate("pricing-page", "ann")
    assert client.track("pricing-page", "ann", "signup")
    assert Event.objects.count() == 2
    paused = ab_test(status="PAUSED", goals=[SIGNUP])
    vendor.body = text(paused, ab_test("other", id=70), version=6).encode()
    call_command("vwo_settings", "refresh")
    assert not client.track("pricing-page", "ann", "signup")
    assert client.activate("pricing-page", "bob") is None
    assert not client.track(None, "ann", "signup"), "nor for all campaigns with the goal"
    assert Event.objects.count() == 2
    assert client.activate("other", "ann")
    assert Event.objects.count() == 3
