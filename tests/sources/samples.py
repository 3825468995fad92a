"""Settings documents, and a server that hands out whatever it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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
        self.status = 200
        self.headers = {"Content-Type": "application/json"}
        self.body: bytes = text().encode()
        self.pause_seconds = 0.0
        self.paths: list[str] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the answer that the test asked for."""
        self.paths.append(handler.path)
        threading.Event().wait(self.pause_seconds)
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)


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
