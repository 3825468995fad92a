"""Explaining decisions to people: whose, on which document, and with what is remembered of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import router

from .client import Client, get_client
from .engine.decision import Decision
from .engine.entities import CampaignSet
from .engine.findings import Finding
from .models import Assignment, Event

VISITOR_KEY = re.compile(r"[0-9A-F]{32}")


class VariableError(ValueError):
    """A text is not of the form ``name = value``; *number* says which one, from 1."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class ExplainingClient(Client):
    """A client that raises its failures: whoever asks for an explanation wants to know."""

    def report(self, name: str, error: Exception) -> None:
        """Raise *error*."""
        raise error


def explaining_client(campaigns: CampaignSet, *, has_storage: bool = True) -> ExplainingClient:
    """Return a client that explains decisions on *campaigns*, with the site's user storage."""
    site = get_client()
    return ExplainingClient(
        lambda: campaigns,
        storage=site.storage if has_storage else None,
        require_activation=site.require_activation,
    )


def user_id_of(term: str, campaigns: CampaignSet) -> str:
    """Return the user id that *term* means: that of the stored visitor whose key it is, or it."""
    key = term.strip().upper()
    if VISITOR_KEY.fullmatch(key):
        for model in (Assignment, Event):
            rows = model._default_manager.using(router.db_for_write(model)).filter(visitor=key)
            found = rows.order_by().values_list("user_id", flat=True).first()
            if found and campaigns.visitor_key(found) == key:
                return str(found)
    return term


def read_variables(texts: Iterable[str]) -> dict[str, str]:
    """
    Return the variables that *texts* name, each as ``name = value``; empty ones are passed over.

    >>> read_variables(["plan = gold", "", "formula=a=b"])
    {'plan': 'gold', 'formula': 'a=b'}
    """
    found = {}
    for number, text in enumerate(texts, 1):
        name, sign, value = text.partition("=")
        if sign and name.strip():
            found[name.strip()] = value.strip()
        elif text.strip():
            raise VariableError(number)
    return found


def as_json(decision: Decision) -> dict[str, Any]:
    """Return *decision* in JSON's types."""
    return {
        "variation": decision.variation.name if decision.variation else None,
        "reason": decision.reason.name,
        "findings": [finding_as_json(finding) for finding in decision.findings],
    }


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """Return *finding*, and all below it, in JSON's types."""
    return {
        "text": finding.title,
        "answer": finding.answer,
        "parts": [finding_as_json(part) for part in finding.parts],
        "left_off": finding.left_off,
    }
