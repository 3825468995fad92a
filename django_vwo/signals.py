"""
What other code can follow: decisions, and events on their way to the vendor.

A receiver that fails changes nothing: not the answer, not the transaction, not the delivery. Its
failure is logged once. None is told a user id.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.dispatch import Signal

from .engine.entities import Purpose, Reason
from .engine.events import Kind
from .failures import describe
from .logs import logger
from .transactions import sheltered


class RobustSignal(Signal):
    """A signal whose receivers' failures are told once, without what they say of visitors."""

    def _log_robust_failure(self, receiver: Any, err: Exception) -> None:
        name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
        log_once(f"{getattr(receiver, '__module__', '')}.{name}", describe(err))


decided = RobustSignal()
"""
A visitor was decided on in a running campaign, by `get_client`'s client.

*campaign_key*; *variation*, its name or None; *reason*, a `Reason`; *purpose*, a `Purpose`.
Receivers run in the request: they must not block.
"""
recorded = RobustSignal()
"""*events*, a tuple of `EventBrief`, were appended to the outbox; not committed yet."""
attempted = RobustSignal()
"""
A worker is done with a batch, whatever came of it.

*account_id*; *events* and *requests*, how many; *seconds*, how long that took; *outcome*, which is
``"delivered"``, ``"partly delivered"``, ``"postponed"`` or ``"cut short"``; *status*, the last HTTP
status, 0 without an answer, None without a request; *trouble*, why the collector is left alone.
"""
delivered = RobustSignal()
"""*events*, a tuple of `EventBrief`, were accepted by the vendor, and are marked so."""
dead = RobustSignal()
"""*events*, a tuple of `EventBrief`, were given up, and are kept as failed."""


class EventBrief(NamedTuple):
    """An event, as receivers are told of it."""

    uuid: UUID
    kind: Kind
    campaign_key: str
    goal_identifier: str


class Briefed(Protocol):
    """What an `EventBrief` is made from: an event, or a row that holds one."""

    @property
    def uuid(self) -> UUID: ...
    @property
    def kind(self) -> int: ...
    @property
    def campaign_key(self) -> str: ...
    @property
    def goal_identifier(self) -> str: ...


def tell_decision(
    campaign_key: str, variation: str | None, reason: Reason, purpose: Purpose
) -> None:
    """Send `decided`, if anybody listens."""
    if decided.receivers:
        tell(
            decided,
            campaign_key=campaign_key,
            variation=variation,
            reason=reason,
            purpose=purpose,
        )


def tell_events(signal: Signal, events: Sequence[Briefed]) -> None:
    """Send *signal* with *events*, if anybody listens and there are any."""
    if signal.receivers and events:
        tell(signal, events=tuple(map(brief, events)))


def brief(event: Briefed) -> EventBrief:
    return EventBrief(event.uuid, Kind(event.kind), event.campaign_key, event.goal_identifier)


def tell(signal: Signal, **arguments: object) -> None:
    """Send *signal*. Raises no `Exception`, whatever comes of it."""
    if not signal.receivers:
        return
    try:
        with sheltered():
            signal.send_robust(None, **arguments)
    except Exception as error:  # what the receivers left of the transaction, say
        log_once("all together", describe(error))


@lru_cache(maxsize=256)
def log_once(receiver: str, failure: str) -> None:
    """Log that *receiver* failed, not each time that it does."""
    logger.error("A receiver of signals failed (%s): %s", receiver, failure)
