"""System checks: what keeps the site from deciding or delivering now, as its database knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError, router

from .checks import read_or_none, warning
from .conf import app_settings
from .fields import DatabaseNow
from .models import Breaker, Event, SettingsFetch
from .outbox.site import obstacle
from .outbox.vitals import vitals
from .sources import fetching, history, state
from .sources.current import sender
from .sources.pointer import given_source
from .sources.schedule import left

LATE_SECONDS = 900.0
"""How late is what nobody will do, or a success that will not come by itself."""
FAILURES = 3
"""From so many in a row on they are no passing trouble."""
RUN_A_WORKER = "Run a Celery worker or 'manage.py vwo_deliver --loop'."


@register(Tags.database)
def check_service(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what the database, which is asked only with ``--database``, knows to be wrong."""
    if not databases or router.db_for_write(Event) not in databases or not read_or_none():
        return []
    try:
        return list(service())
    except DatabaseError:
        return []  # not migrated yet


def service() -> Iterator[CheckMessage]:
    """Yield what keeps the site from deciding or delivering at present."""
    if not history.documents().filter(is_active=True).exists() and not given_source(app_settings()):
        hint = "Run 'manage.py vwo_settings fetch'."
        yield warning(15, "No settings document is in service: nobody is tested.", hint)
    rows = Breaker.objects.using(router.db_for_write(Breaker))
    for breaker in rows.filter(open_until__gt=DatabaseNow()):
        until = f"{breaker.open_until:%Y-%m-%d %H:%M:%S %Z}"
        yield warning(
            16,
            f"No events are sent for account {breaker.account_id} until {until}, after "
            f"{breaker.failures} failures: {breaker.last_error or 'no reason is known'}.",
            "Events wait until then. The admin can have the collector tried at once.",
        )
    yield from delivery()
    yield from fetches()


def delivery() -> Iterator[CheckMessage]:
    """Yield whether events wait although nothing keeps workers from delivering them."""
    here, configured = sender(), app_settings()
    found = vitals(here.account_id, most_pending=0)
    is_idle = found.success_seconds is None or found.success_seconds > LATE_SECONDS
    is_late = found.late_seconds > LATE_SECONDS and not found.rest_seconds
    if configured.development_mode or not (is_late and is_idle):
        return
    success = found.success_seconds
    last = "never" if success is None else f"{success / 60:.0f} minutes ago"
    yield warning(
        19,
        f"Events of account {here.account_id} have been due for {found.late_seconds / 60:.0f} "
        f"minutes, and nobody delivers them. The last success: {last}.",
        f"{why_not}." if (why_not := obstacle(configured, here)) else RUN_A_WORKER,
    )


def fetches() -> Iterator[CheckMessage]:
    """Yield what keeps the settings document from being fetched, if it ever was."""
    found = state.look(fetching.account()) if fetching.may_fetch() else None
    if found is None:
        return
    row, late = found[0], fetching.overdue_seconds(*found)
    message = hint = ""
    if is_failing(*found):
        count = f", {row.failures} times in a row by now" if row.failures > 1 else ""
        message = f"cannot be fetched{count}: {row.last_error}"
        hint = "The last good one stays in service. 'manage.py vwo_settings refresh' tries again."
    elif late > LATE_SECONDS:
        message = f"was to be fetched {late / 60:.0f} minutes ago, and nobody does."
        hint = (
            "Run a Celery worker or 'manage.py vwo_deliver --loop', or set VWO['FETCH_SECONDS'] to "
            "how often you have it fetched; 0: when asked."
        )
    if message:
        success = f"{row.succeeded_at:%Y-%m-%d %H:%M:%S %Z}" if row.succeeded_at else "never"
        told = f"The settings document {message} The last success: {success}."
        yield warning(17, told, hint)


def is_failing(row: SettingsFetch, now: datetime) -> bool:
    """Return whether fetches have failed for so long that somebody should look."""
    if not row.failures or not fetching.is_repeated(row):
        return False
    longest = fetching.period_seconds() + LATE_SECONDS
    is_old = row.succeeded_at is None or -left(row.succeeded_at, now) > longest
    return is_old or row.failures >= FAILURES
