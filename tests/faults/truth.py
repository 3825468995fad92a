"""What may never happen, whatever the fault was."""

from __future__ import annotations

import time
from collections.abc import Collection

from django_vwo.engine.events import Event
from django_vwo.models import Event as EventRow
from django_vwo.models import EventStatus
from django_vwo.outbox.drain import DrainReport, drain
from tests.collector import Collector
from tests.outbox.processes import wait_until
from tests.outbox.samples import route, rows, visitors_of


def drain_for_good(collector: Collector) -> list[DrainReport]:
    """Deliver until nothing is pending, leases of others included. Returns what each drain did."""
    reports: list[DrainReport] = []

    def is_drained() -> bool:
        reports.append(drain(time.monotonic() + 30, route=route(collector)))
        return not EventRow.objects.filter(due_at__isnull=False).exists()

    wait_until(is_drained)
    return reports


def lost(committed: Collection[Event], collector: Collector) -> set[str]:
    """Return the visitors, one an event, that the collector never accepted nor a worker gave up."""
    dead = {row.visitor for row in rows(status=EventStatus.DEAD)}
    return {event.visitor for event in committed} - set(visitors_of(collector.entries)) - dead


def duplicates(collector: Collector) -> int:
    """Return how many events the collector accepted a second time."""
    accepted = visitors_of(collector.entries)
    return len(accepted) - len(set(accepted))
