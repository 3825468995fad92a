"""Collectors that cannot be found, or cannot be trusted; others are in tests/outbox."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from django_vwo import transport
from django_vwo.models import Breaker, Event, EventStatus
from django_vwo.outbox.drain import DrainReport, drain
from tests.collector import Collector
from tests.outbox.samples import SDK_KEY, SENDER, impressions, make_due, record, route, rows
from tests.services import require_program

from .truth import lost

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

CERTIFICATE = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1")
PAST = datetime(2020, 1, 1, tzinfo=UTC)


def deliver(collector: Collector, url: str) -> DrainReport:
    way = replace(route(collector), sender=replace(SENDER, base_url=url))
    return drain(time.monotonic() + 60, route=way)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a certificate that 127.0.0.1 wrote for itself, with its key beside it."""
    openssl, path = require_program("openssl"), tmp_path / "certificate.pem"
    files = ("-keyout", tmp_path / "key.pem", "-out", path)
    names = ("-addext", "subjectAltName=IP:127.0.0.1")
    command = (openssl, "req", *CERTIFICATE, *names, *files)
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture
def secure(collector: Collector, certificate: Path) -> Iterator[str]:
    """Have the collector speak TLS with that certificate; return its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    assert collector._server is not None
    collector._server.socket = context.wrap_socket(collector._server.socket, server_side=True)
    yield collector.url.replace("http:", "https:")
    transport.forget_session()


def assert_it_only_waits(collector: Collector, url: str, told: str) -> None:
    """Fail unless each try of *url* postpones everything, and holds nothing against any event."""
    for failures in range(1, 4):
        make_due()
        Breaker.objects.update(open_until=PAST)
        trouble = deliver(collector, url).trouble
        assert trouble.startswith(f"{urlsplit(url).hostname}: ")
        assert told in trouble
        assert SDK_KEY not in trouble
        assert Breaker.objects.get().failures == failures
    assert {(row.status, row.rejections, row.last_status, row.lease_token) for row in rows()} == {
        (EventStatus.PENDING, 0, 0, None)
    }
    assert collector.received == []


def test_a_certificate_that_nobody_vouches_for_delays_until_somebody_does(
    collector: Collector, secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 15, TLS: a real server with a certificate of its own making gets no event."""
    events = impressions(5)
    record(*events)
    assert_it_only_waits(collector, secure, "SSL")

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    transport.forget_session()
    Event.objects.update(due_at=PAST)
    Breaker.objects.update(open_until=PAST)
    assert deliver(collector, secure).sent == 5
    assert lost(events, collector) == set()


def test_a_host_that_is_not_found_delays_until_it_is(collector: Collector) -> None:
    """Row 15, DNS: a name that has no address."""
    events = impressions(5)
    record(*events)
    assert_it_only_waits(collector, "http://collector.invalid", "")

    make_due()
    Breaker.objects.update(open_until=PAST)
    assert deliver(collector, collector.url).sent == 5
    assert lost(events, collector) == set()
