"""The settings document as the vendor has it now."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ..dialects.base import Dialect, Request, Sender
from ..dialects.limits import MAX_DOCUMENT_BYTES, refuse_size
from ..engine.errors import VWOError
from ..transport import DEFAULT_TIMEOUTS, Answer, Timeouts, send
from .base import Fetched, Source, Validators

WHAT_IT_MEANS = {
    400: "the vendor does not know this account and SDK key",
    401: "the SDK key is not accepted",
    403: "the SDK key is not accepted, or a proxy is in the way",
    404: "there is no such address: is COLLECTOR_URL right?",
    407: "a proxy wants to know who asks",
}
NOT_MODIFIED = 304
ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,190}"', re.ASCII)
HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)


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
        request = self.request()
        return document_of(self.answer(request), request.url)

    def fetch_if_changed(self, known: Validators) -> Fetched | None:
        """
        Return the document; None if the vendor says that it still is the one with *known*.

        Raises `VWOError` with the reason if there is none.
        """
        request = self.request()
        conditions = conditions_of(known)
        asked = replace(request, headers={**request.headers, **conditions})
        answer = self.answer(asked)
        if conditions and answer.status == NOT_MODIFIED:
            return None
        return document_of(answer, request.url)

    def request(self) -> Request:
        """Return the request, without conditions. Raises `VWOError` if there is no key."""
        if not self.sender.sdk_key:
            raise VWOError("VWO['SDK_KEY'] is empty; expected the key of the environment to fetch.")
        return self.dialect.settings_request(self.sender, is_webhook=self.is_webhook)

    def answer(self, request: Request) -> Answer:
        """Return what the vendor answers. Raises `TransportError` if it does not."""
        return send(request, timeouts=self.timeouts, body_bytes=MAX_DOCUMENT_BYTES)


def document_of(answer: Answer, url: str) -> Fetched:
    """Return the document that *url* answered with. Raises `VWOError` if it is none."""
    if refusal := refused(answer):
        raise VWOError(f"{url}: {refusal}.")
    if not answer.is_whole:
        raise refuse_size(url, declared_bytes(answer))
    return Fetched(text=answer.body, origin=url, validators=validators_of(answer))


def conditions_of(known: Validators) -> dict[str, str]:
    """Return the headers that ask for a document only if it is another one."""
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in conditions.items() if value}


def validators_of(answer: Answer) -> Validators:
    """
    Return what *answer* names its document by, as far as it can be sent back.

    A tag that is long, or no tag at all, is none: some would make every next request fail.
    """
    etag = answer.headers.get("etag", "").strip()
    modified = answer.headers.get("last-modified", "").strip()
    return Validators(
        etag=etag if ETAG.fullmatch(etag) else "",
        last_modified=modified if is_date(modified) else "",
    )


def is_date(text: str) -> bool:
    """Return whether *text* is a date as HTTP has them."""
    try:
        return bool(HTTP_DATE.fullmatch(text) and parsedate_to_datetime(text))
    except ValueError:
        return False


def refused(answer: Answer) -> str:
    """Return why *answer* holds no settings document; "" if it may hold one."""
    if answer.status == NOT_MODIFIED:
        return "HTTP 304 to a request without conditions; expected 200"
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
