"""
A server on loopback that keeps each request as its bytes came, and answers all of them with 200.

    with Capture() as capture:
        ...
        capture.take()
"""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """A request, to the byte."""

    line: bytes
    """Method, path with query, and version; without the end of the line."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Name and value of each, as they were written, without the blank after the colon."""
    body: bytes = b""


class Capture(socketserver.ThreadingTCPServer):
    """The server. A context manager: it listens inside, on a port that was free."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self._captured: list[Captured] = []
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def keep(self, captured: Captured) -> None:
        with self._lock:
            self._captured.append(captured)

    def take(self) -> list[Captured]:
        """Return what came since the last call, oldest first."""
        with self._lock:
            taken, self._captured = self._captured, []
        return taken


class Connection(socketserver.StreamRequestHandler):
    """One connection, kept open as long as the client likes."""

    server: Capture
    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            while captured := self.read():
                self.server.keep(captured)
                self.wfile.write(OK)
        except ConnectionError:
            """The client has gone away."""

    def read(self) -> Captured | None:
        """Return the next request, None after the last."""
        line = self.rfile.readline()
        if not line:
            return None
        headers = []
        while (header := self.rfile.readline().removesuffix(b"\r\n")) != b"":
            name, _, value = header.partition(b":")
            headers.append((name, value.removeprefix(b" ")))
        lengths = [int(value) for name, value in headers if name.lower() == b"content-length"]
        body = self.rfile.read(sum(lengths))
        return Captured(line=line.removesuffix(b"\r\n"), headers=tuple(headers), body=body)
