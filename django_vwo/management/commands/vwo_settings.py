"""``manage.py vwo_settings``: fetch, refresh, show, validate or check settings documents."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from contextlib import nullcontext
from json import dumps
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ...conf import app_settings
from ...engine.changes import changes
from ...engine.entities import Campaign, CampaignSet
from ...engine.errors import VWOError
from ...engine.findings import plain
from ...models import SettingsDocument
from ...preflight import report as preflight
from ...preflight.as_json import as_json
from ...sources import current, fetching, history, state
from ...sources.base import Fetched
from ...sources.file import FileSource
from ...sources.masking import masked, pretty
from ...sources.memory import MemorySource
from ...sources.obtaining import FetchReport
from ...sources.pointer import InService, given_source
from ...sources.reading import read
from ..progress import progress_bar
from ..tables import table
from ..telling import told

TIME = "%Y-%m-%d %H:%M:%S %Z"
LONGEST_LINE = 5_000
METHODS = {"check": "check_document"}
"""Actions whose name a command of Django's needs for itself."""
HEADINGS = ("campaign", "type", "traffic", "variations", "goals")


class Command(BaseCommand):
    """Looks after the settings document."""

    help = (
        "Fetch, refresh, show, validate or check the settings document: "
        "campaigns, variations, goals."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("fetch", help="fetch the document from the vendor, put it into service")
        actions.add_parser("refresh", help="fetch it only if it changed, and tell what did")
        show = actions.add_parser("show", help="show the document in service")
        show.add_argument("--json", action="store_true", help="as JSON, the SDK key hidden")
        validate = actions.add_parser("validate", help="tell what is wrong with a document")
        validate.add_argument("file", nargs="?", default="-", help="a path; - reads standard input")
        check = actions.add_parser("check", help="tell what a document would do to this site")
        add_check_arguments(check)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do what *action* names. Raises `CommandError` with the reason if that fails."""
        try:
            getattr(self, METHODS.get(action, action))(**options)
        except VWOError as error:
            raise CommandError(masked(str(error))) from None
        except DatabaseError as error:
            said = str(error).strip().partition("\n")[0]  # rows of data may stand below
            raise CommandError(masked(f"The database cannot be used: {said}")) from None

    def fetch(self, **options: Any) -> None:
        """Fetch the document, keep it, put it into service if it can be used."""
        before = current.in_service()
        document = usable(fetching.fetch_now(is_conditional=False))
        self.stdout.write(f"Fetched from {document.origin}. {news(document, before)}")
        self.write_summary(read(Fetched(text=document.text, origin=document.origin)))

    def refresh(self, **options: Any) -> None:
        """Fetch the document unless the vendor says that it is the same; tell what changed."""
        before = current.in_service()
        report = fetching.fetch_now()
        document = usable(report)
        if report.is_unchanged:
            self.stdout.write(f"Unchanged at {document.origin}.")
            return
        self.stdout.write(f"Fetched from {document.origin}. {news(document, before)}")
        after = current.in_service().campaigns
        for change in changes(before.campaigns, after) if after else ():
            self.stdout.write(f"  {change}")

    def show(self, *, json: bool = False, **options: Any) -> None:
        """Show what a process that starts now decides with."""
        in_service = current.in_service()
        if in_service.campaigns is None:
            self.write_fetches()
            raise CommandError("No settings document is in service: run 'vwo_settings fetch'.")
        if json:
            self.stdout.write(pretty(self.text_in_service(in_service)))
            return
        row = self.row(in_service)
        when = f", fetched {row.fetched_at:{TIME}}" if row else ", not from a database"
        self.stdout.write(f"In service: {plain(in_service.origin)}{when}.")
        self.write_fetches()
        self.write_summary(in_service.campaigns)
        self.write_table(in_service.campaigns)

    def validate(self, *, file: str, **options: Any) -> None:
        """Tell what is wrong with a document; nothing is stored."""
        self.write_summary(read(given(file)))

    def check_document(
        self, *, file: str, source: list[Path], strict: bool, json: bool, **options: Any
    ) -> None:
        """Tell what a document would do to visitors, traffic and code; nothing is stored."""
        missing = [str(path) for path in source if not path.exists()]
        if missing:
            raise CommandError(f"There is no {', '.join(missing)}.")
        task = preflight.task(given(file))
        bar = progress_bar(self.stdout, task.steps, unit=" visitors")
        with bar or nullcontext():
            report = preflight.report(
                task, source, with_tests=options["tests"], tick=bar.update if bar else int
            )
        if json:
            self.stdout.write(dumps(as_json(report), indent=2))
        else:
            self.write_summary(report.campaigns)
            for text in told(report):
                self.stdout.write(printable(text))
        if strict and report.is_lacking:
            raise CommandError("The site's code asks for what the document lacks.", returncode=2)

    def write_fetches(self) -> None:
        """Write how the fetches go, if there were any."""
        found = state.look(fetching.account())
        if found is None:
            return
        row, _now = found
        times = {"last success": row.succeeded_at, "next due": row.due_at}
        told = ", ".join(f"{name} {at:{TIME}}" for name, at in times.items() if at)
        self.stdout.write(f"Fetches: {told or 'none succeeded yet'}.")
        if row.failures and row.failed_at:
            failures = f"{row.failures} failed in a row, the last at {row.failed_at:{TIME}}"
            self.stdout.write(self.style.WARNING(f"  {failures}: {masked(row.last_error)}"))

    def text_in_service(self, in_service: InService) -> str:
        """Return the document that *in_service* was read from."""
        if row := self.row(in_service):
            return row.text
        source = given_source(app_settings())
        text = source.fetch().text if source else ""
        return text.decode("utf-8-sig", "replace") if isinstance(text, bytes) else text

    def row(self, in_service: InService) -> SettingsDocument | None:
        """Return the row that *in_service* was read from, if it was one."""
        document_id = in_service.document_id
        return history.documents().filter(pk=document_id).first() if document_id else None

    def write_summary(self, campaigns: CampaignSet) -> None:
        """Write what the document has, and what will not work in it."""
        running, paused = len(campaigns.campaigns), len(campaigns.paused_keys)
        self.stdout.write(
            f"Account {campaigns.account_id}: {running + paused} campaigns, {running} of them "
            f"running, with {len(campaigns.campaigns_by_goal)} goals."
        )
        for problem in campaigns.problems:
            self.stdout.write(self.style.WARNING(f"  {printable(str(problem))}"))

    def write_table(self, campaigns: CampaignSet) -> None:
        """Write a line for each running campaign."""
        rows = [HEADINGS, *(line(campaign) for campaign in campaigns.campaigns.values())]
        for text in table(rows):
            self.stdout.write(printable(text))


def add_check_arguments(check: ArgumentParser) -> None:
    """Add what `Command.check_document` takes."""
    check.add_argument("file", help="a path; - reads standard input")
    check.add_argument(
        "--source",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="look for code and templates here, not in the project's own folders; may be repeated",
    )
    check.add_argument("--tests", action="store_true", help="look into the project's tests, too")
    check.add_argument(
        "--strict",
        action="store_true",
        help="end with status 2 if the code names what the document lacks or has as another type",
    )
    check.add_argument("--json", action="store_true", help="as JSON")


def printable(text: str) -> str:
    """Return *text* as a line of bounded length that a terminal may have, without secrets."""
    return plain(masked(text), LONGEST_LINE)


def given(file: str) -> Fetched:
    """Return the document at the path *file*; "-" is standard input."""
    if file != "-":
        return FileSource(file).fetch()
    text = getattr(sys.stdin, "buffer", sys.stdin).read()
    return MemorySource(text, origin="standard input").fetch()


def usable(report: FetchReport) -> SettingsDocument:
    """Return the document that was fetched. Raises `CommandError` if none was, or of no use."""
    if report.document is None:
        raise CommandError(report.error)
    if report.error:
        raise CommandError(f"Refused, and not put into service: {report.error}")
    return report.document


def news(document: SettingsDocument, before: InService) -> str:
    """Return whether the site decides with *document* now, and did before."""
    if not document.is_active:
        return "It is known, but somebody took it out of service: the admin can put it back."
    is_known = document.pk == before.document_id
    return "It was in service already." if is_known else "It is in service now."


def line(campaign: Campaign) -> tuple[str, ...]:
    """Return the cells that describe *campaign*."""
    variations = campaign.variations.values()
    shares = ", ".join(f"{variation.name} {variation.weight:g} %" for variation in variations)
    goals = ", ".join(campaign.goals)
    traffic = f"{campaign.percent_traffic:g} %"
    return campaign.key, campaign.type.value, traffic, shares, goals
