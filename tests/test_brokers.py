"""The real task on real brokers, run by a real worker in a process of its own."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import pytest

from django_vwo.models import EventStatus

from .collector import HANG, Collector, Reply
from .conftest import Configure
from .outbox.processes import environment, running, wait_until
from .outbox.samples import impressions, record, rows, statuses, visitors_of
from .services import AMQP_URL, REDIS_URL, require_service

pytest.importorskip("celery")

from celery import Celery

from django_vwo.outbox import mailbox

from .test_tasks import this_app

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

CELERY = ("-m", "celery", "-A", "tests.outbox.worker_app")


class Site:
    """The test process as a web server: its commits nudge the workers of a broker."""

    def __init__(self, url: str, queue: str, collector: Collector) -> None:
        self.url, self.queue, self.collector = url, queue, collector

    def worker(
        self, *, has_sweep: bool = True, celery: Mapping[str, object] | None = None, **vwo: object
    ) -> AbstractContextManager[subprocess.Popen[str]]:
        """Run a worker with one child; *celery* is more of the configuration of its app."""
        name = f"{self.queue}.{uuid4().hex}"  # RabbitMQ may not know yet that a killed one is gone
        options = ("-c", "1", "--loglevel=info", "--without-gossip", "--without-mingle")
        variables = self.variables(celery or {}, **vwo)
        if not has_sweep:
            variables["TEST_WITHOUT_SWEEP"] = "yes"
        return running(
            *(*CELERY, "worker", "-Q", self.queue, *options, "-n", f"{name}@%h"),
            environment=variables,
        )

    def variables(self, celery: Mapping[str, object], **vwo: object) -> dict[str, str]:
        """Return the variables under which Celery's processes work for the site."""
        own = {"DELIVERY": "celery", "QUEUE": self.queue, "NUDGE_SECONDS": 0.05}
        return {
            **environment(self.collector, **own, **vwo),
            "TEST_BROKER_URL": self.url,
            "TEST_CELERY_SETTINGS": json.dumps(celery),
        }


@pytest.fixture(params=["redis", "amqp"])
def site(
    request: pytest.FixtureRequest, configure: Configure, collector: Collector
) -> Iterator[Site]:
    url = {"redis": REDIS_URL, "amqp": AMQP_URL}[request.param]
    require_service(url)
    queue = f"django_vwo_{uuid4().hex}"
    app = Celery("django_vwo_web", broker=url, set_as_current=False)
    configure(DELIVERY="celery", QUEUE=queue, NUDGE_SECONDS=0.05)
    with this_app(app):
        mailbox.start_anew()
        yield Site(url, queue, collector)
        mailbox._mailbox.stop()
        mailbox.start_anew()
        with app.connection_for_write() as connection:
            channel = connection.default_channel
            channel.queue_delete(queue)
            if request.param == "redis":  # which keeps what a queue was bound to
                channel.client.delete(*channel.client.keys(f"_kombu.binding*.{queue}"))
        app.close()


def all_are_sent() -> bool:
    return set(statuses()) == {EventStatus.SENT}


def test_what_is_committed_is_delivered_by_a_worker(site: Site) -> None:
    with site.worker():
        events = impressions(30)
        for event in events:
            record(event)
        wait_until(all_are_sent)

    assert sorted(visitors_of(site.collector.entries)) == sorted(event.visitor for event in events)


def test_a_nudge_waits_for_a_worker(site: Site) -> None:
    record(*impressions(5))
    time.sleep(0.5)
    with site.worker(has_sweep=False):
        wait_until(all_are_sent)


def children_of(pid: int) -> list[int]:
    """Return the processes that *pid* started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def test_what_a_killed_child_held_is_delivered_by_the_next(site: Site) -> None:
    site.collector.script(HANG)
    with site.worker() as worker:
        record(*impressions(5))
        wait_until(site.collector.got_one.is_set)
        assert all(row.lease_token for row in rows())
        [child] = children_of(worker.pid)
        os.kill(child, signal.SIGKILL)
        wait_until(all_are_sent)

    assert len(site.collector.entries) == 5


def test_an_outage_is_outlasted_without_another_commit(site: Site) -> None:
    site.collector.script(Reply(status=503, headers={"Retry-After": "1"}))
    with site.worker():
        record(*impressions(5))
        wait_until(all_are_sent)

    assert len(site.collector.entries) == 5


@pytest.mark.parametrize(
    ("ci", "end"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_server_is_a_failure_in_ci_only(
    monkeypatch: pytest.MonkeyPatch, ci: str, end: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(end, match=r"No redis server at 127.0.0.1:1"):
        require_service("redis://user:secret@127.0.0.1:1/0")
