import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from django_vwo import transport
from django_vwo.models import Event, EventStatus

from .collector import Collector, Reply
from .conftest import Configure
from .outbox.processes import wait_until
from .outbox.samples import impressions, in_threads, record, rows, statuses
from .sources.samples import Vendor, let_pass
from .sources.samples import vendor as listening_vendor

pytest.importorskip("celery")

from celery import Celery, _state
from celery.exceptions import SoftTimeLimitExceeded

from django_vwo import tasks
from django_vwo.outbox import mailbox, site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collector(configure: Configure) -> Iterator[Collector]:
    with Collector() as running:
        configure(COLLECTOR_URL=running.url)
        yield running
        transport.forget_session()


class Broker:
    """A broker in memory, and what was published to it."""

    def __init__(self) -> None:
        self.queue = f"django_vwo_{uuid4().hex}"
        self.app = Celery("django_vwo_tests", broker="memory://", set_as_current=False)

    def messages(self) -> list[Any]:
        """Return the messages that wait, and take them."""
        taken: list[Any] = []
        with self.app.connection_for_read() as connection:
            channel = connection.default_channel
            while (message := channel.basic_get(self.queue, no_ack=True)) is not None:
                taken.append(message)
        return taken


@pytest.fixture
def broker(configure: Configure) -> Iterator[Broker]:
    """Return a broker in memory, that the site's tasks go to."""
    broker = Broker()
    configure(QUEUE=broker.queue)
    with this_app(broker.app):
        yield broker


@contextmanager
def this_app(app: Celery) -> Iterator[None]:
    """Make *app* the one of all threads, as the app of a Django project is."""
    before = _state._tls.current_app, _state.default_app
    app.set_current()
    app.set_default()
    yield
    _state._tls.current_app, _state.default_app = before


def test_the_task_delivers_what_is_due(collector: Collector) -> None:
    record(*impressions(12))

    assert tasks.deliver() is None

    assert statuses() == [EventStatus.SENT] * 12
    received = collector.received[0]
    assert received.path == "/server-side/batch-events"
    assert received.query["a"] == "123456"
    assert received.headers["authorization"] == "secret-sdk-key"


def test_tasks_have_fixed_names_and_take_nothing() -> None:
    for task in (tasks.deliver, tasks.prune, tasks.refresh, tasks.refresh_if_due):
        assert task.name == f"django_vwo.{task.run.__name__}"
        assert task.run.__code__.co_argcount == 0
        assert (task.acks_late, task.ignore_result, task.max_retries) == (False, True, 0)
    assert (tasks.deliver.soft_time_limit, tasks.deliver.time_limit) == (60, 120)


def test_a_nudge_holds_nothing_and_expires(broker: Broker) -> None:
    mailbox.nudge()

    [message] = broker.messages()
    assert message.headers["task"] == "django_vwo.deliver"
    assert message.headers["expires"] is not None
    assert message.payload[:2] == [[], {}]
    assert "secret" not in str(message.headers) + str(message.payload)


def test_a_commit_becomes_a_nudge(broker: Broker, configure: Configure) -> None:
    configure(DELIVERY="celery", NUDGE_SECONDS=0.01)
    mailbox.start_anew()
    record(*impressions(3))
    taken: list[Any] = []
    wait_until(lambda: bool(taken.extend(broker.messages()) or taken))
    mailbox._mailbox.stop()
    mailbox.start_anew()

    assert [message.headers["task"] for message in taken] == ["django_vwo.deliver"]


def test_work_that_takes_long_is_passed_on(
    collector: Collector, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "DRAIN_SECONDS", -1.0)
    record(*impressions(3))
    tasks.deliver()

    assert statuses() == [EventStatus.PENDING] * 3
    assert [message.headers["task"] for message in broker.messages()] == ["django_vwo.deliver"]


def test_a_drained_outbox_asks_for_nothing(collector: Collector, broker: Broker) -> None:
    tasks.deliver()

    assert broker.messages() == []


def test_the_soft_time_limit_ends_the_task_and_keeps_what_flies(
    collector: Collector, broker: Broker
) -> None:
    """The limit is a signal that raises in the main thread, as in Celery's worker."""
    record(*impressions(3))
    collector.script(Reply(before_seconds=30.0, is_cut=True))

    def raise_limit(*args: object) -> None:
        raise SoftTimeLimitExceeded

    def reach_limit() -> None:
        # Before that the main thread may be where Python drops what a signal raises.
        collector.got_one.wait(30)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, raise_limit)
    limit = threading.Thread(target=reach_limit)
    limit.start()
    try:
        tasks.deliver()
    finally:
        limit.join()
        signal.signal(signal.SIGALRM, before)

    assert all(row.lease_token for row in rows())
    assert [message.headers["task"] for message in broker.messages()] == ["django_vwo.deliver"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"SDK_KEY": ""}, "VWO['SDK_KEY'] is missing"),
        ({"ACCOUNT_ID": ""}, "VWO['ACCOUNT_ID'] is missing"),
        ({"DEVELOPMENT_MODE": True}, "VWO['DEVELOPMENT_MODE'] is on"),
    ],
)
def test_what_may_not_be_sent_stays_pending(
    collector: Collector,
    configure: Configure,
    caplog: pytest.LogCaptureFixture,
    keys: dict[str, Any],
    told: str,
) -> None:
    site.tell_once.cache_clear()
    record(*impressions(2))
    configure(**keys)
    tasks.deliver()
    tasks.deliver()

    assert collector.received == []
    assert statuses() == [EventStatus.PENDING] * 2
    assert caplog.text.count(told) == 1


