"""The road itself: claim, send, mark, until nothing is due or time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from django.db import close_old_connections

from . import breaker
from .breaker import Permit
from .claim import claim
from .delivery import Delivery, DrainReport, Route
from .diary import tell_dead
from .parts import TRIALS
from .patience import patiently

__all__ = ["DrainReport", "Route", "drain"]


def drain(
    deadline: float,
    *,
    route: Route,
    is_stopped: Callable[[], bool] = lambda: False,
    on_progress: Callable[[DrainReport], object] = lambda report: None,
    chance: Callable[[], float] = random.random,
) -> DrainReport:
    """
    Return what became of the events that were due.

    Ends when nothing is due, when the collector is to be left alone, when `time.monotonic` passes
    *deadline*, or when *is_stopped*; a request under way is finished first. Raises `DatabaseError`
    if the database stays away.
    """
    report, may_go_on = DrainReport(), may_go_on_until(deadline, is_stopped)
    close_old_connections()
    while may_go_on():
        delivery = next_delivery(route, report, chance)
        if delivery is None:
            break
        delivery.run(may_go_on)
        on_progress(report)
        if report.trouble:
            break
    else:
        report.is_interrupted = True
    if report.sent:
        account, alias = route.sender.account_id, route.scope().alias
        patiently(lambda: breaker.remember_success(account, alias=alias), alias=alias)
    return report


def may_go_on_until(deadline: float, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: not is_stopped() and time.monotonic() < deadline


def next_delivery(
    route: Route, report: DrainReport, chance: Callable[[], float]
) -> Delivery | None:
    """Return the next batch on its way; None if nothing is due or nothing may be sent."""
    scope = route.scope()
    account, alias = scope.account_id, scope.alias
    permit = patiently(
        lambda: breaker.permit(account, alias=alias, hold_seconds=scope.lease_seconds), alias=alias
    )
    if permit is Permit.NONE:
        report.trouble = breaker.last_error(account, alias=alias)
        return None
    limit = route.batch_size if permit is Permit.ALL else min(TRIALS, route.batch_size)
    batch = patiently(lambda: claim(scope, limit), alias=alias)
    if batch is None:
        if permit is Permit.ONE:
            breaker.give_back(account, alias=alias)
        return None
    report.duplicates += batch.duplicates
    report.dead += len(batch.dead)
    tell_dead(account, batch.dead, status=None)
    return Delivery(route, batch, permit, report, chance)
