"""
What `track()` costs in a view while the broker is well, refuses, is silent, or is not used at all.

One process answers the page again and again, in turns: for half a second with one broker, then with
the next, over and over, in another order each time. Each broker has a Celery app and a mailbox
thread of its own; a thread that hangs on a silent broker goes on hanging. Brokers that fail are
tried again twice a second, not twice a minute as in production.

``REDIS_URL`` and ``AMQP_URL`` name the healthy ones; the faults are sockets of our own. Events go
to a test database on the server of ``DATABASE_URL`` or, without that, into an SQLite file.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import random
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

from delivery import database, where
from documents import vwo_document
from figures import Machine, busy, machine, percentile

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
QUEUE = f"django_vwo_benchmark_{uuid4().hex}"
HEALTHY = "Redis, healthy"
NUDGE_SECONDS = 0.5
QUIET_SECONDS = 0.5
TARGET_MS = 1.0


def arguments() -> argparse.Namespace:
    """Return how long to measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one broker in one round")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    return parser.parse_args()


class Broker:
    """A broker, or what stands in its place, with this process's way to it."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self.began = self.succeeded = self.failed = 0
        self.tracks: list[float] = []
        self.pages: list[float] = []
        self.cpu: list[float] = []
        self.round_medians: list[float] = []
        self.app: Any = None

    def start(self) -> None:
        """Have a Celery app, and a thread that publishes with it."""
        from celery import Celery

        from django_vwo.outbox.mailbox import Mailbox

        self.app = Celery("benchmark", broker=self.url, set_as_current=False)
        self.mailbox = Mailbox(
            self.publish, window_seconds=lambda: NUDGE_SECONDS, quiet_seconds=QUIET_SECONDS
        )

    def publish(self) -> None:
        """Nudge the workers, on the mailbox's thread."""
        from django_vwo.outbox import mailbox

        self.app.set_current()  # for this thread
        self.began += 1
        try:
            mailbox.nudge()
        except Exception:
            self.failed += 1
            raise
        self.succeeded += 1

    @property
    def hanging(self) -> int:
        """How many publications have not come back."""
        return self.began - self.succeeded - self.failed


def delete_queue(url: str, queue: str) -> None:
    """Leave nothing of *queue* in a healthy broker."""
    from kombu import Connection

    with Connection(url) as connection:
        connection.default_channel.queue_delete(queue)
        if url.startswith("redis"):
            names = (queue, f"_kombu.binding.{queue}", f"_kombu.binding_permanent.{queue}")
            connection.default_channel.client.delete(*names)


