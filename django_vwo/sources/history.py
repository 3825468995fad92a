"""Every settings document that was fetched: kept, and at most one of them in service."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models import Q, QuerySet

from ..engine.entities import CampaignSet
from ..engine.errors import Description, DocumentError, VWOError
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

COUNTED = re.compile(r"[0-9]{1,30}", re.ASCII)
"""A version that can be compared: it may also be a text."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A fetched document after its examination."""

    text: str
    digest: str
    origin: str
    error: str = ""
    campaigns: CampaignSet | None = field(default=None, repr=False)
    """None: the document cannot be used."""


class MovedError(Exception):
    """Another process put a document into service at this very moment."""


def alias() -> str:
    """Return the database that has the documents: the one that is written to."""
    return router.db_for_write(SettingsDocument)


def newest() -> SettingsDocument | None:
    """Return the document that was fetched last, of use or not; without its text."""
    return documents().defer("text").first()


def in_service() -> SettingsDocument | None:
    """Return the document in service; without its text."""
    return documents().defer("text").filter(is_active=True).first()


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
    text = whole.decode("utf-8-sig", errors="replace")
    return Checked(text=text, digest=digest, origin=origin, campaigns=campaigns)


def beginning(text: bytes) -> str:
    """Return the first `REFUSED_CHARACTERS` of *text*, as every database can keep them."""
    readable = text[: 4 * REFUSED_CHARACTERS].decode(errors="replace")
    return readable[:REFUSED_CHARACTERS].replace("\0", "\ufffd")


def keep(fetched: Fetched) -> SettingsDocument:
    """
    Return the row that *fetched* has from now on: one that is known, or a new one.

    A document that is new and can be used is put into service, unless its version is lower than
    that of one that was. One that cannot is kept with its error. What equals the document in
    service, the newest one, or one that somebody took out of service, is nothing new: so the last
    does not return by itself.
    """
    found = examine(fetched)
    return insist(lambda: settle(found))


def settle(found: Checked) -> SettingsDocument:
    """Return the row that says what *found* says; a new one if none of those that count does."""
    last = newest()
    if row := known(found, last):
        return row
    if not found.error and (why := outdated(found)):
        found = replace(found, error=why)
        if row := known(found, last):
            return row
    return refused(found) if found.error else accepted(found, last)


def known(found: Checked, last: SettingsDocument | None) -> SettingsDocument | None:
    """Return the row that *found* is nothing new to; *last* is the newest."""
    same = documents().filter(digest=found.digest).defer("text")
    is_refused = bool(found.error)
    for row in same.filter(Q(is_active=True) | Q(is_withdrawn=True) | Q(pk=last and last.pk)):
        if bool(row.error) == is_refused:
            return row
    return None if is_refused else rewritten(found)


def rewritten(found: Checked) -> SettingsDocument | None:
    """
    Return the row that says the same as *found* with other keys first, say, or other spaces.

    That counts only while somebody keeps a document out of service: it is to stay out.
    """
    rows = documents().filter(Q(is_active=True) | Q(is_withdrawn=True))
    if not rows.filter(is_withdrawn=True).exists():
        return None
    said = json.loads(found.text)
    return next((row for row in rows if json.loads(row.text) == said), None)


def outdated(found: Checked) -> str:
    """
    Return why *found* is older than what was in service; "" if it is not, or cannot be compared.

    A vendor's servers are many, and one may not have the news yet. Another key is another
    environment, with versions of its own.
    """
    good = documents().filter(error="").first()
    for row in {row.pk: row for row in (in_service(), good) if row}.values():
        before = usable(row)
        if before and found.campaigns and is_older(found.campaigns, before):
            expected = f"{before.version} or more, as in a document that was fetched before"
            version = Description(found.campaigns.version)
            return str(DocumentError(found.origin, "version", version, expected))
    return ""


def usable(row: SettingsDocument) -> CampaignSet | None:
    """Return the campaigns of *row*; None if they cannot be used here."""
    with suppress(VWOError):
        return read(Fetched(text=row.text, origin=row.origin))
    return None


def is_older(campaigns: CampaignSet, before: CampaignSet) -> bool:
    """Return whether *campaigns* are an earlier state of what *before* is."""
    versions = campaigns.version, before.version
    if campaigns.sdk_key != before.sdk_key or not all(map(COUNTED.fullmatch, versions)):
        return False
    return int(versions[0]) < int(versions[1])


def accepted(found: Checked, last: SettingsDocument | None) -> SettingsDocument:
    """Return the new row of *found*, in service. Raises `MovedError` if *last* no longer is."""
    with transaction.atomic(using=alias()):
        take_out_of_service()  # first: it makes whoever does the same wait
        if newest() != last:
            raise MovedError
        documents().filter(is_withdrawn=True).update(is_withdrawn=False)
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
        campaign_count=None if found.campaigns is None else len(found.campaigns.campaigns),
        is_active=is_active,
    )
    row.save(using=alias(), force_insert=True)
    return row


def take_out_of_service(*, is_withdrawn: bool = False) -> None:
    documents().filter(is_active=True).update(is_active=None, is_withdrawn=is_withdrawn)


def activate(row: SettingsDocument) -> None:
    """Put the kept document *row* into service. Raises `VWOError` if it cannot be used."""
    campaigns = read(Fetched(text=row.text, origin=row.origin))

    def change() -> None:
        with transaction.atomic(using=alias()):
            take_out_of_service(is_withdrawn=True)
            found = documents().filter(pk=row.pk)
            count = len(campaigns.campaigns)
            if not found.update(is_active=True, is_withdrawn=False, error="", campaign_count=count):
                raise VWOError(f"The settings document from {row.origin} was deleted.")

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
