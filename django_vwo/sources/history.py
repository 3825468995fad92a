"""Every settings document that was fetched: kept, and at most one of them in service."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models import QuerySet

from ..engine.errors import VWOError
from ..models import NAME_LENGTH, SettingsDocument
from .base import Fetched
from .masking import masked
from .reading import read

ATTEMPTS = 10
"""How often a change is tried anew when another process changed the same thing meanwhile."""
DEADLOCKS = 2
"""How often the database may refuse the change itself."""
REFUSED_CHARACTERS = 64 * 1024
"""How much of a refused document is kept."""
REFUSED_KEPT = 20
"""How many refused documents are kept: a proxy's error pages may differ each time."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A fetched document after its examination."""

    text: str
    digest: str
    origin: str
    error: str = ""
    campaign_count: int | None = None


class MovedError(Exception):
    """Another process put a document into service at this very moment."""


def alias() -> str:
    """Return the database that has the documents: the one that is written to."""
    return router.db_for_write(SettingsDocument)


def documents() -> QuerySet[SettingsDocument]:
    """Return the rows, newest first."""
    return SettingsDocument.objects.using(alias()).order_by("-id")


def examine(fetched: Fetched) -> Checked:
    """Return *fetched* with the reason why it cannot be used, if there is one."""
    whole = fetched.text
    if isinstance(whole, str):
        whole = whole.encode(errors="replace")
    digest, origin = hashlib.sha256(whole).hexdigest(), fetched.origin[:NAME_LENGTH]
    try:
        campaigns = read(fetched)
    except VWOError as error:
        return Checked(
            text=beginning(whole), digest=digest, origin=origin, error=masked(str(error))
        )
    count = len(campaigns.campaigns)
    text = whole.decode("utf-8-sig", errors="replace")
    return Checked(text=text, digest=digest, origin=origin, campaign_count=count)


def beginning(text: bytes) -> str:
    """Return the first `REFUSED_CHARACTERS` of *text*, as every database can keep them."""
    readable = text[: 4 * REFUSED_CHARACTERS].decode(errors="replace")
    return readable[:REFUSED_CHARACTERS].replace("\0", "\ufffd")


def keep(fetched: Fetched) -> SettingsDocument:
    """
    Return the row that *fetched* has from now on: one that is known, or a new one.

    A document that is new and can be used is put into service. One that cannot is kept with its
    error. What equals the document in service, or the newest one, is nothing new: so a document
    that somebody took out of service does not return by itself.
    """
    found = examine(fetched)
    return insist(lambda: settle(found))


def settle(found: Checked) -> SettingsDocument:
    """Return the row that says what *found* says; a new one if none of the two that count does."""
    rows = documents().defer("text")
    newest = rows.first()
    for row in (rows.filter(is_active=True).first(), newest):
        if row and row.digest == found.digest and bool(row.error) == bool(found.error):
            return row
    return refused(found) if found.error else accepted(found, newest)


def accepted(found: Checked, newest: SettingsDocument | None) -> SettingsDocument:
    """Return the new row of *found*, in service. Raises `MovedError` if *newest* no longer is."""
    with transaction.atomic(using=alias()):
        take_out_of_service()  # first: it makes whoever does the same wait
        if documents().defer("text").first() != newest:
            raise MovedError
        return new_row(found, is_active=True)


def refused(found: Checked) -> SettingsDocument:
    """Return the new row of *found*, which is out of service; the oldest such rows go."""
    row = new_row(found, is_active=None)
    rest = documents().exclude(error="").values_list("id", flat=True)[REFUSED_KEPT:]
    documents().filter(id__in=list(rest)).delete()
    return row


def new_row(found: Checked, *, is_active: bool | None) -> SettingsDocument:
    """Return *found*, inserted. Raises `IntegrityError` if two would be in service."""
    row = SettingsDocument(
        text=found.text,
        digest=found.digest,
        origin=found.origin,
        error=found.error,
        campaign_count=found.campaign_count,
        is_active=is_active,
    )
    row.save(using=alias(), force_insert=True)
    return row


def take_out_of_service() -> None:
    documents().filter(is_active=True).update(is_active=None)


def activate(row: SettingsDocument) -> None:
    """Put the kept document *row* into service. Raises `VWOError` if it cannot be used."""
    campaigns = read(Fetched(text=row.text, origin=row.origin))

    def change() -> None:
        with transaction.atomic(using=alias()):
            take_out_of_service()
            documents().filter(pk=row.pk).update(
                is_active=True, error="", campaign_count=len(campaigns.campaigns)
            )

    insist(change)


def insist(change: Callable[[], T]) -> T:
    """Return what *change* returns, tried anew when another process was in its way."""
    for attempt in range(1, ATTEMPTS):
        try:
            return change()
        except (IntegrityError, MovedError):
            continue
        except OperationalError:  # a deadlock, say, which undoes the whole transaction
            if connections[alias()].in_atomic_block or attempt > DEADLOCKS:
                raise
    return change()
