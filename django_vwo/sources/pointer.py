"""The pointer of one process to the document in service: how it is loaded, and swapped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import connections

from ..conf import AppSettings, app_settings
from ..dialects.base import Pace, full_speed
from ..engine.entities import CampaignSet
from ..failures import describe
from ..logs import logger
from ..models import SettingsDocument
from ..transactions import survivable
from . import history
from .base import Fetched, Source
from .file import FileSource
from .masking import masked
from .memory import MemorySource
from .pacing import Leisure
from .reading import read
from .watcher import Watcher

RETRY_SECONDS = 1.0
"""How soon the database is asked again when it did not answer at the first use."""
LOOK_EARLY = 0.9
"""Part of ``REFRESH_SECONDS`` after which a process looks, so that it follows within all of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InService:
    """What this process decides with."""

    campaigns: CampaignSet | None = None
    origin: str = ""
    document_id: int | None = None
    """Id of the `SettingsDocument` that the campaigns are from; None: ``SETTINGS_DOCUMENT``."""
    seen: tuple[int, str] | None = None
    """Id and digest of the row that was looked at last, of use or not; None: there was none."""


class Pointer:
    """The document in service of one process: swapped as a whole, read without a lock."""

    def __init__(self, inherited: InService | None = None) -> None:
        self.in_service: InService | None = None
        self._provisional = inherited
        self._retry_at = 0.0
        self._starting = threading.Lock()
        self._refreshing = threading.Lock()
        self._watcher: Watcher | None = None

    def start(self) -> InService:
        """Return what is in service, loaded unless another thread is at it or just was."""
        if not self._starting.acquire(blocking=self._provisional is None):
            return self._provisional or InService()
        try:
            if self.in_service is None:
                self._load()
            return self.in_service or self._provisional or InService()
        finally:
            self._starting.release()

    def _load(self) -> None:
        """Ask the database; until it answers, make do with ``SETTINGS_DOCUMENT``."""
        self._watch()
        if time.monotonic() < self._retry_at:
            return
        before = self._provisional or InService()
        try:
            found = newer(before) or before
        except Exception as error:  # no table yet, no database: the page renders all the same
            self._do_without(error)
            return
        if found.campaigns is None and self._provisional is None:
            found = replace(given(), seen=found.seen)
        self.in_service = found

    def _do_without(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if self._provisional is None:
            logger.warning("Settings documents cannot be read yet: %s", describe(error))
            self._provisional = given()

    def refresh(self, pace: Pace = full_speed) -> bool:
        """Return whether another document came into service. Raises what the database raises."""
        with self._refreshing:
            before = self.in_service or self.start()
            after = newer(before, pace)
            if after:
                self.in_service = after
            return bool(after and after.campaigns is not before.campaigns)

    def stop(self) -> None:
        """End the watcher."""
        if self._watcher:
            self._watcher.stop()

    def _watch(self) -> None:
        seconds = app_settings().refresh_seconds * LOOK_EARLY
        if self._watcher is None and seconds:
            self._watcher = Watcher(self._look, seconds)
            self._watcher.start()

    def _look(self) -> None:
        try:
            self.refresh(Leisure())
        finally:
            connections[history.alias()].close()


def newer(before: InService, pace: Pace = full_speed) -> InService | None:
    """
    Return what the database has in service now; None if that is what *before* says.

    A document that cannot be used is reported once, and *before*'s campaigns stay.
    """
    with survivable(history.alias()):
        found = history.documents().filter(is_active=True).values_list("id", "digest").first()
        if found is None or found == before.seen:
            return None
        row = history.documents().filter(pk=found[0]).first()
    return replace(load(row, pace) or before, seen=found) if row else None


def load(row: SettingsDocument, pace: Pace) -> InService | None:
    """Return the document *row* in use, or None (and the reason in the log)."""
    found = attempt(lambda: Fetched(text=row.text, origin=row.origin), pace)
    return found and replace(found, document_id=row.pk)


def given() -> InService:
    """Return ``SETTINGS_DOCUMENT`` in use, as far as there is one that can be used."""
    source = given_source(app_settings())
    return (source and attempt(source.fetch)) or InService()


def given_source(configured: AppSettings) -> Source | None:
    """Return where ``SETTINGS_DOCUMENT`` is, if there is one."""
    document = configured.settings_document
    if isinstance(document, Path):
        return FileSource(document)
    if isinstance(document, Mapping):
        return MemorySource(document, origin="VWO['SETTINGS_DOCUMENT']")
    return None


def attempt(fetch: Callable[[], Fetched], pace: Pace = full_speed) -> InService | None:
    """Return what *fetch* brings, in use; None (and the reason in the log) if it cannot be used."""
    try:
        fetched = fetch()
        return InService(campaigns=read(fetched, pace), origin=fetched.origin)
    except Exception as error:
        logger.error("A settings document cannot be used. %s", masked(describe(error)))
        return None
