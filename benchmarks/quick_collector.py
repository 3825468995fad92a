"""
A collector that is no bottleneck: one process, no threads, a fixed time to each answer.

Run as a program it prints its port. It counts the events of the batches that it takes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANSWER_SECONDS = 0.02
CONNECTIONS = 64


class Tally:
    """How many events were taken."""

    events = 0


class Connection(asyncio.Protocol):
    """Answers the requests of one connection."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (size := size_of_first(self.buffer)) is not None:
            request = bytes(self.buffer[:size])
            del self.buffer[:size]
            self.take(request)

    def take(self, request: bytes) -> None:
        if request.startswith(b"GET"):
            self.transport.write(answer({"events": self.tally.events}))
            return
        self.tally.events += request.count(b'"sId"')
        loop = asyncio.get_running_loop()
        loop.call_later(ANSWER_SECONDS, self.transport.write, answer({"status": "success"}))


def size_of_first(buffer: bytearray) -> int | None:
    """Return how long the first request is; None if it is not whole yet."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    size = end + 4
    for line in bytes(buffer[:end]).lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            size += int(line.partition(b":")[2])
    return size if len(buffer) >= size else None


def answer(content: object) -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def serve() -> None:
    """Serve until the process is ended."""
    tally = Tally()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(tally), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- For the benchmark -----------------------------------------------------------------------


@contextmanager
def running() -> Iterator[int]:
    """Run a collector in a process of its own; yields its port."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def taken(port: int) -> int:
    """Return how many events the collector at *port* took so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count") as response:
        return int(json.load(response)["events"])


def ceiling(port: int, body: bytes, seconds: float) -> float:
    """Return how many events a second the collector takes from many senders of *body*."""
    before = taken(port)
    took = asyncio.run(flood(port, body, seconds))
    return (taken(port) - before) / took


async def flood(port: int, body: bytes, seconds: float) -> float:
    """Post *body* over many connections for *seconds*. Returns how long that took."""
    started = time.perf_counter()
    request = f"POST / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    end = started + seconds
    await asyncio.gather(*(post_until(end, port, request) for _ in range(CONNECTIONS)))
    return time.perf_counter() - started


async def post_until(end: float, port: int, request: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = len(answer({"status": "success"}))
    while time.perf_counter() < end:
        writer.write(request)
        await reader.readexactly(size)
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve())
