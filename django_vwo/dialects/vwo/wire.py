"""VWO's wire: the request that delivers events, and the one that fetches the settings document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from random import SystemRandom
from typing import Any
from urllib.parse import quote

from ... import __version__
from ...engine.entities import GoalType
from ...engine.events import Event, Kind
from ..base import Request, Sender

PAYLOAD_VERSION = 1
SDK_NAME = "django-vwo"
HOST = "https://dev.visualwebsiteoptimizer.com"
USER_AGENT = {"User-Agent": SDK_NAME}
SDK_QUERY = {"sdk": SDK_NAME, "sdk-v": __version__}

Entry = dict[str, Any]


def render_batch(events: Sequence[Event], sender: Sender) -> Request:
    """
    Return the one request that delivers all *events* (at least one).

    A push takes an entry for each of its dimensions. Raises `ValueError` for an event whose values
    are no JSON.
    """
    entries = [entry for event in events for entry in entries_of(event, sender)]
    usage = dict(sender.usage)
    return Request(
        method="POST",
        url=address(sender, "batch-events", prefix=sender.collection_prefix),
        query={
            "a": sender.account_id,
            **SDK_QUERY,
            "env": sender.sdk_key,
            **usage,
            **({"_l": "1"} if usage else {}),
        },
        headers={
            "Authorization": sender.sdk_key,
            "Content-Type": "application/json",
            **USER_AGENT,
        },
        body=json.dumps({"ev": entries}, allow_nan=False, separators=(",", ":")).encode(),
    )


def settings_request(sender: Sender, *, is_webhook: bool = False) -> Request:
    """Return the request that fetches the settings document."""
    return Request(
        method="GET",
        url=address(sender, "pull" if is_webhook else "settings"),
        query={
            "a": sender.account_id,
            "i": sender.sdk_key,
            "r": str(SystemRandom().random()),
            "platform": "server",
            "api-version": "1",
            **SDK_QUERY,
        },
        headers=USER_AGENT,
    )


def address(sender: Sender, endpoint: str, *, prefix: str = "") -> str:
    """Return the address of *endpoint*, below the account's data residency if it has one."""
    parts = [sender.base_url or HOST, quote(prefix.strip("/")), "server-side", endpoint]
    return "/".join(filter(None, parts))


def entries_of(event: Event, sender: Sender) -> Iterator[Entry]:
    """Yield what stands for *event* in a batch."""
    common = {
        "u": event.visitor,
        "sId": int(event.occurred_at.timestamp()),
        "visitor_ua": event.user_agent,
        "visitor_ip": event.ip_address,
        "eT": int(event.kind),
    }
    if event.kind is Kind.PUSH:
        for name, value in event.properties.items():
            tags = json.dumps({"u": {name: value}}, allow_nan=False)
            yield {**common, "t": tags}
    else:
        where = {"e": number(event.campaign_id), "c": number(event.variation_id)}
        yield {**common, **where, **goal_of(event, sender)}


def goal_of(event: Event, sender: Sender) -> Mapping[str, Any]:
    """Return the goal that was reached, with its revenue if there is any."""
    if event.kind is not Kind.CONVERSION:
        return {}
    revenue = revenue_of(event, takes_properties=sender.has_event_properties)
    goal = {"g": number(event.goal_id)}
    return goal if revenue is None else {**goal, "r": revenue}


def revenue_of(event: Event, *, takes_properties: bool) -> Any:
    """
    Return the revenue that counts: the call's, unless the goal is a plain one, or the property's.

    Only accounts that take event properties look at those; they need not be numbers.
    """
    given = None if event.goal_type == GoalType.CUSTOM else event.revenue
    if given is None and takes_properties and event.revenue_prop is not None:
        return event.properties.get(event.revenue_prop)
    return given


def number(vendor_id: str) -> int | str:
    """
    Return *vendor_id* as the number that it is the text of, if there is one.

    >>> number("11"), number("011"), number("a1")
    (11, '011', 'a1')
    """
    try:
        is_number = len(vendor_id) < 20 and str(int(vendor_id)) == vendor_id
    except ValueError:
        is_number = False
    return int(vendor_id) if is_number else vendor_id
