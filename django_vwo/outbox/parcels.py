"""What is sent as one thing: an event or, where the dialect says so, those that share a request."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from ..dialects.base import Dialect, Sender
from ..engine.events import Event
from ..failures import describe
from ..logs import logger
from ..recorders.outbox import restore
from .held import HeldEvent
from .log_fields import What, log_fields
from .outcome import Meaning, Outcome

NOT_RENDERABLE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a row that holds no event may raise. Not `Exception`: time limits are of that kind, too."""


class Parcel(NamedTuple):
    """Rows that share their fate, and the events that they hold."""

    rows: list[HeldEvent]
    events: list[Event]
    is_lone: bool
    """Whether no other parcel can travel with it."""
    batch: Hashable
    """What it shares with those that can."""

    def tells_of(self, campaign_id: str) -> bool:
        """Return whether an event of that campaign is in it: then another one is another call's."""
        return any(event.campaign_id == campaign_id for event in self.events)


def pack(
    rows: Iterable[HeldEvent], dialect: Dialect, sender: Sender
) -> tuple[list[Parcel], list[tuple[HeldEvent, Outcome]]]:
    """Return *rows* as parcels, and those that hold no event, with what that means for them."""
    parcels: list[Parcel] = []
    shared: dict[Hashable, Parcel] = {}
    broken = []
    for row in rows:
        try:
            event = restore(row)
            key, batch = dialect.lone_key(event, sender), dialect.batch_key(event)
        except NOT_RENDERABLE as error:
            broken.append((row, not_renderable(error, row.account_id)))
            continue
        parcel = shared.get(key)
        if parcel is None or parcel.tells_of(event.campaign_id):
            parcel = Parcel([], [], key is not None, batch)
            parcels.append(parcel)
        if key is not None:
            shared[key] = parcel
        parcel.rows.append(row)
        parcel.events.append(event)
    return parcels, broken


def rows_of(parcels: Iterable[Parcel]) -> Sequence[HeldEvent]:
    """Return all rows of *parcels*."""
    return [row for parcel in parcels for row in parcel.rows]


def not_renderable(error: Exception, account_id: str) -> Outcome:
    """Return what it means that an event cannot be told to the vendor."""
    fields = log_fields(What.NOT_RENDERABLE, account=account_id)
    logger.error("Events cannot be rendered: %s", describe(error), extra=fields)
    return Outcome(meaning=Meaning.REFUSED, reason=f"Not renderable: {type(error).__name__}")
