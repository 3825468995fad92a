"""
One batch on its way: sent whole or in parts, each event marked with what became of it.

A refusal (400, 422) is about an event or about the account. It is held to be about the event that
was refused alone if another of the batch was accepted, or if the batch had no other. Else nothing
is counted against any event, the batch is postponed, so that others are claimed before it, and the
breaker opens for a minute at most: then single events are tried, until one is accepted. So a run of
bad events does not hold up those behind it, and an account that is set up wrongly loses none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, router

from ..dialects.base import Dialect, Sender
from ..failures import describe
from ..models import Event
from ..recorders.outbox import restore
from ..transport import Answer, Timeouts, TransportError, send
from . import breaker, claim
from .breaker import Permit
from .claim import Batch, Scope
from .held import HeldEvent
from .outcome import NO_ANSWER, WAITING, Meaning, Outcome, no_answer, outcome_of
from .parts import Plan, one_by_one, parts
from .patience import patiently

logger = logging.getLogger("django_vwo")

NOT_RENDERABLE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a row that holds no event may raise. Not `Exception`: time limits are of that kind, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """On whose behalf events are sent, in which language, and within which limits."""

    sender: Sender
    dialect: Dialect
    batch_size: int = 500
    batch_bytes: int = 512 * 1024
    lease_seconds: float = 120.0
    timeouts: Timeouts = field(default_factory=Timeouts)
    send: Callable[..., Answer] = send
    """`transport.send`, or what stands in for it."""

    def scope(self) -> Scope:
        """Return which events can go this way."""
        return Scope(
            alias=router.db_for_write(Event),
            account_id=self.sender.account_id,
            payload_version=self.dialect.PAYLOAD_VERSION,
            lease_seconds=self.lease_seconds,
        )


@dataclass(kw_only=True, slots=True)
class DrainReport:
    """What a drain came to."""

    sent: int = 0
    duplicates: int = 0
    dead: int = 0
    postponed: int = 0
    requests: int = 0
    trouble: str = ""
    """Why the collector is left alone now; empty: it is not."""
    is_interrupted: bool = False
    """Whether time was up, or a stop was asked for, before nothing more was due."""

    @property
    def settled(self) -> int:
        """How many events are done with."""
        return self.sent + self.duplicates + self.dead


class Delivery:
    """The delivery of one batch. *chance* gives numbers from 0 to 1."""

    def __init__(
        self,
        route: Route,
        batch: Batch,
        permit: Permit,
        report: DrainReport,
        chance: Callable[[], float],
    ) -> None:
        self.route, self.batch, self.permit = route, batch, permit
        self.report, self.chance = report, chance
        self.unsettled = {row.id: row for row in batch.rows}
        self.in_flight: Sequence[HeldEvent] = ()
        self.offenders: list[tuple[HeldEvent, Outcome]] = []
        self.refusal: Outcome | None = None
        self.trouble: Outcome | None = None
        self.accepted = self.requests = 0

    def run(self, may_go_on: Callable[[], bool]) -> None:
        """Send the batch, as far as its lease and *may_go_on* allow, and mark its events."""
        try:
            self.send_parts(may_go_on)
            self.conclude()
        except BaseException:
            self.abandon()
            raise

    def send_parts(self, may_go_on: Callable[[], bool]) -> None:
        plan = (parts if self.permit is Permit.ALL else one_by_one)(self.batch.rows)
        part: Sequence[HeldEvent] | None = next(plan, None)
        while part and not self.trouble and self.may_send(may_go_on):
            outcome = self.attempt(part)
            self.settle(part, outcome)
            self.in_flight = ()
            part = following(plan, outcome.meaning)

    def may_send(self, may_go_on: Callable[[], bool]) -> bool:
        """Return whether a request can start: the first as long as there is a lease at all."""
        if not self.requests:
            return time.monotonic() < self.batch.ends
        return time.monotonic() + self.route.timeouts.total < self.batch.ends and may_go_on()

    def attempt(self, rows: Sequence[HeldEvent]) -> Outcome:
        """Return what came of one request for *rows*."""
        try:
            events = [restore(row) for row in rows]
            request = self.route.dialect.render_batch(events, self.route.sender)
        except NOT_RENDERABLE as error:
            logger.error("Events cannot be rendered: %s", describe(error))
            return Outcome(
                meaning=Meaning.REFUSED, reason=f"Not renderable: {type(error).__name__}"
            )
        if len(rows) > 1 and len(request.body) > self.route.batch_bytes:
            return Outcome(meaning=Meaning.TOO_LARGE)
        self.in_flight = rows
        self.requests += 1
        self.report.requests += 1
        try:
            answer = self.route.send(request, timeouts=self.route.timeouts)
        except TransportError as error:
            return no_answer(f"{error.host}: {error.reason}")
        return outcome_of(answer.status, answer.headers, answer.body, datetime.now(UTC))

    def settle(self, rows: Sequence[HeldEvent], outcome: Outcome) -> None:
        """Mark *rows* as far as *outcome* tells their fate."""
        is_alone = len(rows) == 1
        if outcome.meaning is Meaning.SENT:
            self.report.sent += self.mark(claim.mark_sent, rows, outcome)
            self.accepted += len(rows)
        elif outcome.meaning in WAITING:
            self.trouble = outcome
        elif outcome.meaning is Meaning.TOO_LARGE and is_alone:
            self.report.dead += self.mark(claim.mark_dead, rows, outcome)
        elif outcome.meaning is Meaning.REFUSED:
            self.offenders += [(rows[0], outcome)] if is_alone else []
            self.refusal = outcome if outcome.status != NO_ANSWER else self.refusal

    def mark(self, how: Callable[..., int], rows: Sequence[HeldEvent], *told: Any) -> int:
        """Return how many of *rows* were marked; settled they are in any case."""
        marked = patiently(lambda: how(self.batch, rows, *told), alias=self.batch.scope.alias)
        for row in rows:
            self.unsettled.pop(row.id, None)
        return marked

    def conclude(self) -> None:
        """Mark what is left, and tell the breaker."""
        self.count_refusals()
        left = list(self.unsettled.values())
        if self.trouble:
            seconds = self.tell_breaker(self.trouble)
            self.report.postponed += self.mark(claim.postpone, left, self.trouble, seconds)
            self.report.trouble = self.trouble.reason
            return
        if left:
            self.mark(claim.release, left)
        if self.permit is Permit.ONE:
            account, alias = self.route.sender.account_id, self.batch.scope.alias
            tell = breaker.succeeded if self.accepted else breaker.give_back
            patiently(lambda: tell(account, alias=alias), alias=alias)

    def count_refusals(self) -> None:
        """
        Count refusals against events that were refused alone.

        Where nothing of several events was accepted, that tells of the account, not of the events.
        """
        is_telling = self.accepted or len(self.batch.rows) == 1
        for row, outcome in self.offenders:
            if is_telling or outcome.status == NO_ANSWER:
                is_dead = self.mark(claim.refuse, [row], outcome)
                self.report.dead += is_dead
                self.report.postponed += not is_dead
        if self.refusal and not self.accepted and not self.trouble:
            self.trouble = refused_throughout(self.refusal)

    def tell_breaker(self, trouble: Outcome) -> float:
        """Return how many seconds the collector is left alone."""
        account, alias = self.route.sender.account_id, self.batch.scope.alias
        seconds = patiently(
            lambda: breaker.failed(
                account, trouble, self.permit, alias=alias, chance=self.chance()
            ),
            alias=alias,
        )
        level = logging.WARNING if trouble.meaning is Meaning.WAIT else logging.ERROR
        message = "Account %s: delivery waits %.0f seconds. %s"
        logger.log(level, message, account, seconds, trouble.reason)
        return seconds

    def abandon(self) -> None:
        """Release what was not sent; what was keeps its lease, as nobody knows if it arrived."""
        flying = {row.id for row in self.in_flight}
        waiting = [row for row in self.unsettled.values() if row.id not in flying]
        with suppress(DatabaseError):
            claim.release(self.batch, waiting)


def following(plan: Plan[HeldEvent], meaning: Meaning) -> Sequence[HeldEvent] | None:
    """Return the part to send next, None after the last."""
    try:
        return plan.send(meaning)
    except StopIteration:
        return None


def refused_throughout(outcome: Outcome) -> Outcome:
    """Return what it means that a batch was refused, and each part of it that was tried."""
    return Outcome(
        meaning=Meaning.REFUSED,
        status=outcome.status,
        reason=f"{outcome.reason} (and nothing was accepted)",
    )
