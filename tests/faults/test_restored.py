"""A backup is restored, or a failover loses the end: what was sent since is sent again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from django_vwo.models import Event, EventStatus, LedgerEntry
from django_vwo.outbox.drain import drain
from tests.collector import Collector
from tests.outbox.samples import conversion, impressions, push, record, statuses
from tests.outbox.test_single_events import ARCH_SINGLY, messages, way

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def backup(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Yield an empty database that the site's can be copied to, and back from."""
    if connection.vendor != "sqlite":
        pytest.skip("the copy of a file stands for the backups of every database")
    copy = sqlite3.connect(tmp_path / "backup.sqlite3")
    yield copy
    copy.close()


def sent_again(collector: Collector, sender: dict[str, bool]) -> list[Any]:
    """Return what the collector gets of all that is due: of batches their entries."""
    entries, received = len(collector.entries), len(collector.accepted)
    drain(time.monotonic() + 60, route=way(collector, sender))
    alone = [each for each in collector.accepted[received:] if not each.entries]
    told = [(each["msgId"], each["visId"], each["event"]["time"]) for each in messages(alone)]
    return [*collector.entries[entries:], *told]


def uuids() -> list[UUID]:
    return list(Event.objects.order_by("id").values_list("uuid", flat=True))


@pytest.mark.parametrize("sender", [{}, ARCH_SINGLY], ids=["in batches", "alone"])
def test_what_was_sent_since_the_backup_is_sent_again_as_the_same_messages(
    collector: Collector, backup: sqlite3.Connection, sender: dict[str, bool]
) -> None:
    """Row 39: the database is put back to a moment before the events were sent."""
    record(*impressions(5), conversion("Ann"), push("Zoë"))
    message_ids = uuids()
    connection.connection.backup(backup)
    first = sent_again(collector, sender)
    assert len(first) >= 7

    backup.backup(connection.connection)

    assert set(statuses()) == {EventStatus.PENDING}
    assert uuids() == message_ids
    assert not LedgerEntry.objects.exists()
    assert sent_again(collector, sender) == first
    assert set(statuses()) == {EventStatus.SENT}
    assert sent_again(collector, sender) == []