@contextmanager
def refusing_port() -> Iterator[int]:
    """Yield a port where nobody listens, and nobody will: it is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port that accepts connections, and then neither reads nor writes."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


@contextmanager
def brokers() -> Iterator[list[Broker]]:
    """Yield all brokers, the healthy one to compare with first."""
    with ExitStack() as stack:
        refusing = stack.enter_context(refusing_port())
        silent = [stack.enter_context(silent_port()) for _ in range(2)]
        found = [
            Broker(HEALTHY, REDIS_URL),
            Broker("RabbitMQ, healthy", AMQP_URL),
            Broker("redis:// refuses", f"redis://127.0.0.1:{refusing}/0"),
            Broker("amqp:// refuses", f"amqp://guest:guest@127.0.0.1:{refusing}//"),
            Broker("redis:// is silent", f"redis://127.0.0.1:{silent[0]}/0"),
            Broker("amqp:// is silent", f"amqp://guest:guest@127.0.0.1:{silent[1]}//"),
            Broker("no Celery", ""),
        ]
        for broker in found:
            if broker.url:
                broker.start()
        yield found
        for broker in found[:2]:
            broker.mailbox.stop()
            delete_queue(broker.url, QUEUE)


def configure() -> None:
    """Have a site of one page that tracks a goal each time."""
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = page_urls()
    settings.LOGGING_CONFIG = None
    settings.VWO = site_settings("command")


def site_settings(delivery: str) -> dict[str, Any]:
    return {
        "ACCOUNT_ID": 123456,
        "SDK_KEY": "benchmark",
        "SETTINGS_DOCUMENT": vwo_document(100),
        "REFRESH_SECONDS": 0,
        "TRACK_RETURNING_USERS": True,
        "REQUIRE_ACTIVATION": False,
        "USER_STORAGE": None,
        "DELIVERY": delivery,
        "QUEUE": QUEUE,
        "RAISE_ERRORS": True,
    }


def page_urls() -> tuple[Any, ...]:
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def page(request: HttpRequest) -> HttpResponse:
        started, cpu = time.perf_counter(), time.thread_time()
        result = request.vwo.track("goal-20", ["campaign-20"])
        cpu_seconds, seconds = time.thread_time() - cpu, time.perf_counter() - started
        assert result, "The goal was not recorded."
        return HttpResponse(f"{seconds:.9f} {cpu_seconds:.9f}")

    return (path("", page),)


def use(broker: Broker) -> None:
    """Have the next requests nudge by way of *broker*."""
    from django.conf import settings
    from django.core.signals import setting_changed

    from django_vwo.outbox import mailbox

    settings.VWO = site_settings("celery" if broker.url else "command")
    setting_changed.send(None, setting="VWO", value=settings.VWO, enter=True)
    if broker.url:
        mailbox._mailbox = broker.mailbox


def measure(broker: Broker, ask: Callable[[], Any], seconds: float) -> None:
    """Answer the page for *seconds*; keep what each `track` and each page took."""
    use(broker)
    for _ in range(3):
        ask()
    first, end = len(broker.tracks), time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        answer = ask()
        broker.pages.append(time.perf_counter() - started)
        track, cpu = map(float, answer.content.split())
        broker.tracks.append(track)
        broker.cpu.append(cpu)
    broker.round_medians.append(statistics.median(broker.tracks[first:]))


def assert_as_told(found: list[Broker]) -> None:
    """Raise `AssertionError` if a broker did not behave as its name says."""
    for broker in found:
        if "healthy" in broker.name:
            assert broker.succeeded, f"{broker.name}: no nudge got through."
        elif "refuses" in broker.name:
            assert broker.failed, f"{broker.name}: no nudge failed."
            assert not broker.succeeded, f"{broker.name}: a nudge got through."
        elif "silent" in broker.name:
            assert broker.began, f"{broker.name}: no nudge was tried."
            assert not broker.succeeded, f"{broker.name}: a nudge got through."


def figures_of(broker: Broker, healthy: Broker) -> dict[str, Any]:
    """Return the figures of *broker*, in milliseconds."""
    median = statistics.median(broker.tracks) * 1e3
    return {
        "calls": len(broker.tracks),
        "track_median": median,
        "track_p99": percentile(broker.tracks, 0.99) * 1e3,
        "track_more_than_healthy": median - statistics.median(healthy.tracks) * 1e3,
        "track_cpu_median": statistics.median(broker.cpu) * 1e3,
        "page_median": statistics.median(broker.pages) * 1e3,
        "page_p99": percentile(broker.pages, 0.99) * 1e3,
        "nudges": {
            "sent": broker.succeeded,
            "failed": broker.failed,
            "hanging": broker.hanging,
        },
    }


def line(name: str, found: dict[str, Any]) -> str:
    names = (
        "track_median",
        "track_more_than_healthy",
        "track_p99",
        "track_cpu_median",
        "page_median",
        "page_p99",
    )
    columns = "".join(f"{found[each]:10.3f}" for each in names)
    nudges = ", ".join(f"{count} {how}" for how, count in found["nudges"].items() if count)
    return f"{name:22}{found['calls']:8}{columns}   {nudges or 'none'}"


def main() -> None:
    asked = arguments()
    with database(), brokers() as found:
        configure()
        from django.test import Client as Browser

        logging.getLogger("django_vwo").setLevel(logging.ERROR)
        browser = Browser()
        machines: list[Machine] = []
        gc.collect()
        for _ in range(asked.rounds):
            machines.append(machine())
            for broker in random.sample(found, len(found)):
                measure(broker, lambda: browser.get("/"), asked.seconds)
        assert_as_told(found)
        told = {broker.name: figures_of(broker, found[0]) for broker in found}
        show(told, asked, machines)
        print(verdict(told, found[0]))
        if asked.json:
            asked.json.write_text(json.dumps({"where": where(), "brokers": told}, indent=2))


def show(told: dict[str, Any], asked: argparse.Namespace, machines: list[Machine]) -> None:
    print(f"{where()}; {asked.rounds} rounds in turns, in ms; others used {busy(machines)}")
    titles = ("median", "more", "p99", "CPU", "page", "page p99")
    print(f"{'':22}{'calls':>8}{''.join(f'{title:>10}' for title in titles)}   nudges")
    for name, found in told.items():
        print(line(name, found))


def verdict(told: dict[str, Any], healthy: Broker) -> str:
    """Return whether the target is met, or why that cannot be told."""
    quarters = statistics.quantiles(healthy.round_medians, n=4)
    noise = (quarters[2] - quarters[0]) * 1e3
    if noise > TARGET_MS:
        return f"Undecided: the middle half of the rounds with {HEALTHY} differ by {noise:.1f} ms."
    worst = max(found["track_more_than_healthy"] for found in told.values())
    is_met = "within" if worst <= TARGET_MS else "NOT within"
    return f"At most {worst:.3f} ms more than with {HEALTHY}: {is_met} {TARGET_MS:g} ms."


if __name__ == "__main__":
    main()
