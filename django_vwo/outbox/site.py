"""The road as this site's settings want it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from django.db import connections

from ..conf import AppSettings, app_settings
from ..dialects import get_dialect
from ..dialects.base import Sender
from ..logs import logger
from ..sources import fetching, state
from ..sources.current import current, sender
from ..sources.schedule import MIN_SECONDS
from ..sources.watcher import Watcher
from ..transport import timeouts_of
from .drain import DrainReport, Route, drain
from .log_fields import What, log_fields
from .upkeep import prune, prune_ledger


def drain_site(
    deadline: float = math.inf,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    on_progress: Callable[[DrainReport], object] = lambda report: None,
) -> DrainReport:
    """
    Return what became of this site's events that were due; see `drain`.

    Where the settings do not allow to send, nothing is: the events stay pending and
    `DrainReport.trouble` says why.
    """
    configured, here = app_settings(), sender()
    if why_not := obstacle(configured, here):
        tell_once(why_not)
        return DrainReport(trouble=why_not)
    route = route_of(configured, here)
    return drain(deadline, route=route, is_stopped=is_stopped, on_progress=on_progress)


@lru_cache(maxsize=16)
def tell_once(why_not: str) -> None:
    """Log why nothing is delivered, not at every nudge."""
    fields = log_fields(What.NOTHING_DELIVERED)
    logger.warning("Nothing is delivered: %s", why_not, extra=fields)


def obstacle(configured: AppSettings, here: Sender) -> str:
    """Return why nothing may be sent; empty if there is no reason."""
    if configured.development_mode:
        return "VWO['DEVELOPMENT_MODE'] is on; events stay pending"
    dialect = get_dialect(configured.dialect)
    if not here.account_id:
        missing = "VWO['ACCOUNT_ID']" if dialect.NEEDS_ACCOUNT_ID else "A settings document"
        return f"{missing} is missing; events stay pending"
    if not here.sdk_key and dialect.NEEDS_SDK_KEY:
        return "VWO['SDK_KEY'] is missing; events stay pending"
    return ""


def route_of(configured: AppSettings, here: Sender) -> Route:
    """Return how events go that *here* sends."""
    return Route(
        sender=here,
        dialect=get_dialect(configured.dialect),
        batch_size=configured.batch_size,
        batch_bytes=configured.batch_bytes,
        lease_seconds=configured.lease_seconds,
        timeouts=timeouts_of(configured),
    )


def prune_site() -> int:
    """Delete what was delivered longer ago than the settings keep it. Returns how many events."""
    pruned = prune(app_settings().retention_days)
    campaigns = current()
    if campaigns is not None:
        prune_ledger({*campaigns.campaigns, *campaigns.paused_keys})
    return pruned


@contextmanager
def refreshing() -> Iterator[None]:
    """Have a thread fetch the settings document whenever that is due: delivery does not wait."""
    watcher = Watcher(fetch_site, MIN_SECONDS, name="django_vwo-fetcher")
    watcher.start()
    try:
        yield
    finally:
        watcher.stop()


def fetch_site() -> None:
    """Fetch the settings document if that is due."""
    try:
        fetching.fetch_if_due()
    finally:
        connections[state.alias()].close()
