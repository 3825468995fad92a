"""Settings documents, and a server that hands out whatever it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django_vwo.models import SettingsFetch
from tests import documents
from tests.documents import ab_test

SDK_KEY = "secret-sdk-key"


def document(*campaigns: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a settings document of the tests' account, by default of one A/B test."""
    return documents.document(*(campaigns or (ab_test(),)), **changes)


def text(*campaigns: dict[str, Any], **changes: Any) -> str:
    """Return `document` as JSON."""
    return json.dumps(document(*campaigns, **changes))


class Vendor:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.conditions: list[dict[str, str]] = []
        """Of each request, by the name of the header that they compare with."""
        self.behave()

    def behave(self) -> None:
        """Answer as at first."""
        self.status = 200
        self.headers = {"Content-Type": "application/json"}
        self.body: bytes = text().encode()
        self.pieces: Iterable[bytes] | None = None
        """In place of the body: as many as the client takes, of no declared length."""
        self.pause_seconds = 0.0
        self.validators: dict[str, str] = {}
        """Headers: with them goes the document, and what asks for another one gets a 304."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the answer that the test asked for."""
        self.paths.append(handler.path)
        self.conditions.append(conditions_of(handler))
        threading.Event().wait(self.pause_seconds)
        # The next answer may be asked for while this one is sent: what is sent is fixed now.
        status, body, pieces = self.status, self.body, self.pieces
        if self.validators and self.conditions[-1] == self.validators:
            status = 304
        handler.send_response(status)
        for name, value in {**self.headers, **self.validators}.items():
            handler.send_header(name, value)
        if pieces is not None:
            handler.close_connection = True
        else:
            handler.send_header("Content-Length", str(len(body)))
            # What follows a 304 would be taken for the next answer, if it is there by then.
            pieces = [] if status == 304 else [body]
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(piece)


def conditions_of(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    """Return what the client knows, under the names of the headers that told it."""
    names = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
    given = {told: handler.headers.get(asked) for asked, told in names.items()}
    return {name: value for name, value in given.items() if value is not None}


def let_pass(seconds: float) -> None:
    """Have everything that is known of fetches be so much longer ago."""
    for row in SettingsFetch.objects.all():
        for name in ("asked_at", "started_at", "succeeded_at", "failed_at", "due_at", "brought_at"):
            if (moment := getattr(row, name)) is not None:
                setattr(row, name, moment - timedelta(seconds=seconds))
        row.save()


@contextmanager
def vendor() -> Iterator[Vendor]:
    """Yield a vendor that listens on the loopback interface."""
    answers = Vendor()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                answers.answer(self)
            except OSError:  # the client had enough
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answers.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
