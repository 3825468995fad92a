"""Old events are deleted while others are on their way."""

from __future__ import annotations

import time

import pytest

from django_vwo.models import Event, EventStatus
from django_vwo.outbox.drain import drain
from django_vwo.outbox.upkeep import prune
from tests.collector import Collector, Reply
from tests.outbox.processes import wait_until
from tests.outbox.samples import impressions, in_threads, record, route, rows, visitors_of

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def test_pruning_amid_deliveries_takes_nothing_that_was_not_sent(collector: Collector) -> None:
    """Row 41: everything is old enough to be pruned, by state alone it is kept."""
    record(*impressions(10, "failed"))
    Event.objects.update(status=EventStatus.DEAD, due_at=None)
    events = impressions(60)
    record(*events)
    way = route(collector, batch_size=4, lease_seconds=300.0)
    collector.rule = lambda received: Reply(before_seconds=0.02)
    pruned: list[int] = []

    def are_all_pruned() -> bool:
        pruned.append(prune(0, chunk_rows=7))
        return not Event.objects.exclude(status=EventStatus.DEAD).exists()

    def deliver() -> int:
        return drain(time.monotonic() + 120, route=way).sent

    sent_by_one, sent_by_other, _ = in_threads(
        deliver, deliver, lambda: wait_until(are_all_pruned, 120.0)
    )

    assert sent_by_one + sent_by_other == sum(pruned) == 60
    accepted = visitors_of(collector.entries)
    assert sorted(accepted) == sorted(event.visitor for event in events)
    assert {row.status for row in rows()} == {EventStatus.DEAD}
    assert len(rows()) == 10


def test_pruning_where_nothing_was_sent_deletes_nothing() -> None:
    """Row 41: there is nothing to prune."""
    record(*impressions(5))

    assert prune(0) == 0
    assert len(rows()) == 5
