"""Workers whose clock is wrong, and databases whose sessions live in another time zone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from django.db import connection
from django.utils import timezone

from django_vwo.models import Breaker, EventStatus
from django_vwo.outbox import claim
from django_vwo.outbox.drain import drain
from tests.collector import Collector, Reply
from tests.outbox.samples import impressions, make_due, record, route, rows, scope, statuses

from .truth import lost

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ZONES = {
    "postgresql": ("SET TIME ZONE 'Asia/Karachi'", "SET TIME ZONE 'UTC'"),
    "mysql": ("SET time_zone = '+05:00'", "SET time_zone = 'SYSTEM'"),
}
DAY = timedelta(days=1)


def true_now() -> datetime:
    """Return the time that the database's clock shows, too: it runs on this machine."""
    return datetime.now(UTC)


@pytest.fixture(params=[-DAY, DAY], ids=["a day slow", "a day fast"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[datetime]:
    """Have the app's clock go wrong; return the class that shows its time."""
    shift, true_time = request.param, time.time

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

    for name, module in list(sys.modules.items()):
        if name.startswith("django_vwo.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Wrong)
    monkeypatch.setattr(timezone, "now", lambda: Wrong.now(UTC))
    monkeypatch.setattr(time, "time", lambda: true_time() + shift.total_seconds())


@contextmanager
def far_east() -> Iterator[None]:
    """
    Have the session of the database be five hours ahead, where it has a time zone.

    What is read inside may be misread: Django takes the session's zone for that of the settings.
    """
    there, back = ZONES.get(connection.vendor, ("SELECT 1", "SELECT 1"))
    with connection.cursor() as cursor:
        cursor.execute(there)
    yield
    with connection.cursor() as cursor:
        cursor.execute(back)


def seconds_from_now(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - true_now()).total_seconds()


@pytest.mark.usefixtures("wrong_clock")
def test_leases_follow_the_clock_of_the_database() -> None:
    """Row 13: an app a day off, a session five hours off, and a lease that lasts 30 seconds."""
    with far_east():
        record(*impressions(4))
        batch = claim.claim(scope(lease_seconds=30.0), 500)
        again = claim.claim(scope(), 500)

    assert batch is not None, "what was recorded just now is due now"
    assert len(batch.rows) == 4
    assert again is None
    assert all(0 < seconds_from_now(row.due_at) <= 31 for row in rows())


@pytest.mark.usefixtures("wrong_clock")
def test_an_outage_lasts_as_long_as_it_should_whatever_the_clock_shows(
    collector: Collector,
) -> None:
    """Row 13: the breaker's rest, ``Retry-After`` as seconds, and the time of delivery."""
    events = impressions(4)
    record(*events)
    collector.script(Reply(status=503, headers={"Retry-After": "60"}))
    with far_east():
        drain(time.monotonic() + 60, route=route(collector))

    assert 30 < seconds_from_now(Breaker.objects.get().open_until) <= 61
    assert all(30 < seconds_from_now(row.due_at) <= 61 for row in rows())

    make_due()
    Breaker.objects.update(failures=0, open_until=None)
    with far_east():
        drain(time.monotonic() + 60, route=route(collector))
    assert lost(events, collector) == set()
    assert statuses() == [EventStatus.SENT] * 4
    assert all(-60 < seconds_from_now(row.sent_at) <= 1 for row in rows())
