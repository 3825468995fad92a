"""``manage.py vwo_import_events``: record conversions that happened offline, or elsewhere."""

from __future__ import annotations

import csv
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, reset_queries, router, transaction
from django.utils import timezone

from ...engine.errors import NoDocumentError
from ...failures import describe
from ...importing.importer import Importer, Tally
from ...importing.lines import Line, read_lines
from ...importing.planned import Planned
from ...importing.rows import HeaderError, Refusal
from ...models import Event
from ...sources.current import current
from ..progress import progress_bar
from ..stopping import ImpatientStop, Stop, stop_on_signals

BATCH = 500
PROGRESS = 10_000
MOST_REFUSALS = 20
FUTURE = timedelta(minutes=5)
"""How far in the future a line's time may lie, as clocks differ."""
INTERRUPTED = 130


class Command(BaseCommand):
    """Imports conversions into the outbox."""

    help = (
        "Record conversions that happened offline, or on another platform, so that they are "
        "delivered as all others: a CSV file with the columns user_id, goal (or event) and time "
        "and, perhaps, campaign, revenue, attributes, tags and id. To import twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a path; - reads standard input")
        parser.add_argument("--dry-run", action="store_true", help="tell only what would be done")
        parser.add_argument(
            "--time-zone",
            type=time_zone,
            metavar="NAME",
            help="of times that tell no offset, such as Europe/Berlin; else the site's own",
        )
        parser.add_argument(
            "--activated-elsewhere",
            action="store_true",
            help="the visitors were shown their variations by another service, with the same user "
            "ids and settings document: who is not remembered here is decided on anew",
        )
        parser.add_argument(
            "--refused",
            metavar="FILE",
            help=f"write there which lines were refused, and why; the first {MOST_REFUSALS} are "
            "told anyway",
        )

    def handle(
        self,
        *args: Any,
        file: str,
        dry_run: bool,
        time_zone: ZoneInfo | None,
        activated_elsewhere: bool,
        refused: str | None,
        **options: Any,
    ) -> None:
        """Import *file*. Raises `CommandError` if it, or a line of it, cannot be imported."""
        if current() is None:
            raise CommandError(f"{NoDocumentError()} Run 'vwo_settings fetch'.")
        commit_by_itself()
        zone = time_zone or timezone.get_current_timezone()
        with ExitStack() as stack:
            lines = stack.enter_context(opened(file))
            planned = stack.enter_context(closing(Planned())) if dry_run else None
            importer = made(is_activated_elsewhere=activated_elsewhere, planned=planned)
            refuse = stack.enter_context(self.refusals(file, refused))
            stop = stack.enter_context(stop_on_signals(ImpatientStop))
            show = stack.enter_context(self.progress(file))
            found = read_lines(lines, zone, datetime.now(UTC) + FUTURE)
            try:
                self.import_lines(found, importer, refuse, stop, show)
            except KeyboardInterrupt:
                stop.is_asked_for = True
            except HeaderError as error:
                raise CommandError(f"{file}: {error}.") from None
            except OSError as error:
                raise CommandError(f"{file}: {error.strerror or error}.") from None
            except DatabaseError as error:
                raise CommandError(f"The database cannot be used: {describe(error)}") from None
            except NoDocumentError as error:
                raise CommandError(str(error)) from None
            finally:
                self.write(importer.tally, is_dry_run=dry_run)
        conclude(importer.tally, stop)

    def import_lines(
        self,
        found: Iterator[Line | Refusal],
        importer: Importer,
        refuse: Callable[[Refusal], None],
        stop: Stop,
        show: Callable[[Tally], None],
    ) -> None:
        """Import what was *found*, some lines at a time, until *stop* says so."""
        tally = importer.tally
        while not stop() and (batch := list(islice(found, BATCH))):
            lines = [each for each in batch if isinstance(each, Line)]
            refusals = [each for each in batch if isinstance(each, Refusal)]
            tally.refused += len(refusals)
            refusals += importer.add(lines) if lines else []
            for refusal in sorted(refusals, key=lambda each: each.first):
                refuse(refusal)
            tally.last = max(batch[-1].last, tally.last)
            show(tally)
            reset_queries()  # which Django keeps where DEBUG is on

    @contextmanager
    def refusals(self, file: str, path: str | None) -> Iterator[Callable[[Refusal], None]]:
        """Yield what tells of a refusal: the first ones to people, all to the file at *path*."""
        told = 0

        def tell(refusal: Refusal) -> None:
            nonlocal told
            told += 1
            if told <= MOST_REFUSALS:
                self.stderr.write(str(refusal))
            if rows is not None:
                rows.writerow([refusal.place, refusal.reason])

        with ExitStack() as stack:
            rows = None
            if path is not None:
                if os.path.exists(path) and os.path.exists(file) and os.path.samefile(path, file):
                    raise CommandError("--refused names the file that is to be imported.")
                try:
                    out = stack.enter_context(open(path, "w", encoding="utf-8", newline=""))
                except OSError as error:
                    raise CommandError(f"{path}: {error.strerror or error}.") from None
                rows = csv.writer(out)
                rows.writerow(["line", "reason"])
            yield tell

    @contextmanager
    def progress(self, file: str) -> Iterator[Callable[[Tally], None]]:
        """Yield what shows how it goes: a bar on a terminal, else a line now and then."""
        bar = progress_bar(self.stdout, lambda: count_lines(file), unit=" lines")
        if bar is not None:
            with bar:
                yield lambda tally: bar.update(tally.last - bar.n)
            return
        shown = 0

        def show(tally: Tally) -> None:
            nonlocal shown
            if tally.last // PROGRESS > shown:
                shown = tally.last // PROGRESS
                self.stdout.write(f"{tally.last:,} lines …")

        yield show

    def write(self, tally: Tally, *, is_dry_run: bool) -> None:
        """Write what became of the lines."""
        would = "would be " if is_dry_run else ""
        self.stdout.write(
            f"{tally.recorded:,} lines {would}recorded ({tally.conversions:,} conversions), "
            f"{tally.known:,} already imported, {tally.not_counted.total():,} not counted, "
            f"{tally.refused:,} refused."
        )
        for reason, count in tally.not_counted.most_common():
            self.stdout.write(f"  {count:,} not counted: {reason}")


