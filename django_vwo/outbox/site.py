"""The road as this site's settings want it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import lru_cache

from ..conf import AppSettings, app_settings
from ..dialects import get_dialect
from ..dialects.base import Sender
from ..sources.current import current, sender
from ..transport import timeouts_of
from .drain import DrainReport, Route, drain
from .upkeep import prune, prune_ledger

logger = logging.getLogger("django_vwo")


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
    logger.warning("Nothing is delivered: %s", why_not)


def obstacle(configured: AppSettings, here: Sender) -> str:
    """Return why nothing may be sent; empty if there is no reason."""
    if configured.development_mode:
        return "VWO['DEVELOPMENT_MODE'] is on; events stay pending"
    if not here.account_id:
        return "VWO['ACCOUNT_ID'] is missing; events stay pending"
    if not here.sdk_key:
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
