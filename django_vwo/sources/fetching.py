"""
Fetching the settings document: by one process of the fleet at a time, and no more often than asked.

A fetch is due when its period is over, when somebody asked since the last one started, or when one
failed and its pause is over. Whatever comes of it stands in the account's `SettingsFetch`.
"""

from __future__ import annotations

import logging
import math
import random
from contextlib import suppress
from datetime import datetime

from django.db import DatabaseError

from ..conf import app_settings
from ..dialects import get_dialect
from ..engine.errors import VWOError
from ..failures import describe
from ..logs import logger
from ..models import SettingsFetch
from . import current, state
from .masking import masked
from .obtaining import FetchReport, obtain
from .schedule import backoff_seconds, is_lost, is_unmet, wait_seconds

LEASE_EXTRA_SECONDS = 30.0
"""How long, after the answer, its examination may take before another process may fetch."""
ATTEMPTS = 10
"""How often to try to be the one who fetches now, when others are at it, too."""

REFUSED = "A settings document was refused. %s"
NONE = "No settings document could be fetched. %s"


def ask(*, is_webhook: bool = True) -> None:
    """
    Have the document fetched soon, by whoever looks next.

    One statement but for the first time. No network is touched, so that a request may do it.
    """
    if account_id := account():
        state.note_ask(account_id, is_webhook=is_webhook)


def fetch_if_due() -> FetchReport | None:
    """
    Return what came of the fetch that was due; None if none was, or another process is at it.

    A failure is told by `FetchReport.error`; what is in service stays.
    """
    account_id, period = account(), period_seconds()
    if not may_fetch():
        return None
    for _ in range(ATTEMPTS):
        found = row_and_clock(account_id) if period else state.look(account_id)
        if found is None or wait_seconds(*found, period) > 0:
            return None
        if claim(*found):
            return fetch(*found)
    return None


def fetch_now(*, is_conditional: bool = True) -> FetchReport:
    """
    Return what came of a fetch that takes place whatever the schedule says.

    Raises `VWOError` if the settings do not allow to fetch at all.
    """
    account_id = account()
    if not account_id:
        raise VWOError("VWO['ACCOUNT_ID'] is missing; expected the account to fetch for.")
    current.vendor().request()  # which tells whether there is a key
    for _ in range(ATTEMPTS):
        row, now = row_and_clock(account_id)
        if claim(row, now):
            return fetch(row, now, is_conditional=is_conditional)
    raise VWOError("Other processes fetch the settings document again and again.")


def seconds_until_due() -> float:
    """Return when `fetch_if_due` is to be called: 0 at once, infinite as long as nobody asks."""
    if not may_fetch():
        return math.inf
    period, found = period_seconds(), state.look(account())
    if found is None:
        return 0.0 if period else math.inf
    return max(0.0, wait_seconds(*found, period))


def overdue_seconds(row: SettingsFetch, now: datetime) -> float:
    """Return how long ago somebody should have fetched; 0 or less if that is not so."""
    return -wait_seconds(row, now, period_seconds())


def is_repeated(row: SettingsFetch) -> bool:
    """Return whether a fetch that failed is going to be repeated."""
    return bool(period_seconds()) or is_unmet(row)


def may_fetch() -> bool:
    """Return whether it is known for which account to fetch, and with which key."""
    return bool(account() and (app_settings().sdk_key or current.sender().sdk_key))


def account() -> str:
    """
    Return what the state of fetching is kept under: the account; "" if none is known.

    Where a key is enough to fetch, the account may be told by the document alone: then it is the
    dialect's name.
    """
    configured = app_settings()
    if configured.account_id:
        return configured.account_id
    dialect = get_dialect(configured.dialect)
    return current.sender().account_id if dialect.NEEDS_ACCOUNT_ID else dialect.NAME


def period_seconds() -> float:
    """Return how often to fetch even if nobody asks; 0: not at all."""
    return app_settings().fetch_seconds


def row_and_clock(account_id: str) -> tuple[SettingsFetch, datetime]:
    """Return the account's row, which is made if there is none, and the database's clock."""
    found = state.look(account_id)
    if found is None:
        state.create(account_id)
        found = state.look(account_id)
    if found is None:  # as in a transaction that began before another process made it
        raise VWOError("The state of the fetches cannot be read in this transaction.")
    return found


def claim(row: SettingsFetch, now: datetime) -> bool:
    """Return whether this process is the one that fetches next."""
    seconds = 2 * app_settings().timeout_seconds + LEASE_EXTRA_SECONDS  # it may ask twice
    return state.claim(row, lease_seconds=seconds, is_lost=is_lost(row, now))


def fetch(before: SettingsFetch, now: datetime, *, is_conditional: bool = True) -> FetchReport:
    """Return what came of the fetch that was claimed; it is written down, too."""
    try:
        report, brought = obtain(before, now, is_conditional=is_conditional)
    except VWOError as error:
        report, brought = FetchReport(error=tellable(error)), None
    except Exception as error:
        state.reconnect()
        with suppress(DatabaseError):
            write_failure(before, FetchReport(error=tellable(error)))
        raise
    if report.error:
        write_failure(before, report)
    else:
        write_success(before, brought)
    return report


def write_success(before: SettingsFetch, brought: state.Brought | None) -> None:
    """Write down that the document in service is the one that the vendor has."""
    state.succeeded(before, period_seconds() or None, brought)
    if before.failures:
        logger.info("A settings document is fetched again, after %d failures.", before.failures)


def write_failure(before: SettingsFetch, report: FetchReport) -> None:
    """Write down why there is no new document; log it unless that is what the last failure was."""
    if not before.failures or report.error[: state.ERROR_LENGTH] != before.last_error:
        is_alarm = report.document is not None and not report.is_older
        level = logging.ERROR if is_alarm else logging.WARNING
        logger.log(level, REFUSED if report.document else NONE, report.error)
    chance = random.random()  # noqa: S311
    seconds = backoff_seconds(before.failures + 1, period_seconds(), chance)
    state.failed(before, seconds, report.error, is_refused=report.document is not None)


def tellable(error: Exception) -> str:
    """Return *error* as everybody may see it, and every database can keep it."""
    return masked(describe(error)).replace("\0", "\ufffd")
