"""VWO's wire: what all its requests have in common, and the one for the settings document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import SystemRandom
from typing import Any
from urllib.parse import quote

from ... import __version__
from ...engine.entities import GoalType
from ...engine.events import Event, Kind
from ..base import Request, Sender

PAYLOAD_VERSION = 1
NEEDS_ACCOUNT_ID = NEEDS_SDK_KEY = True
WEBHOOK_HEADER = "x-vwo-auth"
WEBHOOK_BODY_BYTES = 0
SDK_NAME = "django-vwo"
HOST = "https://dev.visualwebsiteoptimizer.com"
USER_AGENT = {"User-Agent": SDK_NAME}
SDK_QUERY = {"sdk": SDK_NAME, "sdk-v": __version__}
JSON = {"Content-Type": "application/json"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
CARRIED_BY_HTTP = re.compile(r"[!-~\x80-\xff][\t -~\x80-\xff]*")


def settings_request(sender: Sender, *, is_webhook: bool = False) -> Request:
    """Return the request that fetches the settings document."""
    return Request(
        method="GET",
        url=address(sender, "server-side", "pull" if is_webhook else "settings"),
        query={
            "a": sender.account_id,
            "i": sender.sdk_key,
            "r": chance(),
            "platform": "server",
            "api-version": "1",
            **SDK_QUERY,
        },
        headers=USER_AGENT,
    )


def webhook_proof(secret: bytes, body: bytes) -> str:
    """Return what a call of VWO's webhook says in `WEBHOOK_HEADER`: the secret, as headers can."""
    return secret.decode("latin-1")


def address(sender: Sender, *path: str) -> str:
    """Return the address of *path*, whatever the account's data residency."""
    return "/".join([sender.base_url or HOST, *path])


def resident_address(sender: Sender, *path: str) -> str:
    """Return the address of *path* below the account's data residency, if it has one."""
    prefix = quote(sender.collection_prefix.strip("/"), safe="/!$&'()*+,:;=@")
    return address(sender, *filter(None, [prefix]), *path)


def usage(sender: Sender) -> Mapping[str, str]:
    """Return the usage statistics, with the sign that there are any."""
    return {**sender.usage, "_l": "1"} if sender.usage else {}


def origin(event: Event) -> dict[str, str]:
    """Return where the visitor came from. A push does not tell."""
    is_told = event.kind is not Kind.PUSH
    return {
        "visitor_ua": without_surrogates(event.user_agent) if is_told else "",
        "visitor_ip": without_surrogates(event.ip_address) if is_told else "",
    }


def without_surrogates(text: str) -> str:
    """Return *text* as UTF-8 can carry it: recorders clean it, but rows may be another's."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def headers_of(event: Event) -> dict[str, str]:
    """
    Return the headers of a request for *event* alone.

    What the visitor's browser sent may not fit into a header: it is left out there, and still
    stands in the query.
    """
    told = origin(event)
    visitors = {
        "X-Device-User-Agent": told["visitor_ua"].lstrip(),
        "VWO-X-Forwarded-For": told["visitor_ip"].lstrip(),
    }
    carried = {name: text for name, text in visitors.items() if CARRIED_BY_HTTP.fullmatch(text)}
    return {**USER_AGENT, **carried}


def body_of(content: object) -> bytes:
    """Return *content* as JSON. Raises `ValueError` or `TypeError` for what is none."""
    return json.dumps(content, allow_nan=False).encode()


def seconds(moment: datetime) -> int:
    return (moment - EPOCH) // SECOND


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def chance() -> str:
    """Return what keeps caches on the way from answering."""
    return str(SystemRandom().random())


def revenue_of(event: Event, *, takes_properties: bool) -> Any:
    """
    Return the revenue that counts: the call's, unless the goal is a plain one, or the property's.

    Only accounts that take event properties look at those; they need not be numbers.
    """
    given = None if event.goal_type == GoalType.CUSTOM else event.revenue
    if given is None and takes_properties and event.revenue_prop is not None:
        return event.properties.get(event.revenue_prop)
    return given


@lru_cache(maxsize=1024)
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
