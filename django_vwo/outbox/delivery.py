"""
One batch on its way: sent whole or in parts, each event marked with what became of it.

Some events cannot travel with others: the dialect knows. They, or the few that share a request of
their own, make a parcel, as every other event does; what is said of an event here holds for each of
its parcel.

A refusal (400, 422) is about an event or about the account. It is held to be about the event that
was refused alone if another request of its kind (lone or in a batch: they go to other endpoints)
was accepted, or if there was no other of its kind. Else nothing is counted against any event, the
batch is postponed, so that others are claimed before it, and the breaker opens for a minute at
most: then single events are tried, until one is accepted. So a run of bad events does not hold up
those behind it, and an account that is set up wrongly loses none.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, router

from ..dialects.base import Dialect, Request, Sender
from ..models import Event
from ..transport import Answer, Timeouts, TransportError, nothing, send
from . import breaker, claim
from .breaker import Permit
from .claim import Batch, Scope
from .diary import Diary
from .held import HeldEvent
from .outcome import (
    NO_ANSWER,
    WAITING,
    Meaning,
    Outcome,
    no_answer,
    outcome_of,
    refused_throughout,
)
from .parcels import NOT_RENDERABLE, Parcel, not_renderable, pack, rows_of
from .parts import following, journey
from .patience import patiently


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
    """
    The delivery of one batch. *chance* gives numbers from 0 to 1.

    *meanwhile* is called while a request is under way after which nothing of the batch is left.
    """

    def __init__(
        self,
        route: Route,
        batch: Batch,
        permit: Permit,
        report: DrainReport,
        chance: Callable[[], float],
        meanwhile: Callable[[], object] = nothing,
    ) -> None:
        self.route, self.batch, self.permit = route, batch, permit
        self.report, self.chance, self.meanwhile = report, chance, meanwhile
        self.diary = Diary(route.sender.account_id, len(batch.rows))
        self.unsettled = {row.id: row for row in batch.rows}
        self.in_flight: Sequence[HeldEvent] = ()
        self.parcels: Counter[bool] = Counter()
        """How many there are, by whether they are lone."""
        self.broken: list[tuple[HeldEvent, Outcome]] = []
        self.offenders: list[tuple[Parcel, Outcome]] = []
        self.refusal: Outcome | None = None
        self.trouble: Outcome | None = None
        self.accepted: Counter[bool] = Counter()
        """How many requests were, by whether their parcels are lone."""

    def run(self, may_go_on: Callable[[], bool]) -> None:
        """Send the batch, as far as its lease and *may_go_on* allow, and mark its events."""
        try:
            self.send_parts(may_go_on)
            self.conclude()
        except BaseException:
            self.abandon()
            raise
        finally:
            self.diary.close()

    def send_parts(self, may_go_on: Callable[[], bool]) -> None:
        parcels, self.broken = pack(self.batch.rows, self.route.dialect, self.route.sender)
        self.parcels.update(parcel.is_lone for parcel in parcels)
        is_trial = self.permit is not Permit.ALL
        plan = journey(
            parcels,
            is_lone=lambda parcel: parcel.is_lone,
            batch=lambda parcel: parcel.batch,
            is_trial=is_trial,
        )
        part: Sequence[Parcel] | None = next(plan, None)
        while part and not self.trouble:
            outcome = self.attempt(part, may_go_on)
            if outcome is None:
                break
            self.settle(part, outcome)
            self.in_flight = ()
            part = following(plan, outcome.meaning)

    def may_send(self, may_go_on: Callable[[], bool]) -> bool:
        """Return whether a request can start: the first as long as there is a lease at all."""
        if not self.diary.requests:
            return time.monotonic() < self.batch.ends
        return time.monotonic() + self.route.timeouts.total < self.batch.ends and may_go_on()

    def attempt(self, part: Sequence[Parcel], may_go_on: Callable[[], bool]) -> Outcome | None:
        """Return what came of sending *part*; None if time was up before all of it was sent."""
        try:
            requests = self.render(part)
        except NOT_RENDERABLE as error:
            return not_renderable(error, self.route.sender.account_id)
        if len(part) > 1 and len(requests[0].body) > self.route.batch_bytes:
            return Outcome(meaning=Meaning.TOO_LARGE)
        outcome = None
        for request in requests:
            if not self.may_send(may_go_on):
                return None
            self.in_flight = rows_of(part)
            outcome = self.exchange(request)
            if outcome.meaning is not Meaning.SENT:
                break
            self.accepted[part[0].is_lone] += 1
        return outcome

    def render(self, part: Sequence[Parcel]) -> Sequence[Request]:
        dialect, sender = self.route.dialect, self.route.sender
        if part[0].is_lone:
            return dialect.render_single(part[0].events, sender)
        return [dialect.render_batch([each for parcel in part for each in parcel.events], sender)]

    def exchange(self, request: Request) -> Outcome:
        """Return what came of one request."""
        self.report.requests += 1
        is_last = len(self.in_flight) == len(self.unsettled)
        meanwhile = self.meanwhile if is_last else nothing
        try:
            answer = self.route.send(request, timeouts=self.route.timeouts, meanwhile=meanwhile)
        except TransportError as error:
            outcome = no_answer(f"{error.host}: {error.reason}")
        else:
            outcome = outcome_of(answer.status, answer.headers, answer.body, datetime.now(UTC))
        self.diary.note_request(outcome)
        return outcome

    def settle(self, part: Sequence[Parcel], outcome: Outcome) -> None:
        """Mark the events of *part* as far as *outcome* tells their fate."""
        rows, is_alone = rows_of(part), len(part) == 1
        if outcome.meaning is Meaning.SENT:
            marked = self.mark(claim.mark_sent, rows, outcome)
            self.report.sent += marked
            self.diary.note_sent(rows, marked)
        elif outcome.meaning in WAITING:
            self.trouble = outcome
        elif outcome.meaning is Meaning.TOO_LARGE and is_alone:
            self.bury(rows, self.mark(claim.mark_dead, rows, outcome))
        elif outcome.meaning is Meaning.REFUSED:
            self.offenders += [(part[0], outcome)] if is_alone else []
            self.refusal = outcome if outcome.status != NO_ANSWER else self.refusal

    def bury(self, rows: Sequence[HeldEvent], marked: int) -> None:
        """Note that *rows* are dead, of which *marked* were still held."""
        self.report.dead += marked
        self.diary.note_dead(rows[:marked])

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
        self.diary.is_whole = not left
        if left:
            self.mark(claim.release, left)
        if self.permit is Permit.ONE:
            account, alias = self.route.sender.account_id, self.batch.scope.alias
            tell = breaker.succeeded if self.accepted else breaker.give_back
            patiently(lambda: tell(account, alias=alias), alias=alias)
            if self.accepted:
                self.diary.tell_closed()

    def count_refusals(self) -> None:
        """
        Count refusals against events that were refused alone.

        Where nothing of several events was accepted, that tells of the account, not of the events.
        """
        is_untold = False
        counted = list(self.broken)
        for parcel, outcome in self.offenders:
            if self.is_telling(parcel) or outcome.status == NO_ANSWER:
                counted += [(row, outcome) for row in parcel.rows]
            else:
                is_untold = True
        for row, outcome in counted:
            is_dead = self.mark(claim.refuse, [row], outcome)
            self.bury([row], is_dead)
            self.report.postponed += not is_dead
        if self.refusal and (is_untold or not self.accepted) and not self.trouble:
            self.trouble = refused_throughout(self.refusal)

    def is_telling(self, parcel: Parcel) -> bool:
        """Return whether a refusal of *parcel* tells of its events, not of the account."""
        return self.accepted[parcel.is_lone] > 0 or self.parcels[parcel.is_lone] == 1

    def tell_breaker(self, trouble: Outcome) -> float:
        """Return how many seconds the collector is left alone."""
        account, alias = self.route.sender.account_id, self.batch.scope.alias
        seconds = patiently(
            lambda: breaker.failed(
                account,
                trouble,
                self.permit,
                alias=alias,
                chance=self.chance(),
                is_first=bool(self.accepted),
            ),
            alias=alias,
        )
        level = logging.WARNING if trouble.meaning is Meaning.WAIT else logging.ERROR
        self.diary.tell_opened(level, seconds, trouble)
        return seconds

    def abandon(self) -> None:
        """Release what was not sent; what was keeps its lease, as nobody knows if it arrived."""
        flying = {row.id for row in self.in_flight}
        waiting = [row for row in self.unsettled.values() if row.id not in flying]
        with suppress(DatabaseError):
            claim.release(self.batch, waiting)
        self.diary.tell_abandoned(len(waiting), len(self.unsettled) - len(waiting))
