"""Database servers that end and come back while the site serves and delivers."""

from __future__ import annotations

import os
import signal

import pytest
from django.db import connection

from tests.collector import Collector
from tests.documents import document
from tests.outbox.processes import environment, running, wait_until
from tests.outbox.samples import visitors_of
from tests.own_servers import DATABASES, OwnServer

from .shop import told_by

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor not in DATABASES, reason="SQLite has no server to lose"),
]

LOOP = ("-m", "django", "vwo_deliver", "--loop", "--interval", "0.1")
IMPRESSION, CONVERSION = 1, 2
EVENTS = 20
BATCH = 10


def site_on(server: OwnServer, collector: Collector) -> dict[str, str]:
    """Return the variables under which processes are one site with its database on *server*."""
    variables = environment(
        collector,
        SETTINGS_DOCUMENT=document(),
        USER_ID="tests.faults.shop.visitor_of",
        RAISE_ERRORS=False,
        BATCH_SIZE=BATCH,
        LEASE_SECONDS=5,
    )
    return {**variables, "DATABASE_URL": server.url}


def wait_for_more(collector: Collector) -> None:
    """Return once the collector has got many more events than it has now."""
    enough = len(collector.entries) + EVENTS
    wait_until(lambda: len(collector.entries) >= enough, seconds=120)


def test_a_database_that_is_killed_and_comes_back_loses_no_event_and_keeps_no_half_one(
    collector: Collector,
) -> None:
    """Row 11: an order and its events are there or not, and what is there arrives."""
    with DATABASES[connection.vendor]().running() as server:
        variables = site_on(server, collector)
        with running("-m", "django", "migrate", "--verbosity=0", environment=variables) as migrate:
            assert migrate.wait(120) == 0
        with (
            running(*LOOP, environment=variables) as worker,
            running("-m", "tests.faults.shop", environment=variables) as shop,
        ):
            wait_for_more(collector)
            server.crash()
            wait_for_more(collector)
            told = told_by(shop)
            committed = {visitor for _, _, visitor in told["events"]}
            wait_until(lambda: committed <= set(visitors_of(collector.entries)), seconds=120)
            os.kill(worker.pid, signal.SIGTERM)
            output, _ = worker.communicate(timeout=60)

    assert told["failed"], "the shop had to notice"
    assert set(told["answered"]) <= set(told["orders"]), "what was answered was committed"
    reached = sorted((user_id, kind) for user_id, kind, _ in told["events"])
    complete = [(name, kind) for name in told["orders"] for kind in (IMPRESSION, CONVERSION)]
    assert reached == sorted(complete), "an order has its two events, and no event is without"
    assert (worker.returncode, "Stopped." in output) == (0, True)
    assert len(collector.entries) - len(told["events"]) in range(BATCH + 1)