def conclude(tally: Tally, stop: Stop) -> None:
    """Raise `CommandError` if not all was imported."""
    if stop():
        told = f"Stopped after line {tally.last:,}; run it again to go on."
        raise CommandError(told, returncode=INTERRUPTED)
    if tally.refused:
        raise CommandError(f"{tally.refused:,} lines were refused.")


def made(*, is_activated_elsewhere: bool, planned: Planned | None) -> Importer:
    """Return an importer. Raises `CommandError` if the site is not made for it."""
    try:
        return Importer(is_activated_elsewhere=is_activated_elsewhere, planned=planned)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone *name*. Raises `ArgumentTypeError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ArgumentTypeError(f"{name!r} is no time zone, such as Europe/Berlin") from None


def commit_by_itself() -> None:
    """Have each batch committed where the site commits by hand."""
    connection = transaction.get_connection(router.db_for_write(Event))
    if not connection.in_atomic_block and not connection.get_autocommit():
        connection.set_autocommit(True)


@contextmanager
def opened(file: str) -> Iterator[TextIO]:
    """
    Yield the text of *file*, as `read_lines` takes it; standard input for a dash.

    Raises `CommandError` if it cannot be opened.
    """
    if file == "-":
        text = as_text(sys.stdin.buffer)
        try:
            yield text
        finally:
            text.detach()
        return
    try:
        content = open(file, "rb")  # noqa: SIM115
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None
    with content, as_text(content) as text:
        yield text


def as_text(content: BinaryIO) -> TextIOWrapper:
    """Return the text in *content*, with what is no UTF-8 to be seen, and line breaks as theirs."""
    return TextIOWrapper(content, encoding="utf-8", errors="surrogateescape", newline="")


def count_lines(file: str) -> int | None:
    """Return how many lines *file* has; None if that is to be seen."""
    if not Path(file).is_file():
        return None
    with open(file, "rb") as content:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(1 << 20), b""))
