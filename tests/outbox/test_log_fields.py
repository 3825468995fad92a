"""Log records of the delivery road carry fields that have stable names."""

from __future__ import annotations

import ast
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

import django_vwo
from django_vwo.models import Event
from django_vwo.outbox import site
from django_vwo.outbox.drain import drain
from django_vwo.outbox.log_fields import What, log_fields
from django_vwo.outbox.mailbox import Mailbox
from django_vwo.outbox.patience import patiently
from tests.collector import Collector, Reply
from tests.conftest import Configure

from .samples import SDK_KEY, impression, impressions, record, route, rows
from .test_drain import deliver, end_the_rest, refuse_visitors

pytestmark = pytest.mark.django_db(transaction=True)

PACKAGE = Path(django_vwo.__file__).parent
ROAD = sorted((PACKAGE / "outbox").glob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}

Told = Callable[[What], tuple[int, dict[str, Any]]]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """Return a function that returns the level and the fields of the one record about a thing."""
    caplog.set_level(logging.DEBUG, "django_vwo")

    def find(what: What) -> tuple[int, dict[str, Any]]:
        [record] = [each for each in caplog.records if vars(each).get("vwo_what") == what]
        fields = {name: value for name, value in vars(record).items() if name.startswith("vwo_")}
        assert "@" not in f"{record.getMessage()} {fields}"
        assert SDK_KEY not in f"{record.getMessage()} {fields}"
        return record.levelno, fields

    return find


def test_a_batch_is_told_at_debug(collector: Collector, told: Told) -> None:
    record(*impressions(3))
    deliver(route(collector))

    level, fields = told(What.BATCH_DELIVERED)
    assert fields.pop("vwo_seconds") > 0
    assert level == logging.DEBUG
    assert fields == {
        "vwo_what": "batch delivered",
        "vwo_account": "123456",
        "vwo_events": 3,
        "vwo_requests": 1,
        "vwo_status": 200,
    }


def test_a_breaker_is_told_when_it_opens_and_when_it_closes(
    collector: Collector, told: Told
) -> None:
    record(*impressions(3, "bob@example.com"))
    collector.script(Reply(status=503))
    deliver(route(collector))

    level, fields = told(What.BREAKER_OPENED)
    assert level == logging.WARNING
    assert (fields["vwo_events"], fields["vwo_status"], fields["vwo_wait_seconds"]) == (3, 503, 1.0)

    end_the_rest()
    deliver(route(collector))
    level, fields = told(What.BREAKER_CLOSED)
    assert (level, fields["vwo_account"]) == (logging.INFO, "123456")


def test_a_mistake_in_the_configuration_is_an_error(collector: Collector, told: Told) -> None:
    record(impression())
    collector.script(Reply(status=403))
    deliver(route(collector))

    level, fields = told(What.BREAKER_OPENED)
    assert (level, fields["vwo_status"]) == (logging.ERROR, 403)


def test_dead_events_are_told_by_message_id(
    collector: Collector, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    record(*impressions(3, "bob@example.com"))
    Event.objects.update(rejections=2)
    collector.rule = refuse_visitors(rows()[1].visitor)
    deliver(route(collector))

    level, fields = told(What.EVENTS_DEAD)
    assert (level, fields["vwo_events"]) == (logging.WARNING, 1)
    assert str(rows()[1].uuid) in caplog.text


def test_a_batch_that_is_cut_short_is_told(collector: Collector, told: Told) -> None:
    record(*impressions(3))

    def send(*args: Any, **options: Any) -> Any:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        deliver(route(collector, send=send))

    level, fields = told(What.LEASE_ABANDONED)
    assert (level, fields["vwo_events"]) == (logging.WARNING, 3)


def test_a_lease_that_ended_before_the_mark_is_told(collector: Collector, told: Told) -> None:
    record(*impressions(3))

    def send(*args: Any, **options: Any) -> Any:
        Event.objects.filter(pk=rows()[0].pk).update(lease_token=None)
        return way.send(*args, **options)

    way = route(collector)
    report = drain(time.monotonic() + 60, route=route(collector, send=send))

    level, fields = told(What.LEASE_LOST)
    assert (level, fields["vwo_events"], report.sent) == (logging.WARNING, 1, 2)


def test_what_cannot_be_rendered_is_told(collector: Collector, told: Told) -> None:
    record(impression())
    Event.objects.update(kind=99)
    deliver(route(collector))

    assert told(What.NOT_RENDERABLE)[1]["vwo_account"] == "123456"


def test_what_keeps_a_worker_waiting_is_told(told: Told) -> None:
    failures = [OperationalError()]

    def work() -> None:
        if failures:
            raise failures.pop()

    patiently(work, alias="default")
    assert told(What.DATABASE_AWAY)[1]["vwo_wait_seconds"] == 0.05


def test_a_nudge_that_fails_is_told(told: Told) -> None:
    def fail() -> None:
        raise ConnectionError

    assert not Mailbox(fail, window_seconds=lambda: 0.0)._published()
    assert told(What.NUDGE_FAILED)[0] == logging.WARNING


def test_that_nothing_may_be_delivered_is_told(configure: Configure, told: Told) -> None:
    site.tell_once.cache_clear()
    configure(DEVELOPMENT_MODE=True)
    site.drain_site()

    assert told(What.NOTHING_DELIVERED) == (
        logging.WARNING,
        {"vwo_what": "nothing delivered"},
    )


def test_many_events_make_no_more_records_at_info_than_one(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_vwo")
    record(*impressions(40))
    deliver(route(collector, batch_size=10))

    assert caplog.records == []


def test_no_field_shadows_one_of_loggings_own() -> None:
    values: dict[str, Any] = {"account": "1", "events": 1, "requests": 1, "seconds": 1.0}
    fields = log_fields(What.BATCH_DELIVERED, **values, wait_seconds=1.0, status=200)
    record = logging.getLogger("django_vwo").makeRecord(
        "django_vwo", logging.INFO, "", 0, "", (), None, extra=fields
    )
    assert fields.items() <= vars(record).items()
    assert all(name.startswith("vwo_") for name in fields)


@pytest.mark.parametrize("path", ROAD, ids=lambda path: path.stem)
def test_every_record_of_the_road_carries_fields(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    bare = [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and ast.unparse(call.func.value) == "logger"
        and "extra" not in {keyword.arg for keyword in call.keywords}
    ]
    assert bare == []


@pytest.mark.parametrize("what", list(What))
def test_the_docs_tell_each(what: What) -> None:
    assert f"``{what.value}``" in (PACKAGE.parent / "docs" / "observing.rst").read_text()
