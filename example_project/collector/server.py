"""The collector itself: an HTTP server in a thread, that can go away and come back."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .common import Asked, RefusedError, Reply, Vendor, ensure
from .optimizely import Optimizely
from .vwo import VWO

VENDORS: tuple[type[Vendor], ...] = (VWO, Optimizely)
LARGEST_BODY = 4 * 1024 * 1024
LONGEST_HOLD_SECONDS = 30
WITHOUT_BODY = (204, 304)


class CollectorError(Exception):
    """The collector cannot be started."""


class Server(ThreadingHTTPServer):
    """Answers on behalf of a `Collector`."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], collector: Collector) -> None:
        self.collector = collector
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away, a killed worker for one."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request: checked, counted, answered in JSON."""

    server: Server
    timeout = 10

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        reply = self.server.collector.take(self.asked())
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in WITHOUT_BODY:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def asked(self) -> Asked:
        """Return the request."""
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Asked(
            method=self.command,
            path=parts.path,
            query=query,
            headers=self.headers,
            body=self.body,
        )

    def body(self) -> bytes:
        """Return the body of a POST. Raises `RefusedError`."""
        ensure(self.headers.get_content_type() == "application/json", "the body is no JSON")
        length = self.headers.get("Content-Length", "")
        ensure(length.isdecimal(), "the length of the body is not given", 411)
        ensure(int(length) <= LARGEST_BODY, "the body is too large", 413)
        return self.rfile.read(int(length))

    def log_message(self, *args: Any) -> None:
        """Keep quiet: a query holds the SDK key."""


class Collector:
    """
    Stands in for a vendor's servers: hands out a settings document, takes events and counts them.

    Whose they are, the document says. It listens on *port* of *host* (0: any that is free), and
    keeps its port and its counts while it is stopped. *answer_seconds* is what a reply takes.
    """

    def __init__(
        self, document: Path, *, host: str = "127.0.0.1", port: int = 0, answer_seconds: float = 0
    ) -> None:
        self.vendor = vendor_of(document.read_bytes())
        self.tally = self.vendor.tally
        self.address = (host, port)
        self.answer_seconds = answer_seconds
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._held_from = 0
        self._held: SimpleQueue[int] = SimpleQueue()
        self._server: Server | None = None
        self._reserved: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def start(self) -> None:
        """Listen. Raises `CollectorError` if the port cannot be had."""
        self._release()
        try:
            self._server = Server(self.address, self)
        except (OSError, OverflowError) as error:
            host, port = self.address
            raise CollectorError(
                f"The collector cannot listen on port {port} of {host}: {error}"
            ) from error
        self.address = (self.address[0], self._server.server_port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Finish what is being answered, then refuse every connection; nobody gets the port."""
        if self._server:
            self._may_answer.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self._reserve()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._release()

    def _reserve(self) -> None:
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(self.address)

    def _release(self) -> None:
        if self._reserved:
            self._reserved.close()
            self._reserved = None

    @contextmanager
    def holding_back_answers(self, at_least: int) -> Iterator[SimpleQueue[int]]:
        """
        Take batches of *at_least* so many events, but answer them only after the block.

        The queue gets the size of each.
        """
        self._held, self._held_from = SimpleQueue(), at_least
        self._may_answer.clear()
        try:
            yield self._held
        finally:
            self._may_answer.set()

    def _hold(self, size: int) -> None:
        if not self._may_answer.is_set() and size >= self._held_from:
            self._held.put(size)
            self._may_answer.wait(LONGEST_HOLD_SECONDS)

    def take(self, asked: Asked) -> Reply:
        """Return the answer to a request, once it may be given."""
        try:
            reply = self.vendor.answer(asked)
            self._hold(reply.events)
            return reply
        except RefusedError as refused:
            self.tally.refuse(refused)
            return Reply(json.dumps({"error": refused.reason}).encode(), refused.status)
        finally:
            time.sleep(self.answer_seconds)


def vendor_of(text: bytes) -> Vendor:
    """Return the servers of the vendor whose settings document *text* is."""
    document = json.loads(text)
    return next(vendor(text) for vendor in VENDORS if vendor.recognises(document))
