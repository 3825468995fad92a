"""``manage.py vwo_import_assignments``: move the records of VWO's own SDKs into the database."""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ...engine.entities import CampaignSet
from ...engine.errors import NoDocumentError
from ...failures import describe
from ...sources.current import current
from ...storages.importing import (
    Given,
    HeaderError,
    RecordError,
    Tally,
    as_stored,
    checked,
    import_records,
    read_records,
)

BATCH = 500
PROGRESS = 10_000
MOST_REFUSALS = 20


class Command(BaseCommand):
    """Imports what a `UserStorage` of VWO's own SDKs remembers."""

    help = (
        "Import assignments, and the goals that were reached, from the records of VWO's own SDKs: "
        "a JSON list, JSON lines or CSV with userId, campaignKey, variationName and, perhaps, "
        "goalIdentifiers. What is remembered already stays; to import twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a path; - reads standard input")
        parser.add_argument("--dry-run", action="store_true", help="tell only what would be done")

    def handle(self, *args: Any, file: str, dry_run: bool, **options: Any) -> None:
        """Import *file*. Raises `CommandError` if it, or a record of it, cannot be imported."""
        campaigns, tally = current(), Tally()
        if campaigns is None:
            raise CommandError(f"{NoDocumentError()} Run 'vwo_settings fetch'.")
        try:
            with opened(file) as lines:
                self.import_file(lines, campaigns, tally, is_dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or error}.") from None
        except HeaderError as error:
            raise CommandError(f"{file}: {error}.") from None
        except (ValueError, RecursionError, csv.Error) as error:
            expected = "a JSON list, JSON lines or CSV, in UTF-8"
            raise CommandError(f"{file} is not {expected} ({describe(error)}).") from None
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {describe(error)}") from None
        finally:
            self.write(tally, is_dry_run=dry_run)
        if tally.refused:
            raise CommandError(f"{tally.refused:,} records were refused.")

    def import_file(
        self, lines: TextIO, campaigns: CampaignSet, tally: Tally, *, is_dry_run: bool
    ) -> None:
        """Import what *lines* hold, some records at a time, and show how it goes."""
        accepted = self.accepted(lines, campaigns, tally)
        while batch := list(islice(accepted, BATCH)):
            before = tally.total // PROGRESS
            import_records(batch, tally, is_dry_run=is_dry_run)
            if tally.total // PROGRESS > before:
                self.stdout.write(f"{tally.total:,} records …")

    def accepted(self, lines: TextIO, campaigns: CampaignSet, tally: Tally) -> Iterator[Given]:
        """Yield the records that can be imported; the others are in *tally*, and told."""
        for number, record in read_records(lines):
            try:
                yield as_stored(checked(record, campaigns.visitor_key), campaigns)
            except RecordError as error:
                tally.refused += 1
                if tally.refused <= MOST_REFUSALS:
                    self.stderr.write(f"Line {number}: {error}.")

    def write(self, tally: Tally, *, is_dry_run: bool) -> None:
        """Write what became of the records."""
        would = "would be " if is_dry_run else ""
        self.stdout.write(
            f"{tally.new:,} assignments {would}imported, {tally.known:,} known before, "
            f"{tally.others:,} left as they are: another variation is remembered. "
            f"{tally.goals:,} goals {would}known as reached. {tally.refused:,} refused."
        )


@contextmanager
def opened(file: str) -> Iterator[TextIO]:
    """Yield the text of *file*; standard input for a dash."""
    if file == "-":
        yield sys.stdin
        return
    with open(file, encoding="utf-8-sig", newline="") as lines:
        yield lines
