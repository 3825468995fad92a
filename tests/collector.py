"""
A collector for tests: a real HTTP server on loopback that answers by script and keeps what it got.

    with Collector() as collector:
        collector.script(Reply(status=503, headers={"Retry-After": "7"}), HANG)
        ...
        collector.accepted         # every request that was answered with success
    collector.entries          # every event of a batch among them

Replies are used up in order; then `collector.rule` decides, which takes everything by default.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How one request is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    body: bytes = b'{"status":"success"}'
    before_seconds: float = 0.0
    """How long the answer is waited for."""
    drip_seconds: float | None = None
    """Time between two bytes of the answer, its headers included; None: all at once."""
    is_cut: bool = False
    """Whether the connection ends in place of an answer."""
    accepts: bool | None = None
    """Whether the events count as accepted; None: if the status says so."""

    @property
    def is_success(self) -> bool:
        is_said = 200 <= self.status < 300 and not self.is_cut
        return is_said if self.accepts is None else self.accepts


HANG = Reply(before_seconds=60.0, is_cut=True)
LOST_REPLY = Reply(is_cut=True, accepts=True)
HTML = Reply(headers={"Content-Type": "text/html"}, body=b"<html>sign in</html>", accepts=False)


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The events of a batch; none of other requests."""
        content = json.loads(self.body) if self.body else {}
        return list(content.get("ev", []))


def accept_all(received: Received) -> Reply:
    return Reply()


class Collector:
    """The server. A context manager: it listens inside, on a free port unless one is given."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.received: list[Received] = []
        self.accepted: list[Received] = []
        self.entries: list[dict[str, Any]] = []
        self.rule: Callable[[Received], Reply] = accept_all
        self.connections = 0
        self.got_one = threading.Event()
        self._script: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, *replies: Reply) -> None:
        """Answer the next requests with *replies*."""
        self._script.extend(replies)

    def __enter__(self) -> Self:
        self._ended.clear()
        self._server = Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_port
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()  # waits for the threads that answer
        self._server = None

    def take(self, received: Received) -> Reply:
        """Return the answer to *received*, which is kept."""
        with self._lock:
            self.received.append(received)
            reply = self._script.popleft() if self._script else self.rule(received)
            if reply.is_success:
                self.accepted.append(received)
                self.entries.extend(received.entries)
        self.got_one.set()
        return reply

    def sleep(self, seconds: float) -> bool:
        """Return after *seconds*; true if the collector ended before."""
        return seconds > 0 and self._ended.wait(seconds)


class Server(ThreadingHTTPServer):
    """Listens for a `Collector`."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], collector: Collector) -> None:
        self.collector = collector
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 1

    def setup(self) -> None:
        super().setup()
        self.server.collector.connections += 1

    def do_GET(self) -> None:
        self.answer(self.server.collector.take(self.read()))

    do_POST = do_GET  # noqa: N815

    def read(self) -> Received:
        parts = urlsplit(self.path)
        return Received(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )

    def answer(self, reply: Reply) -> None:
        has_ended = self.server.collector.sleep(reply.before_seconds)
        if has_ended or reply.is_cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        head = {"Content-Length": str(len(reply.body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{k}: {v}" for k, v in head.items())]
        self.write("\r\n".join([*lines, "", ""]).encode() + reply.body, reply.drip_seconds)

    def write(self, answer: bytes, drip_seconds: float | None) -> None:
        if drip_seconds is None:
            self.wfile.write(answer)
            return
        for byte in answer:
            self.wfile.write(bytes([byte]))
            if self.server.collector.sleep(drip_seconds):
                break
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""
