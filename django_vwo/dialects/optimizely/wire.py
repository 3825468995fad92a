"""Optimizely's wire: the events API, version 1, and the datafile's address."""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha1
from typing import Any
from urllib.parse import quote
from uuid import UUID

from ... import __version__
from ...engine.events import Event, Kind
from ..base import Request, Sender
from .telling import CENTS, is_json, revenue_tag

PAYLOAD_VERSION = 1
NEEDS_ACCOUNT_ID = NEEDS_SDK_KEY = False
WEBHOOK_HEADER = "x-hub-signature"
WEBHOOK_BODY_BYTES = 64 * 1024

CLIENT_NAME = "django-vwo"
HOST = "https://logx.optimizely.com"
EU_HOST = "https://eu.logx.optimizely.com"
DATAFILE_HOST = "https://cdn.optimizely.com"
HEADERS = {"User-Agent": CLIENT_NAME, "Content-Type": "application/json"}
ACTIVATED = "campaign_activated"
LEFT_OUT_IF_NONE = ("revenue", "value", "tags", "decisions")
"""Names that today's generation leaves out of an event where they stand for nothing."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

Json = dict[str, Any]


def settings_request(sender: Sender, *, is_webhook: bool = False) -> Request:
    """Return the request that fetches the datafile; its address holds the key."""
    return Request(
        method="GET",
        url=f"{sender.base_url or DATAFILE_HOST}/datafiles",
        secret_path=f"/{quote(sender.sdk_key, safe='')}.json",
        headers={"User-Agent": CLIENT_NAME},
    )


def webhook_proof(secret: bytes, body: bytes) -> str:
    """Return the signature of a webhook's *body*: HMAC with SHA-1."""
    return "sha1=" + hmac.new(secret, body, sha1).hexdigest()


def lone_key(event: Event, sender: Sender) -> UUID | None:
    """
    Return None, for every event can travel in a batch, unless the site wants none.

    Raises `ValueError` for an event that another dialect recorded.
    """
    if not event.told:
        raise ValueError("The event was recorded for another vendor.")
    return None if sender.batches_events else event.uuid


def batch_key(event: Event) -> Hashable:
    """Return what the events of one request have in common, beside the account."""
    told = event.told
    common = [told.get(name) for name in ("project", "revision", "region", "enrich", "anonymize")]
    return json.dumps(common)


def render_single(events: Sequence[Event], sender: Sender) -> Sequence[Request]:
    """Return the one request that delivers *events*, which are one message."""
    return [render_batch(events, sender)]


def render_batch(events: Sequence[Event], sender: Sender) -> Request:
    """
    Return the one request that delivers all *events* (at least one), of one `batch_key`.

    Events of one id are one message. Raises `ValueError` for values that are no JSON, and for what
    the vendor has no place for.
    """
    told = events[0].told
    host = sender.base_url or (EU_HOST if told.get("region") == "EU" else HOST)
    messages = {event.uuid: event for event in events}
    content: Json = {
        "account_id": events[0].account_id,
        "project_id": told["project"],
        "revision": told["revision"],
        "client_name": CLIENT_NAME,
        "client_version": __version__,
        "anonymize_ip": told["anonymize"],
        **({"enrich_decisions": True} if told.get("enrich") else {}),
        "visitors": [visitor(event) for event in messages.values()],
    }
    body = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    return Request(method="POST", url=f"{host}/v1/events", headers=HEADERS, body=body)


def visitor(event: Event) -> Json:
    """Return *event* as the only one of its visitor."""
    if event.kind is Kind.PUSH:
        raise ValueError("Optimizely knows no properties of visitors.")
    snapshot = impression(event) if event.kind is Kind.IMPRESSION else conversion(event)
    return {
        "visitor_id": event.user_id,
        "attributes": [attribute(*each) for each in event.told["attributes"]],
        "snapshots": [snapshot],
    }


def attribute(entity_id: str, key: str, value: object) -> Json:
    return {"entity_id": entity_id, "key": key, "type": "custom", "value": value}


def impression(event: Event) -> Json:
    decision = event.told.get(
        "decision", {"campaign_id": "", "experiment_id": "", "variation_id": None}
    )
    if "metadata" in event.told:
        decision = as_told_today(decision, event.told["metadata"])
    own = {"entity_id": decision["campaign_id"], "key": ACTIVATED}
    return {"decisions": [decision], "events": [{**own, **moment(event)}]}


def as_told_today(decision: Json, metadata: Json) -> Json:
    """Return *decision* as today's generation tells it."""
    variation_id = decision["variation_id"]
    is_number = isinstance(variation_id, str) and variation_id.isascii() and variation_id.isdigit()
    return {
        **decision,
        "campaign_id": decision["campaign_id"] or decision["experiment_id"],
        "variation_id": variation_id if is_number else None,
        "metadata": metadata,
    }


def conversion(event: Event) -> Json:
    told = {"entity_id": event.goal_id, "key": event.goal_identifier, **moment(event)}
    content: Json = {"events": [{**told, **dict(values(event))}]}
    if "decisions" in event.told:
        content["decisions"] = event.told["decisions"]
    return content


def values(event: Event) -> Iterator[tuple[str, Any]]:
    """Yield what a conversion was worth, and its tags."""
    tags = {name: tag for name, tag in event.properties.items() if is_json(tag)}
    cents = cents_of(event.revenue)
    if cents is not None:  # which is what the event counts as, here as there
        tags["revenue"] = cents
    revenue, value = revenue_tag(tags), value_tag(tags.get("value"))
    if revenue is not None:
        yield "revenue", revenue
    if value is not None:
        yield "value", value
    if event.told.get("enrich"):
        if tags or event.told.get("has_tags"):
            yield "tags", without_nothing(tags)
    elif tags:
        yield "tags", tags


def cents_of(revenue: object) -> int | None:
    """
    Return a revenue in the currency's unit in cents.

    >>> cents_of(12.5), cents_of("19.99"), cents_of(None)
    (1250, 1999, None)
    """
    if revenue is None:
        return None
    try:
        return int((Decimal(str(revenue)) * CENTS).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        return None


def value_tag(value: object) -> float | None:
    """Return the tag `value` as a number, if it reads as a finite one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def without_nothing(value: Any) -> Any:
    """Return tags as today's generation sends them."""
    if isinstance(value, Mapping):
        return {
            name: without_nothing(each)
            for name, each in value.items()
            if not (each is None and name in LEFT_OUT_IF_NONE)
        }
    if isinstance(value, list | tuple):
        return [without_nothing(each) for each in value]
    return value


def moment(event: Event) -> Json:
    milliseconds = (event.occurred_at - EPOCH) // MILLISECOND
    return {"timestamp": milliseconds, "uuid": str(event.uuid)}
