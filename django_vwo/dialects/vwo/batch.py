"""VWO's batch: many events in one request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...engine.events import Event, Kind
from ..base import Request, Sender
from .wire import (
    JSON,
    SDK_QUERY,
    USER_AGENT,
    body_of,
    number,
    origin,
    resident_address,
    revenue_of,
    seconds,
    usage,
)

Entry = dict[str, Any]


def batch_key(event: Event) -> None:
    """Return None: all events of an account may share a batch."""


def render_batch(events: Sequence[Event], sender: Sender) -> Request:
    """
    Return the one request that delivers all *events* (at least one).

    A push takes an entry for each of its dimensions. Raises `ValueError` for an event whose values
    are no JSON.
    """
    entries = [entry for event in events for entry in entries_of(event, sender)]
    own = {"a": sender.account_id, **SDK_QUERY, "env": sender.sdk_key}
    return Request(
        method="POST",
        url=resident_address(sender, "server-side", "batch-events"),
        query={**own, **usage(sender)},
        headers={"Authorization": sender.sdk_key, **USER_AGENT, **JSON},
        body=body_of({"ev": entries}),
    )


def entries_of(event: Event, sender: Sender) -> Iterator[Entry]:
    """Yield what stands for *event* in a batch."""
    common = {"u": event.visitor, "sId": seconds(event.occurred_at), **origin(event)}
    kind = {"eT": int(event.kind)}
    if event.kind is Kind.PUSH:
        for tags in tags_of(event):
            yield {**common, "t": tags, **kind}
        return
    where = {"c": number(event.variation_id), "e": number(event.campaign_id)}
    if event.kind is Kind.CONVERSION:
        goal = {"g": number(event.goal_id), **kind}
        yield {**common, **where, **goal, **revenue_entry(event, sender)}
    else:
        yield {**common, **where, **kind}


def tags_of(event: Event) -> Iterator[str]:
    """Yield each dimension of a push, as text."""
    for name, value in event.properties.items():
        yield json.dumps({"u": {name: value}}, allow_nan=False)


def revenue_entry(event: Event, sender: Sender) -> Mapping[str, Any]:
    revenue = revenue_of(event, takes_properties=sender.has_event_properties)
    return {} if revenue is None else {"r": revenue}
