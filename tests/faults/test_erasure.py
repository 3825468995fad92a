"""Visitors are erased while workers have their events in hand."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import pytest
from django.db import connections

from django_vwo.dialects.vwo import visitor_key_for
from django_vwo.erasure import Erased, erase
from django_vwo.models import Event, EventStatus, LedgerEntry
from django_vwo.outbox.delivery import Route
from django_vwo.outbox.drain import DrainReport, drain
from django_vwo.transport import Timeouts
from tests.collector import Collector, Received, Reply
from tests.outbox.processes import environment, kill_group, running, wait_until
from tests.outbox.samples import (
    ACCOUNT,
    impression,
    in_threads,
    make_due,
    record,
    route,
    rows,
    visitors_of,
)

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

PATIENT = Timeouts(connect=30.0, read=30.0, total=60.0)
LEASE_SECONDS = 300.0
key_for = visitor_key_for(ACCOUNT)


def recorded(count: int) -> list[str]:
    """Record an impression of each of so many visitors; return their user ids."""
    user_ids = [f"user-{number}" for number in range(count)]
    record(*(impression(user_id, visitor=key_for(user_id)) for user_id in user_ids))
    return user_ids


def drained(way: Route) -> DrainReport:
    return drain(time.monotonic() + 120, route=way)


def drained_in_a_thread(way: Route) -> DrainReport:
    try:
        return drained(way)
    finally:
        connections.close_all()


def test_what_is_erased_before_a_claim_is_never_sent(collector: Collector) -> None:
    """Row 42: a visitor is erased whose events are pending."""
    ann, *others = recorded(20)

    assert erase(ann) == Erased(cancelled=1)
    drained(route(collector))

    assert set(visitors_of(collector.entries)) == {key_for(user_id) for user_id in others}


def test_what_is_erased_in_flight_is_sent_once_and_reported(collector: Collector) -> None:
    """Row 42: a visitor is erased while the collector ponders their events."""
    user_ids = recorded(4)
    may_answer = threading.Event()

    def ponder(received: Received) -> Reply:
        assert may_answer.wait(60)
        return Reply()

    collector.rule = ponder
    way = route(collector, timeouts=PATIENT, lease_seconds=LEASE_SECONDS)
    worker = threading.Thread(target=drained_in_a_thread, args=(way,))
    worker.start()
    try:
        wait_until(lambda: bool(collector.received))
        reports = [erase(user_id) for user_id in user_ids[:2]]
    finally:
        may_answer.set()
        worker.join()
    make_due()
    drained(way)

    assert reports == [Erased(in_flight=1)] * 2
    assert sorted(visitors_of(collector.entries)) == sorted(map(key_for, user_ids))
    assert {row.status for row in rows()} == {EventStatus.SENT}
    assert {row.user_id for row in rows()} == {"", *user_ids[2:]}
    assert LedgerEntry.objects.count() == 2


def test_erasing_and_claiming_at_once_agree_on_what_is_sent(collector: Collector) -> None:
    """Row 42: visitors are erased while two workers claim, send and mark their events."""
    user_ids = recorded(60)
    random.Random(42).shuffle(user_ids)
    reports: dict[str, Erased] = {}
    collector.rule = lambda received: Reply(before_seconds=0.05)
    way = route(collector, batch_size=3, timeouts=PATIENT, lease_seconds=LEASE_SECONDS)

    def erase_all(mine: list[str]) -> None:
        for user_id in mine:
            reports[user_id] = erase(user_id)

    in_threads(
        lambda: drained(way),
        lambda: drained(way),
        lambda: erase_all(user_ids[:20]),
        lambda: erase_all(user_ids[20:40]),
    )
    drained(way)

    times_sent = Counter(visitors_of(collector.entries))
    for user_id in user_ids:
        is_cancelled = reports.get(user_id) == Erased(cancelled=1)
        assert times_sent[key_for(user_id)] == (not is_cancelled), (user_id, reports.get(user_id))
    assert all(
        report.cancelled + report.in_flight + report.scrubbed == 1 for report in reports.values()
    )
    sent = Event.objects.filter(status=EventStatus.SENT).count()
    assert sent == len(collector.entries), "what was in flight counts, too"
    assert not Event.objects.filter(user_id__in=reports).exists()
    assert not Event.objects.filter(visitor__in=map(key_for, reports)).exists()
    assert LedgerEntry.objects.count() == 20


def test_what_a_killed_worker_held_of_an_erased_visitor_is_not_sent_again(
    collector: Collector,
) -> None:
    """Row 42: the worker that has an erased visitor's event in hand is killed."""
    ann, *others = recorded(6)
    collector.script(Reply(before_seconds=60, is_cut=True))
    once = ("-m", "django", "vwo_deliver", "--once")
    with running(*once, environment=environment(collector, TIMEOUT_SECONDS=60)) as worker:
        wait_until(lambda: bool(collector.received))
        assert erase(ann) == Erased(in_flight=1)
        kill_group(worker)
        worker.wait()
    make_due()
    drained(route(collector))

    assert sorted(visitors_of(collector.entries)) == sorted(map(key_for, others))
    assert [row.status for row in rows()].count(EventStatus.CANCELLED) == 1