def test_pruning_keeps_what_the_settings_say(configure: Configure) -> None:
    record(*impressions(2))
    Event.objects.update(status=EventStatus.SENT, sent_at="2020-01-01T00:00:00Z", due_at=None)
    configure(RETENTION_DAYS=3650)
    tasks.prune()
    assert len(rows()) == 2

    configure(RETENTION_DAYS=30)
    tasks.prune()
    assert rows() == []


def test_a_worker_asks_for_its_tasks_by_and_by(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SWEEP_SECONDS", 0.1)
    stopped = threading.Event()
    sweeper = threading.Thread(target=tasks.sweep, args=(stopped,))
    started = time.monotonic()
    sweeper.start()
    time.sleep(0.55)
    stopped.set()
    sweeper.join()
    periods = (time.monotonic() - started) / 0.1

    names = [message.headers["task"] for message in broker.messages()]
    assert names.count("django_vwo.prune") == 1
    assert "django_vwo.refresh_if_due" in names
    assert "django_vwo.refresh" not in names, "which would fetch each time"
    assert 2 <= names.count("django_vwo.deliver") <= periods + 1


def test_a_broker_that_is_away_does_not_end_the_sweep(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configure(DELIVERY="celery")
    monkeypatch.setattr(tasks, "SWEEP_SECONDS", 0.1)
    stopped = threading.Event()
    app = Celery("away", broker="amqp://user:secret@127.0.0.1:1//", set_as_current=False)
    app.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0}
    with this_app(app):
        sweeper = threading.Thread(target=tasks.sweep, args=(stopped,))
        sweeper.start()
        wait_until(lambda: caplog.text.count("cannot be asked for") >= 2)
        stopped.set()
        sweeper.join()

    assert "secret" not in caplog.text


@pytest.fixture
def vendor(configure: Configure) -> Iterator[Vendor]:
    with listening_vendor() as running:
        configure(COLLECTOR_URL=running.url, FETCH_SECONDS=300)
        yield running
        transport.forget_session()


def test_a_schedule_of_ones_own_fetches_as_often_as_it_says(vendor: Vendor) -> None:
    for count in range(1, 6):
        tasks.refresh()
        assert len(vendor.paths) == count
        let_pass(60)


def test_workers_that_refresh_at_once_fetch_once(vendor: Vendor) -> None:
    vendor.pause_seconds = 0.3
    in_threads(*[tasks.refresh] * 4)
    assert len(vendor.paths) == 1
    tasks.refresh()
    let_pass(5)
    in_threads(*[tasks.refresh_if_due] * 4)
    assert len(vendor.paths) == 2, "for the one that came right after the other"
    let_pass(5)
    in_threads(*[tasks.refresh_if_due] * 4)
    assert len(vendor.paths) == 2


def test_a_fleet_without_a_schedule_fetches_once_in_a_period(
    vendor: Vendor, broker: Broker, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers ask for the task by and by, and do it."""
    configure(DELIVERY="celery")
    monkeypatch.setattr(tasks, "SWEEP_SECONDS", 0.05)
    stopped, done = threading.Event(), list[str]()

    def work() -> None:
        while not stopped.is_set():
            for message in broker.messages():
                name = message.headers["task"]
                if name == "django_vwo.refresh_if_due":
                    tasks.refresh_if_due()
                done.append(name)
            stopped.wait(0.02)
        connection.close()

    fleet = [threading.Thread(target=tasks.sweep, args=(stopped,)) for _ in range(2)]
    fleet += [threading.Thread(target=work) for _ in range(2)]
    for thread in fleet:
        thread.start()
    wait_until(lambda: done.count("django_vwo.refresh_if_due") >= 8)
    assert len(vendor.paths) == 1
    let_pass(300)
    wait_until(lambda: len(vendor.paths) >= 2)
    count = len(done)
    wait_until(lambda: done[count:].count("django_vwo.refresh_if_due") >= 8)
    stopped.set()
    for thread in fleet:
        thread.join()
    assert len(vendor.paths) == 2


def test_a_short_period_is_asked_for_as_often(configure: Configure) -> None:
    periods = {turn.task.name: turn.period_seconds for turn in tasks.turns()}
    assert periods["django_vwo.refresh_if_due"] == tasks.SWEEP_SECONDS, "somebody may have asked"
    configure(FETCH_SECONDS=10)
    periods = {turn.task.name: turn.period_seconds for turn in tasks.turns()}
    assert periods["django_vwo.refresh_if_due"] == 10
