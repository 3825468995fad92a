"""`webhook`, which the vendor calls when campaigns were changed."""

from __future__ import annotations

import hmac
import logging
import math
import time

from django.contrib.auth.decorators import login_not_required
from django.db import Error, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from .conf import app_settings
from .dialects import get_dialect
from .failures import describe
from .logs import logger
from .sources import errand, fetching, state

PLAIN = "text/plain; charset=utf-8"
SILENCE_SECONDS = 60.0
"""At most one line a minute for each reason to refuse a call."""


class Refusal(HttpResponse):
    """
    An answer that VWO, or a stranger, has to put up with.

    VWO repeats a call that was not answered with 200, every second or two, for an hour: Django is
    not to log, and to mail, each time.
    """

    _has_been_logged = True

    def __init__(self, content: str, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, content_type=PLAIN, status=status, headers=headers)


class SeldomLog:
    """
    Logs a message unless it did so within *seconds*.

    Two threads at the same moment may both log it: there is no lock, which a fork could inherit.
    """

    def __init__(self, seconds: float = SILENCE_SECONDS) -> None:
        self.seconds = seconds
        self._said_at: dict[str, float] = {}

    def log(self, level: int, message: str, *args: object) -> None:
        """Log *message*, which is the same each time; *args* may differ."""
        now = time.monotonic()
        if now - self._said_at.get(message, -math.inf) >= self.seconds:
            self._said_at[message] = now
            logger.log(level, message, *args)


seldom = SeldomLog()


@csrf_exempt
@login_not_required
@transaction.non_atomic_requests
def webhook(request: HttpRequest) -> HttpResponse:
    """
    Return 200 once it is noted that the settings document is to be fetched; else, why not.

    Who knows the secret may ask, as the header shows. What the body says is of no interest: it is
    read only where the header signs it. The fetch takes place off the request.
    """
    configured = app_settings()
    secret, dialect = configured.webhook_secret.strip(), get_dialect(configured.dialect)
    if not secret:
        seldom.log(logging.WARNING, "A webhook was called, but VWO['WEBHOOK_SECRET'] is empty")
        return Refusal("There is no webhook here.\n", 404)
    if request.method != "POST":
        seldom.log(logging.WARNING, "A webhook was called by another method than POST")
        return Refusal("Only POST is served.\n", 405, headers={"Allow": "POST"})
    body = body_of(request, dialect.WEBHOOK_BODY_BYTES)
    if body is None:
        seldom.log(logging.WARNING, "A webhook was called with a body that is too long")
        return Refusal("The body is too long.\n", 413)
    header = dialect.WEBHOOK_HEADER
    proof = dialect.webhook_proof(secret.encode("utf-8", "backslashreplace"), body)
    if not is_same(request.headers.get(header, ""), proof):
        seldom.log(logging.WARNING, f"A webhook was called without the right secret in {header}")
        return Refusal("The secret is not the right one.\n", 403)
    if not fetching.may_fetch():
        seldom.log(logging.WARNING, "A webhook was called, but ACCOUNT_ID or SDK_KEY is missing")
        return Refusal("Nothing can be fetched here.\n", 503)
    return noted()


def noted() -> HttpResponse:
    """Return the answer to a call by VWO, after writing down that it came."""
    try:
        fetching.ask(is_webhook=True)
        transaction.on_commit(errand.start, using=state.alias())
    except Error as error:
        seldom.log(logging.ERROR, "A webhook's call could not be noted: %s", describe(error))
        return Refusal("Try again later.\n", 503)
    return HttpResponse("The settings document will be fetched.\n", content_type=PLAIN)


def body_of(request: HttpRequest, limit: int) -> bytes | None:
    """Return the body, which is not read where *limit* is 0 bytes; None if it is longer."""
    if not limit:
        return b""
    try:
        body = request.read(limit + 1)
    except OSError:  # whoever calls has gone
        return b""
    return None if len(body) > limit else body


def is_same(given: str, expected: str) -> bool:
    """
    Return whether the header *given* says what is *expected*, in a time that tells nothing of it.

    Servers hand out the bytes of a header as the characters with those numbers.
    """
    return hmac.compare_digest(
        given.encode("latin-1", "backslashreplace"), expected.encode("latin-1", "backslashreplace")
    )
