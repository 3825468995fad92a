"""Events to deliver, and ways to deliver them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.db import connections

from django_vwo.dialects import get_dialect
from django_vwo.dialects.base import Sender
from django_vwo.engine.events import Event, Kind, new_message_id, unique_key
from django_vwo.models import Event as EventRow
from django_vwo.models import EventStatus
from django_vwo.outbox.claim import Scope
from django_vwo.outbox.delivery import Route
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.transport import Timeouts
from tests.collector import Collector

ACCOUNT = "123456"
SDK_KEY = "secret-sdk-key"
SENDER = Sender(account_id=ACCOUNT, sdk_key=SDK_KEY)
QUICK = Timeouts(connect=0.5, read=0.5, total=1.0)


def visitor_key(user_id: str) -> str:
    return uuid5(NAMESPACE_URL, ascii(user_id)).hex.upper()


def impression(user_id: str = "Bob", **changes: Any) -> Event:
    """Return an impression that counts once."""
    event = Event(
        kind=Kind.IMPRESSION,
        message_id=new_message_id(),
        occurred_at=datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC),
        account_id=ACCOUNT,
        user_id=user_id,
        visitor=visitor_key(user_id),
        campaign_id="11",
        campaign_key="pricing-page",
        variation_id="2",
        variation_name="Variation-1",
        unique_key=unique_key(Kind.IMPRESSION, "pricing-page", "Variation-1"),
        user_agent="Mozilla/5.0 (é)",
        ip_address="203.0.113.9",
    )
    return replace(event, **changes)


def conversion(user_id: str = "Bob", goal: str = "purchase", **changes: Any) -> Event:
    """Return a conversion that counts once, with a revenue."""
    return impression(
        user_id,
        **{
            "kind": Kind.CONVERSION,
            "goal_id": "201",
            "goal_identifier": goal,
            "goal_type": "REVENUE_TRACKING",
            "revenue": 12.5,
            "unique_key": unique_key(Kind.CONVERSION, "pricing-page", "Variation-1", goal),
            **changes,
        },
    )


def push(user_id: str = "Bob", **changes: Any) -> Event:
    """Return a push of two dimensions."""
    plain = {"campaign_id": "", "campaign_key": "", "variation_id": "", "variation_name": ""}
    properties = {"plan": "gold", "seats": 5}
    return impression(
        user_id,
        **{"kind": Kind.PUSH, "unique_key": None, "properties": properties, **plain, **changes},
    )


def record(*events: Event) -> None:
    OutboxRecorder().record(events)


def impressions(count: int, prefix: str = "user") -> list[Event]:
    return [impression(f"{prefix}-{number}") for number in range(count)]


def route(collector: Collector, **changes: Any) -> Route:
    """Return the way to *collector*, with little patience."""
    sender = replace(SENDER, base_url=collector.url)
    plain = Route(sender=sender, dialect=get_dialect("vwo"), timeouts=QUICK, lease_seconds=30.0)
    return replace(plain, **changes)


def scope(**changes: Any) -> Scope:
    """Return the test account's events."""
    plain = Scope(alias="default", account_id=ACCOUNT, payload_version=1, lease_seconds=30.0)
    return replace(plain, **changes)


def rows(**conditions: Any) -> list[EventRow]:
    """Return the events of the outbox in the order in which they were recorded."""
    return list(EventRow.objects.filter(**conditions).order_by("id"))


def statuses() -> list[EventStatus]:
    """Return the state of each event, in the order in which they were recorded."""
    return [EventStatus(row.status) for row in rows()]


def make_due() -> None:
    """Let time pass until everything that waits is due."""
    EventRow.objects.filter(due_at__isnull=False).update(due_at=datetime(2020, 1, 1, tzinfo=UTC))


def in_threads(*works: Callable[[], Any]) -> list[Any]:
    """Return what *works* return, run at once, each in a thread with its own connection."""
    results: list[Any] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(index: int) -> None:
        barrier.wait(10)
        try:
            results[index] = works[index]()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise failures[0]
    return results


def visitors_of(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Return the visitors of a batch's *entries*."""
    return [entry["u"] for entry in entries]
