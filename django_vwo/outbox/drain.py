"""The road itself: claim, send, mark, until nothing is due or time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import Error, close_old_connections

from ..transport import nothing
from . import breaker
from .breaker import Permit
from .claim import Batch, claim, release
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
    supply = Supply(route, report, may_go_on, chance)
    close_old_connections()
    try:
        while may_go_on():
            delivery = supply.next_delivery()
            if delivery is None:
                break
            delivery.run(may_go_on)
            on_progress(report)
            if report.trouble:
                break
        else:
            report.is_interrupted = True
    finally:
        supply.close()
    if report.sent:
        account, alias = route.sender.account_id, route.scope().alias
        patiently(lambda: breaker.remember_success(account, alias=alias), alias=alias)
    return report


def may_go_on_until(deadline: float, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: not is_stopped() and time.monotonic() < deadline


class Supply:
    """
    The batches of one drain.

    Where there is a backlog, the next batch is claimed while the collector ponders the last one. It
    is neither rendered nor sent before that one is marked: no accident repeats more than a batch.
    """

    def __init__(
        self,
        route: Route,
        report: DrainReport,
        may_go_on: Callable[[], bool],
        chance: Callable[[], float],
    ) -> None:
        self.route, self.report, self.may_go_on, self.chance = route, report, may_go_on, chance
        self.scope = route.scope()
        self.is_backlog = False
        """Whether the last claim came to as many events as it might."""
        self.ahead: Batch | None = None
        """What is claimed for the next delivery."""

    def next_delivery(self) -> Delivery | None:
        """Return the next batch on its way; None if nothing is due or nothing may be sent."""
        account, alias = self.scope.account_id, self.scope.alias
        permit = patiently(self.permit, alias=alias)
        if permit is Permit.NONE:
            self.report.trouble = breaker.last_error(account, alias=alias)
            return None
        if permit is Permit.ALL:
            limit, meanwhile = self.route.batch_size, self.look_ahead
        else:
            self.close()
            limit, meanwhile = min(TRIALS, self.route.batch_size), nothing
        batch = self.claimed_ahead() or patiently(lambda: self.claim(limit), alias=alias)
        if batch is None:
            if permit is Permit.ONE:
                breaker.give_back(account, alias=alias)
            return None
        return Delivery(self.route, batch, permit, self.report, self.chance, meanwhile)

    def permit(self) -> Permit:
        scope = self.scope
        return breaker.permit(scope.account_id, alias=scope.alias, hold_seconds=scope.lease_seconds)

    def claim(self, limit: int) -> Batch | None:
        batch = claim(self.scope, limit)
        if batch is not None:
            self.is_backlog = len(batch.rows) + batch.duplicates == limit
            self.report.duplicates += batch.duplicates
            self.report.dead += len(batch.dead)
            tell_dead(self.scope.account_id, batch.dead, status=None)
        return batch

    def look_ahead(self) -> None:
        """Claim the next batch, where there is a backlog and a lease outlasts two requests."""
        is_long = self.scope.lease_seconds >= 2 * self.route.timeouts.total
        if self.is_backlog and is_long and not self.ahead and self.may_go_on():
            with suppress(Error):  # which the next claim meets, too
                self.ahead = self.claim(self.route.batch_size)

    def claimed_ahead(self) -> Batch | None:
        """Return what was claimed ahead, if its lease outlasts a request; else give it back."""
        if self.ahead and time.monotonic() + self.route.timeouts.total > self.ahead.ends:
            self.close()
        ahead, self.ahead = self.ahead, None
        return ahead

    def close(self) -> None:
        """Give back what was claimed ahead; where that fails, its lease ends by itself."""
        ahead, self.ahead = self.ahead, None
        if ahead:
            with suppress(Error):
                release(ahead, ahead.rows)
