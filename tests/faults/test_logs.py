"""Logs that cannot be written: the page renders, and events are delivered."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from django_vwo.client import Client
from django_vwo.engine.events import Event
from django_vwo.models import Breaker, EventStatus
from django_vwo.outbox.drain import drain
from django_vwo.recorders.base import Recorder
from django_vwo.storages.memory import MemoryStorage
from tests.collector import Collector, Reply
from tests.documents import document
from tests.outbox.samples import conversion, make_due, record, route, statuses

from .web_servers import SECONDS, orders

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


class BrokenHandler(logging.Handler):
    """Raises whatever it is told."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("No space left on device")


@pytest.fixture(params=["a handler that raises", "a file that cannot be opened"])
def broken_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[int]]:
    """Break the log; return a list that has one item for each record that was lost."""
    lost: list[int] = []
    is_file = request.param.startswith("a file")
    handler = (
        logging.FileHandler(tmp_path / "gone" / "site.log", delay=True)
        if is_file
        else BrokenHandler()
    )
    handler.addFilter(lambda record: lost.append(record.levelno) or True)
    logger = logging.getLogger("django_vwo")
    logger.addHandler(handler)
    yield lost
    logger.removeHandler(handler)


class BrokenRecorder(Recorder):
    """Cannot record."""

    def record(self, events: Sequence[Event]) -> None:
        raise OSError("No space left on device")


def test_a_record_tells_where_it_is_from(caplog: pytest.LogCaptureFixture) -> None:
    """Row 43: what survives a broken log is not in the way of one that works."""
    Client(document(), storage=MemoryStorage(), recorder=BrokenRecorder()).activate("no", "ann")
    [told] = caplog.records
    assert (told.name, told.filename) == ("django_vwo", "client.py")


def test_a_request_survives_a_log_that_cannot_be_written(broken_log: list[int]) -> None:
    """Row 43: what could not be recorded cannot even be told."""
    vwo = Client(document(), storage=MemoryStorage(), recorder=BrokenRecorder())
    with transaction.atomic():
        Group.objects.create(name="ann")
        vwo.activate("pricing-page", "ann")
        vwo.activate("no-such-campaign", "ann")
        vwo.track("pricing-page", "ann", "signup")

    assert orders() == {"ann"}
    assert broken_log


def test_events_are_recorded_and_delivered_though_the_log_cannot_be_written(
    broken_log: list[int], collector: Collector
) -> None:
    """Row 43: a value that is left out, an outage and a refused event are told to nobody."""
    record(conversion("ann", properties={"basket": object()}), conversion("bob"))
    collector.script(Reply(status=503), Reply(status=401))
    for _ in range(3):
        make_due()
        Breaker.objects.update(open_until=None)
        drain(time.monotonic() + SECONDS, route=route(collector))

    assert statuses() == [EventStatus.SENT] * 2
    assert len(collector.entries) == 2
    assert broken_log
