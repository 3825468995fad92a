"""The settings document as the vendor has it now."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from ..dialects.base import Dialect, Sender
from ..dialects.limits import MAX_DOCUMENT_BYTES, refuse_size
from ..engine.errors import VWOError
from ..transport import DEFAULT_TIMEOUTS, Answer, Timeouts, send
from .base import Fetched, Source

WHAT_IT_MEANS = {
    400: "the vendor does not know this account and SDK key",
    401: "the SDK key is not accepted",
    403: "the SDK key is not accepted, or a proxy is in the way",
    404: "there is no such address: is COLLECTOR_URL right?",
    407: "a proxy wants to know who asks",
}


class HttpSource(Source):
    """Asks the vendor, or whoever stands at ``VWO["COLLECTOR_URL"]``."""

    def __init__(
        self,
        sender: Sender,
        dialect: Dialect,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        is_webhook: bool = False,
    ) -> None:
        self.sender = sender
        self.dialect = dialect
        self.timeouts = timeouts
        self.is_webhook = is_webhook

    def fetch(self) -> Fetched:
        if not self.sender.sdk_key:
            raise VWOError("VWO['SDK_KEY'] is empty; expected the key of the environment to fetch.")
        request = self.dialect.settings_request(self.sender, is_webhook=self.is_webhook)
        answer = send(request, timeouts=self.timeouts, body_bytes=MAX_DOCUMENT_BYTES)
        if refusal := refused(answer):
            raise VWOError(f"{request.url}: {refusal}.")
        if not answer.is_whole:
            raise refuse_size(request.url, declared_bytes(answer))
        return Fetched(text=answer.body, origin=request.url)


def refused(answer: Answer) -> str:
    """Return why *answer* holds no settings document; "" if it may hold one."""
    if 300 <= answer.status < 400:
        place = host_of(answer.headers.get("location", "")) or "another address"
        return f"HTTP {answer.status}, a redirect to {place}; expected 200"
    if answer.status != 200:
        meaning = WHAT_IT_MEANS.get(answer.status)
        return f"HTTP {answer.status}; expected 200" + (f" ({meaning})" if meaning else "")
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        return "HTTP 200 with an HTML page; expected a settings document in JSON"
    return ""


def host_of(address: str) -> str:
    """Return the host that *address* names, if it does."""
    with suppress(ValueError):
        return urlsplit(address).hostname or ""
    return ""


def declared_bytes(answer: Answer) -> int:
    """Return how long a body that was cut is at least, in bytes."""
    declared = answer.headers.get("content-length", "")
    is_number = declared.isascii() and declared.isdigit() and len(declared) < 18
    return max(int(declared) if is_number else 0, MAX_DOCUMENT_BYTES + 1)
