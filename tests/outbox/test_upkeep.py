from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TransactionTestCase

from django_vwo.models import Event, EventStatus, LedgerEntry
from django_vwo.outbox import upkeep
from django_vwo.outbox.mailbox import poke

from .samples import impression, impressions, record, rows, statuses

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
FINISHED = (EventStatus.SENT, EventStatus.DUPLICATE, EventStatus.CANCELLED)


def finish(row: Event, status: EventStatus, age: timedelta) -> None:
    """Leave *row* as it looks that was recorded, and got its state, *age* ago."""
    row.status, row.occurred_at = status, NOW - age
    row.sent_at = NOW - age if status == EventStatus.SENT else None
    row.due_at = row.due_at if status == EventStatus.PENDING else None
    row.save()


@pytest.mark.django_db
@pytest.mark.parametrize("status", list(EventStatus))
@pytest.mark.parametrize("days", [29, 31])
def test_only_what_is_finished_and_old_is_pruned(status: EventStatus, days: int) -> None:
    record(impression())
    finish(rows()[0], status, days * DAY)
    is_pruned = status in FINISHED and days > 30

    assert upkeep.prune(30) == is_pruned
    assert len(rows()) == (not is_pruned)


@pytest.mark.django_db
def test_what_was_delivered_late_is_kept_from_then_on() -> None:
    record(impression())
    Event.objects.update(
        status=EventStatus.SENT, occurred_at=NOW - 90 * DAY, sent_at=NOW - DAY, due_at=None
    )

    assert upkeep.prune(30) == 0


class PruneTests(TransactionTestCase):
    """Over random states, in random chunks."""

    @settings(deadline=None, max_examples=15)
    @given(
        states=st.lists(st.tuples(st.sampled_from(list(EventStatus)), st.integers(0, 60))),
        chunk_rows=st.integers(1, 7),
    )
    def test_pruning_spares_what_is_pending_dead_or_young(
        self, states: list[tuple[EventStatus, int]], chunk_rows: int
    ) -> None:
        states.sort(key=lambda state: -state[1])  # events are recorded as time goes by
        record(*impressions(len(states)))
        for row, (status, days) in zip(rows(), states, strict=True):
            finish(row, status, days * DAY + timedelta(hours=1))

        upkeep.prune(30, chunk_rows=chunk_rows)

        kept = [status for status, days in states if status not in FINISHED or days < 30]
        assert statuses() == kept


@pytest.mark.django_db
def test_pruning_stops_where_events_are_young() -> None:
    record(*impressions(40))
    for row in rows():
        finish(row, EventStatus.SENT, DAY)
    finish(rows()[-1], EventStatus.SENT, 90 * DAY)

    assert upkeep.prune(30, chunk_rows=10) == 0


@pytest.mark.django_db
def test_the_ledger_forgets_old_campaigns_that_are_gone() -> None:
    def enter(key: str, campaign_key: str, days: int) -> None:
        entry = LedgerEntry.objects.create(
            dedup_key=key, event_uuid="0" * 32, campaign_key=campaign_key
        )
        LedgerEntry.objects.filter(pk=entry.pk).update(created_at=NOW - days * DAY)

    for number in range(5):
        enter(f"gone-{number}", "gone", 401)
    enter("gone, young", "gone", 399)
    enter("here", "here", 401)

    assert upkeep.prune_ledger({"here"}, chunk_rows=2) == 5
    assert set(LedgerEntry.objects.values_list("pk", flat=True)) == {"gone, young", "here"}


@pytest.mark.django_db
def test_failed_events_get_another_chance_with_the_same_message_id() -> None:
    events = impressions(3)
    record(*events)
    first, second, third = rows()
    finish(first, EventStatus.DEAD, DAY)
    finish(second, EventStatus.SENT, DAY)
    finish(third, EventStatus.DEAD, DAY)
    Event.objects.update(rejections=3, attempts=8, last_status=400, last_error="HTTP 400")

    assert upkeep.resend(Event.objects.filter(id__in=[first.id, second.id])) == 1
    assert statuses() == [EventStatus.PENDING, EventStatus.SENT, EventStatus.DEAD]
    again = rows()[0]
    assert (again.uuid, again.rejections, again.attempts) == (events[0].uuid, 0, 0)
    assert (again.last_status, again.last_error) == (None, "")
    assert again.due_at is not None
    assert upkeep.resend() == 1
    assert upkeep.resend() == 0


@pytest.mark.django_db
def test_what_was_cancelled_is_delivered_if_it_is_asked_for() -> None:
    record(*impressions(2))
    for row in rows():
        finish(row, EventStatus.CANCELLED, DAY)

    assert upkeep.resend() == 0
    assert upkeep.resend(Event.objects.filter(id=rows()[1].id)) == 1
    assert statuses() == [EventStatus.CANCELLED, EventStatus.PENDING]


@pytest.mark.django_db
def test_workers_are_nudged_for_events_that_get_another_chance(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    record(*impressions(1))
    finish(rows()[0], EventStatus.DEAD, DAY)
    with django_capture_on_commit_callbacks() as callbacks:
        upkeep.resend()
    assert callbacks == [poke]


@pytest.mark.django_db
def test_every_state_is_counted() -> None:
    record(*impressions(3))
    finish(rows()[0], EventStatus.DEAD, DAY)

    counts = upkeep.counts()

    assert counts[EventStatus.PENDING] == 2
    assert counts[EventStatus.DEAD] == 1
    assert counts[EventStatus.SENT] == 0
    assert upkeep.pending("123456") == 2
    assert upkeep.pending("999") == 0
