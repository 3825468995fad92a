"""Erasing a visitor: what is gone, what stays, and what is never sent."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from django_vwo import results
from django_vwo.client import get_client
from django_vwo.dialects.vwo import visitor_key_for
from django_vwo.engine.errors import VWOError
from django_vwo.erasure import Erased, erase
from django_vwo.models import Assignment, Event, EventStatus, LedgerEntry
from django_vwo.outbox import erasure, upkeep
from django_vwo.outbox.claim import claim
from django_vwo.outbox.drain import DrainReport, Route, drain
from django_vwo.results import VariationResult
from django_vwo.sources.current import current
from django_vwo.storages.base import UserStorage
from django_vwo.storages.memory import MemoryStorage

from .collector import Collector, Reply
from .conftest import Configure
from .outbox.samples import (
    ACCOUNT,
    conversion,
    impression,
    make_due,
    record,
    route,
    scope,
    visitors_of,
)

pytestmark = pytest.mark.django_db(transaction=True)

ANN = "ann@shop.example"
AGENT, ADDRESS = "Mozilla/5.0 (ann's)", "203.0.113.77"
FINISHED = (EventStatus.SENT, EventStatus.DUPLICATE, EventStatus.CANCELLED)


def key_of(user_id: str, account: str = ACCOUNT) -> str:
    return visitor_key_for(account)(user_id)


def visit(user_id: str) -> None:
    """Have a visitor do all that is recorded."""
    vwo, origin = get_client(), {"user_agent": AGENT, "user_ip_address": ADDRESS}
    assert vwo.activate("pricing-page", user_id, custom_properties={"mail": user_id}, **origin)
    assert vwo.track("pricing-page", user_id, "signup", **origin)
    assert vwo.track("pricing-page", user_id, "checkout", revenue_value=5, **origin)
    for _ in range(2):
        assert vwo.track("pricing-page", user_id, "visit", event_properties={"mail": user_id})
    assert vwo.push("mail", user_id, user_id)


def drained(way: Route) -> DrainReport:
    return drain(time.monotonic() + 60, route=way)


def deliver(collector: Collector) -> list[str]:
    """Return the visitors of the events that are sent now."""
    before = len(collector.entries)
    drained(route(collector))
    return visitors_of(collector.entries[before:])


def kept() -> str:
    """Return all that the tables of visitors hold, as text."""
    models: list[type[Model]] = [Assignment, Event, LedgerEntry]
    rows = [list(model._default_manager.values()) for model in models]
    return json.dumps(rows, cls=DjangoJSONEncoder)


def traces(user_id: str) -> list[str]:
    """Return what the tables still hold that leads to the visitor."""
    found = kept()
    return [text for text in (user_id, key_of(user_id), AGENT, ADDRESS) if text in found]


def brought() -> list[VariationResult]:
    campaigns = current()
    assert campaigns
    return results.results(campaigns.campaigns["pricing-page"])


def test_nothing_that_leads_to_the_visitor_is_kept(site: Configure, collector: Collector) -> None:
    visit(ANN)
    deliver(collector)
    visit("bob")
    assert len(traces(ANN)) == 4

    erase(ANN)

    assert set(traces(ANN)) <= {AGENT, ADDRESS}, "which Bob's have, too"
    erase("bob")
    assert traces(ANN) == traces("bob") == []


def test_what_was_delivered_counts_as_before(site: Configure, collector: Collector) -> None:
    for user_id in (ANN, "bob", "cem", "dora"):
        visit(user_id)
    deliver(collector)
    before = brought()
    assert sum(each.goals["visit"].visitors for each in before) == 4

    assert erase(ANN) == Erased(assignments=1, scrubbed=6)
    assert brought() == before


def test_other_visitors_are_left_alone(site: Configure) -> None:
    visit("bob")
    before = kept()
    visit(ANN)

    erase(ANN)

    Event.objects.filter(user_id="").delete()
    assert kept() == before


def test_pending_events_are_cancelled_and_never_sent(site: Configure, collector: Collector) -> None:
    visit(ANN)
    visit("bob")

    assert erase(ANN) == Erased(assignments=1, cancelled=6)
    assert set(deliver(collector)) == {key_of("bob")}
    assert set(Event.objects.filter(user_id="").values_list("status", "due_at")) == {
        (EventStatus.CANCELLED, None)
    }


@pytest.mark.parametrize("status", list(EventStatus))
def test_each_state_has_its_end(site: Configure, status: EventStatus) -> None:
    record(impression(ANN, visitor=key_of(ANN)))
    due = {} if status == EventStatus.PENDING else {"due_at": None}
    Event.objects.update(status=status, last_error="HTTP 400: ann", attempts=3, **due)
    before = Event.objects.get()

    erased = erase(ANN)

    row = Event.objects.get()
    assert row.status == (status if status in FINISHED else EventStatus.CANCELLED)
    assert (row.due_at, row.dedup_key, row.extra, row.last_error) == (None, None, {}, "")
    for name in ("uuid", "occurred_at", "campaign_id", "variation_id", "attempts", "revenue"):
        assert getattr(row, name) == getattr(before, name)
    is_cancelled = row.status == EventStatus.CANCELLED
    assert erased == Erased(cancelled=int(is_cancelled), scrubbed=int(not is_cancelled))


@pytest.mark.parametrize("status", [EventStatus.DEAD, EventStatus.CANCELLED, EventStatus.PENDING])
def test_nothing_of_an_erased_visitor_is_sent_again(
    site: Configure, collector: Collector, status: EventStatus
) -> None:
    record(impression(ANN, visitor=key_of(ANN)))
    Event.objects.update(status=status)
    erase(ANN)

    assert upkeep.resend() == 0
    assert upkeep.resend(Event.objects.all()) == 0
    assert deliver(collector) == []


def test_erasing_while_events_are_sent_again_cancels_them(
    site: Configure, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure comes between the two statements of the resend."""
    record(impression(ANN, visitor=key_of(ANN)))
    Event.objects.update(status=EventStatus.DEAD, due_at=None)
    chunks = upkeep.chunks

    def interrupted(chosen: Any) -> Iterator[list[int]]:
        for ids in chunks(chosen):
            erase(ANN)
            yield ids

    monkeypatch.setattr(upkeep, "chunks", interrupted)

    assert upkeep.resend(Event.objects.all()) == 0
    assert deliver(collector) == []


