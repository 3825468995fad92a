"""``manage.py vwo_settings``: fetch, show or validate settings documents."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ...conf import app_settings
from ...engine.entities import Campaign, CampaignSet
from ...engine.errors import VWOError
from ...models import SettingsDocument
from ...sources import current, history
from ...sources.base import Fetched
from ...sources.file import FileSource
from ...sources.masking import masked, pretty
from ...sources.memory import MemorySource
from ...sources.pointer import InService, given_source
from ...sources.reading import read

HEADINGS = ("campaign", "type", "traffic", "variations", "goals")


class Command(BaseCommand):
    """Looks after the settings document."""

    help = "Fetch, show or validate the settings document: campaigns, variations, goals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("fetch", help="fetch the document from the vendor, put it into service")
        show = actions.add_parser("show", help="show the document in service")
        show.add_argument("--json", action="store_true", help="as JSON, the SDK key hidden")
        validate = actions.add_parser("validate", help="tell what is wrong with a document")
        validate.add_argument("file", nargs="?", default="-", help="a path; - reads standard input")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do what *action* names. Raises `CommandError` with the reason if that fails."""
        try:
            getattr(self, action)(**options)
        except VWOError as error:
            raise CommandError(masked(str(error))) from None
        except DatabaseError as error:
            said = str(error).strip().partition("\n")[0]  # rows of data may stand below
            raise CommandError(masked(f"The database cannot be used: {said}")) from None

    def fetch(self, **options: Any) -> None:
        """Fetch the document, keep it, put it into service if it can be used."""
        before = history.documents().filter(is_active=True).values_list("id", flat=True).first()
        document = current.fetch_and_store()
        if document.error:
            raise CommandError(f"Refused, and not put into service: {masked(document.error)}")
        if document.is_active:
            news = (
                "It was in service already." if document.pk == before else "It is in service now."
            )
        else:
            news = "It is known, but somebody took it out of service: the admin can put it back."
        self.stdout.write(f"Fetched from {document.origin}. {news}")
        self.write_summary(read(Fetched(text=document.text, origin=document.origin)))

    def show(self, *, json: bool = False, **options: Any) -> None:
        """Show what a process that starts now decides with."""
        in_service = current.in_service()
        if in_service.campaigns is None:
            raise CommandError("No settings document is in service: run 'vwo_settings fetch'.")
        if json:
            self.stdout.write(pretty(self.text_in_service(in_service)))
            return
        row = self.row(in_service)
        when = (
            f", fetched {row.fetched_at:%Y-%m-%d %H:%M:%S %Z}" if row else ", not from a database"
        )
        self.stdout.write(f"In service: {in_service.origin}{when}.")
        self.write_summary(in_service.campaigns)
        self.write_table(in_service.campaigns)

    def validate(self, *, file: str, **options: Any) -> None:
        """Tell what is wrong with a document; nothing is stored."""
        if file == "-":
            text = getattr(sys.stdin, "buffer", sys.stdin).read()
            fetched = MemorySource(text, origin="standard input").fetch()
        else:
            fetched = FileSource(file).fetch()
        self.write_summary(read(fetched))

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
            self.stdout.write(self.style.WARNING(f"  {masked(str(problem))}"))

    def write_table(self, campaigns: CampaignSet) -> None:
        """Write a line for each running campaign."""
        rows = [HEADINGS, *(line(campaign) for campaign in campaigns.campaigns.values())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def line(campaign: Campaign) -> tuple[str, ...]:
    """Return the cells that describe *campaign*."""
    variations = campaign.variations.values()
    shares = ", ".join(f"{variation.name} {variation.weight:g} %" for variation in variations)
    goals = ", ".join(campaign.goals)
    traffic = f"{campaign.percent_traffic:g} %"
    return campaign.key, campaign.type.value, traffic, shares, goals
