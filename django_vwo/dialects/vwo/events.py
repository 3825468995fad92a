"""VWO's ``/events/t``: single events of the accounts that take event properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import __version__
from ...engine.events import Event, Kind
from ..base import Request, Sender
from .wire import (
    JSON,
    SDK_NAME,
    body_of,
    chance,
    headers_of,
    milliseconds,
    number,
    origin,
    resident_address,
    seconds,
    usage,
)

EXPOSURE = "vwo_variationShown"
PUSH = "vwo_syncVisitorProp"

Json = dict[str, Any]


def render_event(events: Sequence[Event], sender: Sender) -> Request:
    """
    Return the request for *events*: the conversions of one call, or a single other event.

    Raises `ValueError` for values that are no JSON.
    """
    event = events[0]
    name = name_of(event)
    return Request(
        method="POST",
        url=resident_address(sender, "events", "t"),
        query={
            "en": name,
            "a": sender.account_id,
            "env": sender.sdk_key,
            "eTime": str(milliseconds(event.occurred_at)),
            "random": chance(),
            "p": "FS",
            **origin(event),
            **(usage(sender) if name == EXPOSURE else {}),
        },
        headers={**headers_of(event), **JSON},
        body=body_of({"d": content(events, name, sender)}),
    )


def name_of(event: Event) -> str:
    if event.kind is Kind.CONVERSION:
        return event.goal_identifier
    return EXPOSURE if event.kind is Kind.IMPRESSION else PUSH


def content(events: Sequence[Event], name: str, sender: Sender) -> Json:
    event = events[0]
    own = {
        "vwo_sdkName": SDK_NAME,
        "vwo_sdkVersion": __version__,
        "vwo_envKey": sender.sdk_key,
    }
    time = milliseconds(event.occurred_at)
    return {
        "msgId": f"{event.visitor}-{time}",
        "visId": event.visitor,
        "sessionId": seconds(event.occurred_at),
        "event": {"props": {**own, **properties(events)}, "name": name, "time": time},
        "visitor": {"props": {"vwo_fs_environment": sender.sdk_key, **dimensions(event)}},
    }


def properties(events: Sequence[Event]) -> Json:
    """Return what is told of the event; a site's own event properties win."""
    event = events[0]
    if event.kind is Kind.CONVERSION:
        return {"vwoMeta": metrics(events), "isCustomEvent": True, **event.properties}
    if event.kind is Kind.PUSH:
        return {"isCustomEvent": True}
    shown = {"id": number(event.campaign_id), "variation": number(event.variation_id), "isFirst": 1}
    if event.custom_properties is None:
        return shown
    return {**shown, "vwoMeta": event.custom_properties}


def metrics(conversions: Sequence[Event]) -> Json:
    """Return which goals were reached, and the call's revenue by the names that they give it."""
    goals = {f"id_{each.campaign_id}": [f"g_{each.goal_id}"] for each in conversions}
    named = [each for each in conversions if each.revenue_prop and each.revenue is not None]
    return {"metric": goals, **{str(each.revenue_prop): each.revenue for each in named}}


def dimensions(event: Event) -> dict[str, str]:
    """Return what a push tells of the visitor, as text."""
    is_push = event.kind is Kind.PUSH
    return {str(name): str(value) for name, value in event.properties.items() if is_push}
