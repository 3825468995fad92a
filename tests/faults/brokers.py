"""A broker that never says a word, and who connects to one."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_SECONDS = 60.0


@contextmanager
def silence() -> Iterator[int]:
    """Yield a port where connections are taken and nothing is ever read, for a minute at most."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        timer = threading.Timer(SILENCE_SECONDS, deaf.close)
        timer.start()
        yield int(deaf.getsockname()[1])
        timer.cancel()


# --- Who connects --------------------------------------------------------------------------------

_connected: list[tuple[int, str]] = []


def note_connection(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _connected.append((arguments[1][1], threading.current_thread().name))


sys.addaudithook(note_connection)


def has_connected(thread: str, port: int) -> bool:
    """Return whether a thread of this process ever began to connect to *port*."""
    return (port, thread) in _connected


@contextmanager
def connecting_to_nobody() -> Iterator[None]:
    """Fail if this thread begins to connect to whatever port inside."""
    me, before = threading.current_thread().name, len(_connected)
    yield
    assert [port for port, thread in _connected[before:] if thread == me] == []
