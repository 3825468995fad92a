"""Clients of an ASGI server that go away in the middle of a request."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group

from tests.collector import Collector
from tests.outbox.processes import wait_until
from tests.outbox.samples import rows

from .web_servers import SECONDS, UVICORN, Server, assert_all_arrived, deliver, orders, serving

pytest.importorskip("uvicorn")

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(collector: Collector) -> Iterator[Server]:
    with serving(*UVICORN, collector=collector) as running:
        running.insist("steps")
        yield running


def begin(server: Server, page: str, **query: str) -> socket.socket:
    """Return a connection with a request on it."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
    head = f"GET /{page}?{urlencode(query)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_what_an_async_view_tracked_is_kept_and_what_it_did_not_get_to_is_not(
    server: Server, collector: Collector
) -> None:
    """Row 30: the client goes away between two conversions."""
    with begin(server, "slow", visitor="ann"):
        wait_until(lambda: b"tracked" in server.get("steps"), SECONDS)
        assert len(rows(goal_identifier="signup")) == 1
    wait_until(lambda: b"cancelled" in server.get("steps"), SECONDS)

    Group.objects.create(name="ann")
    deliver(collector)
    assert_all_arrived(collector)
    assert rows(goal_identifier="checkout") == []


def test_an_order_whose_client_goes_away_is_taken_with_its_events(
    server: Server, collector: Collector
) -> None:
    """Row 30: the client goes away while sync code is amid the transaction."""
    with begin(server, "slow-order", visitor="ann"):
        wait_until(lambda: b"taking" in server.get("steps"), SECONDS)
        assert orders() == set(), "the transaction is open"
    wait_until(lambda: b"taken" in server.get("steps"), SECONDS)
    assert json.loads(server.get("steps"))["steps"] == ["taking", "cancelled", "taken"]

    assert orders() == {"ann"}
    deliver(collector)
    assert_all_arrived(collector)
