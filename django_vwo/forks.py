"""
Keeps a process from forking while a thread of this app is inside a database's or broker's library.

Such libraries guard themselves with locks of their own (SQLite its memory, say). A child that is
forked while a thread of its parent holds one inherits it locked, without the thread that would
unlock it, and hangs at its first query. Nor may it inherit a connection: SQLite takes the parent's
for its own, and reads from files that the parent has deleted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 2.0
"""How long a fork waits at most: a broker or vendor that is silent must not hold it up."""


class Gate:
    """Lets threads work, and forks happen between their works."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working: set[int] = set()
        self._is_closing = False

    @contextmanager
    def work(self) -> Iterator[None]:
        """Do what is inside while no fork happens; one that waits or is going on comes first."""
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closing)
            self._working.add(me)
        try:
            yield
        finally:
            with self._changed:
                self._working.discard(me)
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until nobody but the caller works, at most `PATIENCE_SECONDS`; let nobody begin."""
        me = threading.get_ident()
        self._changed.acquire()
        self._is_closing = True
        self._changed.wait_for(lambda: not self._working - {me}, PATIENCE_SECONDS)

    def open(self) -> None:
        """Let threads work again."""
        self._is_closing = False
        self._changed.notify_all()
        self._changed.release()


_gate = Gate()


@contextmanager
def held_off() -> Iterator[None]:
    """Do what is inside while this process does not fork. Not for what sleeps or lasts long."""
    with _gate.work():
        yield


def start_anew() -> None:
    """Give a forked child a gate of its own: the threads of its parent stayed behind."""
    global _gate
    _gate = Gate()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(
        before=lambda: _gate.close(),
        after_in_parent=lambda: _gate.open(),
        after_in_child=start_anew,
    )
