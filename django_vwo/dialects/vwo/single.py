"""VWO's requests for single events: which events need them, and those of classic accounts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from ...engine.entities import GoalType
from ...engine.events import Event, Kind
from ..base import Request, Sender
from .batch import tags_of
from .events import render_event
from .wire import (
    SDK_QUERY,
    chance,
    headers_of,
    origin,
    resident_address,
    revenue_of,
    seconds,
    usage,
    without_surrogates,
)

MOST_DIMENSIONS = 20
"""A push of more travels in a batch: its requests must fit into one lease, one after another."""


def lone_key(event: Event, sender: Sender) -> Hashable | None:
    """
    Return None if *event* can travel in a batch.

    Otherwise events of equal keys share a request: the conversions of one call, on accounts that
    take event properties. Raises `ValueError` for an event that another dialect recorded.
    """
    if event.told:
        raise ValueError("The event was recorded for another vendor.")
    takes_properties = sender.has_event_properties
    if sender.batches_events and not (takes_properties and exceeds_batch(event)):
        return None
    if takes_properties and event.kind is Kind.CONVERSION:
        return event.visitor, event.occurred_at, event.goal_identifier
    if not takes_properties and is_long_push(event):
        return None
    return event.uuid


def is_long_push(event: Event) -> bool:
    return event.kind is Kind.PUSH and len(event.properties) > MOST_DIMENSIONS


def exceeds_batch(event: Event) -> bool:
    """
    Return whether a batch has no place for something that *event* tells.

    Of a conversion it has one for a single value, the revenue. Where that is the call's and no
    property is named for it, only a batch has: then the properties give way.
    """
    if event.kind is not Kind.CONVERSION:
        return event.kind is Kind.IMPRESSION and event.custom_properties is not None
    is_call_taken = event.revenue is not None and event.goal_type != GoalType.CUSTOM
    if event.revenue_prop is None:
        return bool(event.properties) and not is_call_taken
    if is_call_taken:
        return bool(event.properties)
    return event.revenue is not None or bool(event.properties.keys() - {event.revenue_prop})


def render_single(events: Sequence[Event], sender: Sender) -> Sequence[Request]:
    """
    Return the requests that deliver *events*, which have one `lone_key`; all are to be accepted.

    Raises `ValueError` for an event that tells nothing, or whose values are no JSON.
    """
    if sender.has_event_properties:
        return [render_event(events, sender)]
    requests = [request for event in events for request in classic_requests(event, sender)]
    if not requests:
        raise ValueError("There is nothing to tell.")
    return requests


def classic_requests(event: Event, sender: Sender) -> list[Request]:
    """Return the requests for *event*: of a push, one for each dimension."""
    if event.kind is Kind.PUSH:
        return [classic(event, sender, "push", {"tags": tags}) for tags in tags_of(event)]
    where = {"experiment_id": event.campaign_id, "combination": event.variation_id}
    if event.kind is Kind.IMPRESSION:
        own = {**where, "ed": '{"p": "server"}', **usage(sender)}
        return [classic(event, sender, "track-user", own)]
    goal = {"goal_id": event.goal_id}
    revenue = revenue_of(event, takes_properties=False)
    if revenue is not None:
        goal["r"] = without_surrogates(str(revenue))
    return [classic(event, sender, "track-goal", {**where, **goal})]


def classic(event: Event, sender: Sender, endpoint: str, own: Mapping[str, str]) -> Request:
    return Request(
        method="GET",
        url=resident_address(sender, "server-side", endpoint),
        query={
            "random": chance(),
            **SDK_QUERY,
            "ap": "server",
            "sId": str(seconds(event.occurred_at)),
            "u": event.visitor,
            "account_id": sender.account_id,
            "env": sender.sdk_key,
            **origin(event),
            **own,
        },
        headers=headers_of(event),
    )
