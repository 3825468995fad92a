"""The row that tells how an account's fetches go: who may fetch now, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router
from django.db.models import Case, F, QuerySet, Value, When

from ..fields import DatabaseNow
from ..models import SettingsFetch
from .base import Validators

ERROR_LENGTH = 300
LOST = "A fetch was begun and never ended: its process was killed, or lost the database."
FORGOTTEN = {"etag": "", "last_modified": "", "digest": "", "asked_of": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """What an answer brought, and its validators are good for."""

    validators: Validators
    digest: str
    """Of the document that came with them."""
    asked_of: str
    """A digest of whom the document was asked of, and for whom."""


def alias() -> str:
    """Return the database that has the rows: the one that is written to."""
    return router.db_for_write(SettingsFetch)


def rows_of(account_id: str) -> QuerySet[SettingsFetch]:
    return SettingsFetch.objects.using(alias()).filter(account_id=account_id)


def look(account_id: str) -> tuple[SettingsFetch, datetime] | None:
    """Return the account's row and the database's clock; None if it has no row yet."""
    row: Any = rows_of(account_id).annotate(now=DatabaseNow()).first()
    return (row, row.now) if row else None


def create(account_id: str) -> None:
    """Let the account have a row; if it has one, that stays as it is."""
    row = SettingsFetch(account_id=account_id)
    SettingsFetch.objects.using(alias()).bulk_create([row], ignore_conflicts=True)


def note_ask(account_id: str, *, is_webhook: bool) -> None:
    """Remember that a fetch is wanted."""
    asked: dict[str, Any] = {"asked_at": DatabaseNow()}
    if is_webhook:
        asked["is_webhook"] = True
    if not rows_of(account_id).update(**asked):
        create(account_id)
        rows_of(account_id).update(**asked)


def claim(row: SettingsFetch, *, lease_seconds: float, is_lost: bool) -> bool:
    """
    Return whether the fetch after those that *row* tells of is the caller's.

    It is not if the webhook asked in the meantime: that takes another kind of fetch. Nobody else
    has it for *lease_seconds*, or until it is ended. *is_lost* says that the one before never was.
    """
    ahead = When(asked_at__gt=DatabaseNow(), then=in_seconds(-1))  # the clock was set back
    lost = {"failures": F("failures") + 1, "failed_at": DatabaseNow(), "last_error": LOST}
    return bool(
        rows_of(row.account_id)
        .filter(fetches=row.fetches, is_webhook=row.is_webhook)
        .update(
            fetches=row.fetches + 1,
            is_under_way=True,
            asked_at=Case(ahead, default="asked_at"),
            started_at=DatabaseNow(),
            due_at=in_seconds(lease_seconds),
            **(lost if is_lost else {}),
        )
    )


def end(before: SettingsFetch, due_seconds: float | None, **changes: Any) -> None:
    """
    Write what came of the fetch after those that *before* tells of.

    If another one was begun in the meantime, the row tells of that.
    """
    due_at = None if due_seconds is None else in_seconds(due_seconds)
    rows_of(before.account_id).filter(fetches=before.fetches + 1).update(
        is_under_way=False, due_at=due_at, **changes
    )


def succeeded(before: SettingsFetch, due_seconds: float | None, brought: Brought | None) -> None:
    """Write that the fetch succeeded; *brought* is None if it confirmed what was known."""
    is_webhook = Case(When(asked_at__lt=F("started_at"), then=Value(False)), default="is_webhook")
    news: dict[str, Any] = {}
    if brought:
        news = {
            "etag": brought.validators.etag,
            "last_modified": brought.validators.last_modified,
            "digest": brought.digest,
            "asked_of": brought.asked_of,
            "brought_at": DatabaseNow(),
        }
    end(
        before,
        due_seconds,
        succeeded_at=DatabaseNow(),
        failures=0,
        last_error="",
        is_webhook=is_webhook,
        **news,
    )


def failed(before: SettingsFetch, due_seconds: float, error: str, *, is_refused: bool) -> None:
    """Write why the fetch failed; the validators of a document that *is_refused* are no use."""
    end(
        before,
        due_seconds,
        failed_at=DatabaseNow(),
        failures=F("failures") + 1,
        last_error=error[:ERROR_LENGTH],
        **(FORGOTTEN if is_refused else {}),
    )


def reconnect() -> None:
    """Have the next statement open a new connection, if the one there is was lost."""
    connection = connections[alias()]
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def in_seconds(seconds: float) -> Any:
    """Return the database's clock so much later."""
    return DatabaseNow() + timedelta(seconds=seconds)
