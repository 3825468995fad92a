"""What became of one batch: noted while it is on its way, and told afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .. import signals
from ..logs import logger
from .held import HeldEvent
from .log_fields import What, log_fields
from .outcome import Outcome


class Diary:
    """The log records and signals of one batch of *size* events."""

    def __init__(self, account_id: str, size: int) -> None:
        self.account_id, self.size = account_id, size
        self.started = time.monotonic()
        self.delivered: list[HeldEvent] = []
        self.dead: list[HeldEvent] = []
        self.lost = 0
        """How many were accepted after the lease on them had passed to another worker."""
        self.requests = 0
        self.last: Outcome | None = None
        """What came of the last request."""
        self.trouble = ""
        """Why the collector is left alone now."""
        self.is_whole = False
        """Whether each event was settled or refused: none was left for want of time."""

    @property
    def seconds(self) -> float:
        """How long the batch has taken."""
        return time.monotonic() - self.started

    @property
    def status(self) -> int | None:
        """The last HTTP status; None without a request."""
        return self.last.status if self.last else None

    @property
    def outcome(self) -> str:
        """What became of the batch, in short."""
        if self.trouble:
            return "postponed"
        if not self.is_whole:
            return "cut short"
        return "delivered" if len(self.delivered) == self.size else "partly delivered"

    def note_request(self, outcome: Outcome) -> None:
        """Remember what came of a request."""
        self.requests, self.last = self.requests + 1, outcome

    def note_sent(self, rows: Sequence[HeldEvent], marked: int) -> None:
        """Remember that *rows* were accepted, of which *marked* were still held."""
        self.delivered += rows
        self.lost += len(rows) - marked

    def note_dead(self, rows: Sequence[HeldEvent]) -> None:
        """Remember that *rows* were given up."""
        self.dead += rows

    def tell_opened(self, level: int, wait_seconds: float, outcome: Outcome) -> None:
        """Log that the collector is left alone."""
        self.trouble = outcome.reason
        message = "Account %s: delivery waits %.0f seconds. %s"
        fields = log_fields(
            What.BREAKER_OPENED,
            account=self.account_id,
            events=self.size - len(self.delivered) - len(self.dead),
            requests=self.requests,
            seconds=self.seconds,
            wait_seconds=wait_seconds,
            status=outcome.status,
        )
        args = (self.account_id, wait_seconds, outcome.reason)
        logger.log(level, message, *args, extra=fields)

    def tell_closed(self) -> None:
        """Log that the collector takes events again."""
        message = "Account %s: the collector takes events again"
        fields = log_fields(What.BREAKER_CLOSED, account=self.account_id, seconds=self.seconds)
        logger.info(message, self.account_id, extra=fields)

    def tell_abandoned(self, released: int, in_flight: int) -> None:
        """Log that the batch was cut short."""
        message = (
            "Account %s: a batch was cut short; %d events are due again, and %d, which were being "
            "sent, once their lease ends"
        )
        fields = log_fields(
            What.LEASE_ABANDONED,
            account=self.account_id,
            events=released + in_flight,
            requests=self.requests,
            seconds=self.seconds,
        )
        logger.warning(message, self.account_id, released, in_flight, extra=fields)

    def close(self) -> None:
        """Tell what became of the batch. Raises no `Exception` of those who are told."""
        if self.delivered:
            self.log_delivered()
        tell_dead(self.account_id, self.dead, self.status)
        signals.tell_events(signals.delivered, self.delivered)
        if self.size:
            signals.tell(
                signals.attempted,
                account_id=self.account_id,
                events=self.size,
                requests=self.requests,
                seconds=self.seconds,
                outcome=self.outcome,
                status=self.status,
                trouble=self.trouble,
            )

    def log_delivered(self) -> None:
        account, count = self.account_id, len(self.delivered)
        fields = log_fields(
            What.BATCH_DELIVERED,
            account=account,
            events=count,
            requests=self.requests,
            seconds=self.seconds,
            status=self.status,
        )
        message = "Account %s: %d of %d events delivered in %d requests"
        logger.debug(message, account, count, self.size, self.requests, extra=fields)
        if self.lost:
            message = "Account %s: the lease on %d delivered events ended before they were marked"
            fields = log_fields(What.LEASE_LOST, account=account, events=self.lost)
            logger.warning(message, account, self.lost, extra=fields)


def tell_dead(account_id: str, rows: Sequence[HeldEvent], status: int | None) -> None:
    """Tell that *rows* were given up, if there are any; the admin tells why."""
    if not rows:
        return
    message = "Account %s: %d events failed and are not tried again, %s the first of them"
    fields = log_fields(What.EVENTS_DEAD, account=account_id, events=len(rows), status=status)
    logger.warning(message, account_id, len(rows), rows[0].uuid, extra=fields)
    signals.tell_events(signals.dead, rows)
