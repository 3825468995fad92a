"""``manage.py vwo_explain``: why a visitor gets the variation that they get."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ...engine.decision import Decision
from ...engine.entities import CampaignSet, Facts
from ...engine.errors import VWOError
from ...engine.findings import plain
from ...explaining import (
    VariableError,
    as_json,
    explaining_client,
    read_variables,
    user_id_of,
)
from ...failures import describe
from ...sources import current
from ...sources.file import FileSource
from ...sources.masking import masked
from ...sources.reading import read


class Command(BaseCommand):
    """Explains the decision that showing a campaign would lead to."""

    help = (
        "Tell which variation a visitor gets in a campaign, and why: every step of the decision. "
        "Reads what is remembered of the visitor, changes nothing and sends nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="the campaign's key")
        parser.add_argument("user", help="a user id, or the key of a visitor who is stored")
        for name, told in {
            "var": "a custom variable, as text",
            "var-json": "a custom variable, its value as JSON",
            "targeting": "a targeting variable, as text",
            "targeting-json": "a targeting variable, its value as JSON",
        }.items():
            parser.add_argument(
                f"--{name}", action="append", default=[], metavar="NAME=VALUE", help=told
            )
        parser.add_argument(
            "--file", metavar="FILE", help="a document to decide with, in place of that in service"
        )
        parser.add_argument(
            "--without-storage", action="store_true", help="as if nothing were remembered"
        )
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, campaign: str, user: str, **options: Any) -> None:
        """Show the decision. Raises `CommandError` with the reason if there is none."""
        variables = self.variables("var", options)
        targeting = self.variables("targeting", options)
        try:
            campaigns, origin = document(options["file"])
            user = user_id_of(user, campaigns)
            client = explaining_client(campaigns, has_storage=not options["without_storage"])
            decision = client.explain(
                campaign,
                user,
                custom_variables=variables,
                variation_targeting_variables=targeting,
            )
        except VWOError as error:
            raise CommandError(masked(str(error))) from None
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {describe(error)}") from None
        except Exception as error:  # whatever the site's own user storage raises
            raise CommandError(f"Nothing could be decided: {describe(error)}") from error
        self.write(decision, campaigns.visitor_key(user), origin, is_json=options["json"])

    def variables(self, name: str, options: dict[str, Any]) -> Facts:
        """Return the variables that the options *name* give. Raises `CommandError`."""
        values = read_option(name, options[name])
        for key, text in read_option(f"{name}-json", options[f"{name}_json"]).items():
            try:
                values[key] = json.loads(text)
            except (ValueError, RecursionError):
                raise CommandError(f"--{name}-json: a value is not JSON.") from None
        return values

    def write(self, decision: Decision, visitor: str, origin: str, *, is_json: bool) -> None:
        """Write *decision* with whom and what it was made on."""
        key = decision.campaign.key if decision.campaign else ""
        if is_json:
            told = {"visitor": visitor, "campaign": key, "document": origin, **as_json(decision)}
            self.stdout.write(json.dumps(told, indent=2))
            return
        self.stdout.write(f"Visitor {visitor}, campaign {plain(key)}, document {plain(origin)}:")
        self.stdout.write(str(decision))


def document(file: str | None) -> tuple[CampaignSet, str]:
    """Return the campaigns to decide with and where they are from. Raises `VWOError`."""
    if file:
        fetched = FileSource(file).fetch()
        return read(fetched), fetched.origin
    in_service = current.in_service()
    if in_service.campaigns is None:
        raise VWOError("No settings document is in service: run 'vwo_settings fetch'.")
    return in_service.campaigns, in_service.origin


def read_option(name: str, given: Sequence[str]) -> dict[str, Any]:
    """Return the variables of one option. Raises `CommandError` for what is no variable."""
    try:
        return dict(read_variables(given))
    except VariableError as error:
        raise CommandError(
            f"--{name} (number {error.number}) is not of the form NAME=VALUE."
        ) from None
