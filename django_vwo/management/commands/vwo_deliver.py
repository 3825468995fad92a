"""``manage.py vwo_deliver``: deliver what is due, once or for good; look after the outbox."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections

from ...engine.errors import VWOError
from ...erasure import Erased, erase
from ...failures import describe
from ...outbox import upkeep, vitals
from ...outbox.drain import DrainReport
from ...outbox.site import drain_site, prune_site, refreshing
from ...sources.current import sender
from ..progress import progress_bar
from ..stopping import Stop, stop_on_signals

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
            "loop": "deliver, and keep the settings document fresh, until stopped by a signal",
            "resend": "have failed events delivered again",
            "prune": "delete what was delivered longer ago than RETENTION_DAYS",
            "stats": "tell how the outbox is doing",
        }.items():
            actions.add_argument(
                f"--{name}", dest="action", action="store_const", const=name, help=told
            )
        actions.add_argument(
            "--erase",
            metavar="USER_ID",
            help="take a visitor out of all that is recorded; '-' reads user ids from standard "
            "input, one a line, so that they stay out of the shell's history",
        )
        parser.add_argument(
            "--interval", type=float, default=1.0, help="seconds between two looks of --loop"
        )

    def handle(
        self, *args: Any, action: str | None, erase: str | None, interval: float, **options: Any
    ) -> None:
        """Do what was asked for. Raises `CommandError` if the database cannot be used."""
        if action == "loop":
            self.loop(max(interval, 0.05))
            return
        try:
            if erase is not None:
                self.erase(sys.stdin.read().splitlines() if erase == "-" else [erase])
            else:
                getattr(self, str(action))()
        except VWOError as error:
            raise CommandError(str(error)) from None
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
        with stop_on_signals() as stop, refreshing():
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

    def erase(self, user_ids: Iterable[str]) -> None:
        """Erase visitors, and tell what that came to, not whom it concerned."""
        visitors = [user_id for user_id in user_ids if user_id]
        if not visitors:
            raise CommandError("Nobody was erased, as no user id was given.")
        try:
            self.stdout.write(f"{sum(map(erase, visitors), Erased())}.")
        except UnicodeError:  # which would show the user id
            raise CommandError("A user id is no text that can be encoded.") from None

    def stats(self) -> None:
        """Tell how many events are in which state, and how each account's delivery goes."""
        for status, count in upkeep.counts().items():
            self.stdout.write(f"{status.label!s:>10} {count:>12,}")
        for account in sorted({sender().account_id, *vitals.accounts()} - {""}):
            sentences = vitals.told(vitals.vitals(account))
            self.stdout.write(f"Account {account}: {' '.join(sentences)}")

    @contextmanager
    def progress(self) -> Iterator[Callable[[DrainReport], object]]:
        """Yield what shows a report: a bar on a terminal, else nothing."""
        bar = progress_bar(self.stdout, lambda: upkeep.pending(sender().account_id), unit=" events")
        if bar is None:
            yield lambda report: None
            return
        with bar:
            yield lambda report: bar.update(report.settled - bar.n)


def told(report: DrainReport) -> str:
    """Return what a drain came to, for people."""
    extras = {"duplicates": report.duplicates, "failed": report.dead, "postponed": report.postponed}
    noted = "".join(f", {count} {name}" for name, count in extras.items() if count)
    return f"{report.sent} delivered in {report.requests} requests{noted}"