def test_a_visitor_who_comes_back_is_a_new_one(site: Configure, collector: Collector) -> None:
    visit(ANN)
    deliver(collector)
    erase(ANN)

    visit(ANN)  # whose goals count once, and count again
    assert deliver(collector) == [key_of(ANN)] * 6
    assert not get_client().track("pricing-page", ANN, "signup")


def test_the_ledger_keeps_what_the_visitor_did_since(
    site: Configure, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They reach another goal, and that is sent, before the ledger is looked at."""
    visit(ANN)
    deliver(collector)
    forget_ledger = erasure.forget_ledger

    def come_back_first(visitor: str) -> None:
        record(conversion(ANN, visitor=visitor))
        deliver(collector)
        forget_ledger(visitor)

    monkeypatch.setattr(erasure, "forget_ledger", come_back_first)

    erase(ANN)

    since = Event.objects.get(user_id=ANN)
    assert [entry.event_uuid for entry in LedgerEntry.objects.all()] == [since.uuid]


def test_an_event_that_is_being_sent_is_told_of_and_counts_if_it_arrives(
    site: Configure, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    visit(ANN)
    way = route(collector)

    def send(*arguments: Any, **options: Any) -> Any:
        if traces(ANN):
            assert erase(ANN) == Erased(assignments=1, in_flight=6)
            assert traces(ANN) == []
        return route(collector).send(*arguments, **options)

    caplog.set_level(logging.INFO, "django_vwo")
    assert drained(replace(way, send=send)).sent == 6

    assert visitors_of(collector.entries) == [key_of(ANN)] * 6
    assert set(Event.objects.values_list("status", "lease_token")) == {(EventStatus.SENT, None)}
    assert sum(each.visitors for each in brought()) == 1
    assert "6 events of an erased visitor were being sent: they may still arrive." in caplog.text
    assert ANN not in caplog.text
    assert key_of(ANN) not in caplog.text


def test_what_a_dead_worker_held_is_not_sent_again(site: Configure, collector: Collector) -> None:
    visit(ANN)
    assert claim(scope(), 500), "by a worker that is not heard of again"

    assert erase(ANN) == Erased(assignments=1, in_flight=6)
    make_due()
    assert deliver(collector) == []
    assert set(Event.objects.values_list("status", flat=True)) == {EventStatus.CANCELLED}


@pytest.mark.parametrize("status", [503, 400, 413])
def test_what_the_vendor_did_not_take_stays_cancelled(
    site: Configure, collector: Collector, status: int
) -> None:
    record(impression(ANN, visitor=key_of(ANN)))
    batch = route(collector)

    def send(*arguments: Any, **options: Any) -> Any:
        erase(ANN)
        return route(collector).send(*arguments, **options)

    collector.rule = lambda received: Reply(status=status, body=b"{}")
    drained(replace(batch, send=send))

    row = Event.objects.get()
    assert (row.status, row.due_at, row.user_id) == (EventStatus.CANCELLED, None, "")


def test_erasing_again_finds_nothing(site: Configure) -> None:
    visit(ANN)
    erase(ANN)

    assert erase(ANN) == Erased()
    assert erase("nobody") == Erased()


def test_every_account_that_has_events_is_searched(site: Configure) -> None:
    old = impression(ANN, account_id="77", visitor=key_of(ANN, "77"))
    record(old)
    Assignment.objects.create(
        visitor=old.visitor, user_id=ANN, assignment_key="a", variation="Control"
    )

    assert erase(ANN) == Erased(assignments=1, cancelled=1)


def test_it_needs_no_settings_document(configure: Configure) -> None:
    record(impression(ANN, visitor=key_of(ANN)))
    assert current() is None

    assert erase(ANN) == Erased(cancelled=1)


def test_a_storage_of_the_sites_own_forgets_too(site: Configure) -> None:
    site(USER_STORAGE={"BACKEND": "django_vwo.storages.memory.MemoryStorage"})
    visit(ANN)
    storage = get_client().storage
    assert isinstance(storage, MemoryStorage)
    assert storage.assignments

    assert erase(ANN) == Erased(cancelled=6)
    assert not storage.assignments


class Unforgetting(MemoryStorage):
    """Cannot erase."""

    def forget(self, visitor: object) -> None:
        raise VWOError("Nothing was erased.")


def test_a_storage_that_cannot_forget_says_so_before_anything_is_erased(site: Configure) -> None:
    assert issubclass(Unforgetting, UserStorage)
    site(USER_STORAGE={"BACKEND": f"{__name__}.Unforgetting"})
    visit(ANN)
    before = kept()

    with pytest.raises(VWOError, match="Nothing was erased"):
        erase(ANN)
    assert kept() == before


def test_a_site_without_user_storage_erases_what_it_has(site: Configure) -> None:
    visit(ANN)
    site(USER_STORAGE=None)

    assert erase(ANN) == Erased(assignments=1, cancelled=6)
    assert not Assignment.objects.exists()


def test_forgetting_erases_assignments_alone(site: Configure) -> None:
    visit(ANN)
    get_client().forget(ANN)

    assert not Assignment.objects.exists()
    assert Event.objects.filter(user_id=ANN).count() == 6


def test_the_callers_transaction_decides(site: Configure) -> None:
    visit(ANN)
    before = kept()
    with transaction.atomic():
        erase(ANN)
        assert traces(ANN) == []
        transaction.set_rollback(True)

    assert kept() == before


def test_thousands_of_events_are_erased_in_short_steps(site: Configure) -> None:
    record(*(impression(ANN, visitor=key_of(ANN)) for _ in range(2_500)))
    with CaptureQueriesContext(connection) as queries:
        assert erase(ANN) == Erased(cancelled=2_500)

    updates = [each["sql"] for each in queries if each["sql"].startswith("UPDATE")]
    assert len(updates) == 3
    assert Event.objects.values("visitor").distinct().count() == 1
