"""What a settings document changes, for the pages of the admin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ..engine.changes import Change, changes
from ..engine.entities import CampaignSet
from ..engine.errors import VWOError
from ..models import SettingsDocument
from ..sources import current, history
from ..sources.base import Fetched
from ..sources.masking import masked
from ..sources.reading import read
from .base import sendable

MOST_CHANGES = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A document next to the one before it."""

    before: str
    """What it is compared with, for people; empty: there is nothing."""
    before_id: int | None
    changes: tuple[Change, ...]

    @property
    def parts(self) -> Iterator[tuple[str, list[str]]]:
        """The first `MOST_CHANGES`, by campaign; what concerns no campaign alone under ""."""
        shown = islice(self.changes, MOST_CHANGES)
        for key, found in groupby(shown, key=lambda change: change.campaign_key):
            yield key, [masked(change.text).replace(" -> ", " → ") for change in found]

    @property
    def left_off(self) -> int:
        """How many changes `parts` leaves off."""
        return max(0, len(self.changes) - MOST_CHANGES)

    def html(self) -> SafeString:
        """Return the changes as a table."""
        html = render_to_string("admin/django_vwo/changes.html", {"comparison": self})
        return SafeString(sendable(html))


def campaigns_of(document: SettingsDocument) -> CampaignSet:
    """Return the campaigns of a kept document. Raises `VWOError` if it cannot be used."""
    return read(Fetched(text=document.text, origin=document.origin))


def compared(document: SettingsDocument) -> Comparison:
    """
    Return what *document* changes against the one in service or, if that is it, the one before.

    Raises `VWOError` if it cannot be used.
    """
    after = campaigns_of(document)
    before = predecessor(document) if document.is_active else in_service()
    if before is not None:
        return Comparison(
            before=str(before), before_id=before.pk, changes=changes(old_campaigns(before), after)
        )
    given = None if document.is_active else current.current()
    origin = current.in_service().origin if given else ""
    return Comparison(before=origin, before_id=None, changes=changes(given, after))


def in_service() -> SettingsDocument | None:
    """Return the document that the database has in service."""
    return history.documents().filter(is_active=True).first()


def predecessor(document: SettingsDocument) -> SettingsDocument | None:
    """Return the newest document that is older than *document* and could be used."""
    return history.documents().filter(pk__lt=document.pk, error="").first()


def old_campaigns(document: SettingsDocument) -> CampaignSet | None:
    """Return the campaigns of a document that could be used once; None if it no longer can."""
    try:
        return campaigns_of(document)
    except VWOError:
        return None
