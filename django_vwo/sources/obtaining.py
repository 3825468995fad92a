"""Asking the vendor for its document, and keeping what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.crypto import salted_hmac

from ..models import SettingsDocument, SettingsFetch
from . import current, history, state
from .base import NO_VALIDATORS, Fetched, Validators
from .http import HttpSource
from .masking import masked
from .schedule import left

TRUST_SECONDS = 3600.0
"""How long a vendor is believed that nothing changed, before it is asked for everything again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchReport:
    """What came of a fetch."""

    document: SettingsDocument | None = None
    """The row of what the vendor has now, of use or not; None: it did not hand out anything."""
    is_unchanged: bool = False
    """Whether that is what was in service before."""
    error: str = ""
    """Why there is no document, or why it cannot be put into service; without secrets."""

    @property
    def is_older(self) -> bool:
        """Whether only its version keeps the document out: a vendor's server may be behind."""
        return bool(self.error and self.document and self.document.campaign_count is not None)


def obtain(
    before: SettingsFetch, now: datetime, *, is_conditional: bool
) -> tuple[FetchReport, state.Brought | None]:
    """Return what the vendor answered, kept; and its validators unless it confirmed the old."""
    source = current.vendor(is_webhook=before.is_webhook)
    document = history.in_service()
    known = NO_VALIDATORS
    if is_conditional and document and not before.is_webhook:
        known = validators(before, now, document, asked_of(source))
    fetched = source.fetch_if_changed(known)
    if fetched is None:
        if document == history.in_service():
            return FetchReport(document=document, is_unchanged=True), None
        fetched = source.fetch()
    return keep(fetched, asked_of(source))


def validators(
    row: SettingsFetch, now: datetime, document: SettingsDocument, asked_of: str
) -> Validators:
    """
    Return what the vendor recognises *document*, the one in service, by.

    That is nothing if it is not what the vendor sent last: it may have been put into service by
    hand. Nor if that was got elsewhere, for somebody else, or long ago.
    """
    is_recent = row.brought_at is not None and abs(left(row.brought_at, now)) < TRUST_SECONDS
    if document.digest != row.digest or row.asked_of != asked_of or not is_recent:
        return NO_VALIDATORS
    return Validators(etag=row.etag, last_modified=row.last_modified)


def keep(fetched: Fetched, asked_of: str) -> tuple[FetchReport, state.Brought]:
    """Return what became of the document that the vendor sent; this process follows it at once."""
    before = history.in_service()
    document = history.keep(fetched)
    current.refresh()
    report = FetchReport(
        document=document, is_unchanged=document == before, error=masked(document.error)
    )
    brought = state.Brought(
        validators=fetched.validators, digest=document.digest, asked_of=asked_of
    )
    return report, brought


def asked_of(source: HttpSource) -> str:
    """Return a digest of whom *source* asks, and for whom: another environment has another."""
    asked = [source.dialect.NAME, source.request().url]
    parts = [*asked, source.sender.account_id, source.sender.sdk_key]
    return salted_hmac("django_vwo.fetch", "\0".join(parts), algorithm="sha256").hexdigest()
