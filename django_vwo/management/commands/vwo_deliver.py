"""``manage.py vwo_deliver``: deliver what is due, once or for good; look after the outbox."""

from __future__ import annotations

import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections
from django.utils.module_loading import import_string

from ...failures import describe
from ...outbox import upkeep
from ...outbox.drain import DrainReport
from ...outbox.site import drain_site, prune_site
from ...sources.current import sender

DRAINED, PENDING_LEFT, COLLECTOR_DOWN = 0, 1, 2
ROUND_SECONDS = 30.0
PRUNE_SECONDS = 24 * 3600.0


class Command(BaseCommand):
    """Does what Celery workers do, without Celery."""

    help = (
        "Deliver events to the vendor. --once ends with status 0 if nothing is left to deliver, "
        "1 if something is, 2 if the collector cannot be reached."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_mutually_exclusive_group(required=True)
        for name, told in {
            "once": "deliver what is due, then end",
            "loop": "deliver until stopped by a signal",
            "resend": "have failed events delivered again",
            "prune": "delete what was delivered longer ago than RETENTION_DAYS",
            "stats": "tell how the outbox is doing",
        }.items():
            actions.add_argument(
                f"--{name}", dest="action", action="store_const", const=name, help=told
            )
        parser.add_argument(
            "--interval", type=float, default=1.0, help="seconds between two looks of --loop"
        )

    def handle(self, *args: Any, action: str, interval: float, **options: Any) -> None:
        """Do what was asked for. Raises `CommandError` if the database cannot be used."""
        if action == "loop":
            self.loop(max(interval, 0.05))
            return
        try:
            getattr(self, action)()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {describe(error)}") from None

    def once(self) -> None:
        """Deliver what is due; end with the status that tells how that went."""
        with stop_on_signals() as stop, self.progress() as show:
            report = drain_site(is_stopped=stop, on_progress=show)
        left = upkeep.pending(sender().account_id)
        self.stdout.write(f"{told(report)}; {left} pending.")
        if report.trouble:
            self.stderr.write(f"The collector is left alone: {report.trouble}.")
            sys.exit(COLLECTOR_DOWN)
        if left:
            sys.exit(PENDING_LEFT)

    def loop(self, interval: float) -> None:
        """Deliver until a signal says to stop; survive whatever the database does."""
        prune_at = time.monotonic()
        with stop_on_signals() as stop:
            while not stop():
                try:
                    self.round(stop)
                    if time.monotonic() >= prune_at:
                        prune_at = time.monotonic() + PRUNE_SECONDS
                        prune_site()
                except DatabaseError as error:
                    self.stderr.write(f"The database cannot be used: {describe(error)}")
                close_old_connections()
                stop.wait(interval)
        self.stdout.write("Stopped.")

    def round(self, stop: Stop) -> None:
        """Deliver what is due and say so if that was something."""
        report = drain_site(time.monotonic() + ROUND_SECONDS, is_stopped=stop)
        if report.settled or report.requests:
            trouble = f" The collector is left alone: {report.trouble}." if report.trouble else ""
            self.stdout.write(f"{told(report)}.{trouble}")

    def resend(self) -> None:
        """Have failed events delivered again."""
        self.stdout.write(f"{upkeep.resend()} events are to be delivered again.")

    def prune(self) -> None:
        """Delete what was delivered long ago."""
        self.stdout.write(f"{prune_site()} events deleted.")

    def stats(self) -> None:
        """Tell how many events are in which state, and about the breaker."""
        stats = upkeep.stats()
        for status, count in stats.counts.items():
            self.stdout.write(f"{status.label!s:>10} {count:>12,}")
        if stats.oldest_pending:
            self.stdout.write(f"The longest pending event occurred at {stats.oldest_pending}.")
        for row in stats.breakers:
            state = f"left alone until {row.open_until}: {row.last_error}" if row.failures else "up"
            self.stdout.write(f"Account {row.account_id}: the collector is {state}.")

    @contextmanager
    def progress(self) -> Iterator[Callable[[DrainReport], object]]:
        """Yield what shows a report: a bar on a terminal, else nothing."""
        bar = progress_bar() if self.stdout.isatty() else None
        if bar is None:
            yield lambda report: None
            return
        with bar:
            yield lambda report: bar.update(report.settled - bar.n)


def progress_bar() -> Any:
    """Return a bar up to what is pending; None where tqdm is not installed."""
    try:
        tqdm = import_string("tqdm.tqdm")
    except ImportError:
        return None
    return tqdm(total=upkeep.pending(sender().account_id), unit=" events")


class Stop:
    """Whether to stop. A plain flag: a signal may come while a lock is held."""

    def __init__(self) -> None:
        self.is_asked_for = False

    def ask(self, *args: object) -> None:
        """Have the command stop soon."""
        self.is_asked_for = True

    def __call__(self) -> bool:
        return self.is_asked_for

    def wait(self, seconds: float) -> None:
        """Return after *seconds*, or soon after a stop is asked for."""
        end = time.monotonic() + seconds
        while not self.is_asked_for and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Yield what SIGTERM and SIGINT ask to stop, so that a request under way is finished first."""
    stop, numbers = Stop(), (signal.SIGTERM, signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(number, stop.ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def told(report: DrainReport) -> str:
    """Return what a drain came to, for people."""
    extras = {"duplicates": report.duplicates, "failed": report.dead, "postponed": report.postponed}
    noted = "".join(f", {count} {name}" for name, count in extras.items() if count)
    return f"{report.sent} delivered in {report.requests} requests{noted}"
