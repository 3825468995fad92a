"""A check for django-health-check: whether events get to the vendor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import DatabaseError, connections, router
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from .models import Event
from .outbox.vitals import Vitals, told, vitals
from .sources.current import sender


@dataclass
class DeliveryCheck(HealthCheck):  # type: ignore[misc]  # it comes without types
    """
    Check that the outbox is emptied: backlog, oldest event, breaker and last success.

    Costs three queries by indexes, however many events there are.
    """

    most_pending: int = field(default=100_000, repr=False)
    """How many events may be pending; no more than these are counted."""
    late_seconds: float = field(default=900.0, repr=False)
    """How long events may be due."""
    most_failures: int = field(default=5, repr=False)
    """How often in a row the collector may fail."""

    def run(self) -> None:
        """Raise `ServiceUnavailable`, which tells all four, if one is past what it may be."""
        alias = router.db_for_write(Event)
        try:
            # In the thread of an executor nobody else would close the connection.
            with connections[alias].temporary_connection():
                found = vitals(sender().account_id, most_pending=self.most_pending)
        except DatabaseError as error:
            raise ServiceUnavailable(f"The database: {type(error).__name__}") from None
        if complaints := list(self.complaints(found)):
            sentences = told(found, most_pending=self.most_pending)
            raise ServiceUnavailable(f"{', '.join(complaints)}. {' '.join(sentences)}")

    def complaints(self, found: Vitals) -> Iterator[str]:
        """Yield what is past what it may be."""
        if found.pending > self.most_pending:
            yield "Too many events are pending"
        if found.late_seconds > self.late_seconds:
            yield "Events are late"
        if found.failures > self.most_failures:
            yield "The collector fails"
