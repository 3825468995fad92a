"""Many commits in, at most one nudge to the workers a second out; never on the caller's thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from django.db import connections

from .. import forks
from ..conf import app_settings
from ..logs import logger
from .log_fields import What, log_fields

QUIET_SECONDS = 30.0
"""How long nothing is published after the broker failed."""


class Mailbox:
    """
    A thread that calls *publish* for any number of pokes, at most once in *window_seconds*.

    What was committed before `poke` is visible to what *publish* starts: it is called after the
    window, not before. If it raises, it is called again after *quiet_seconds*.
    """

    def __init__(
        self,
        publish: Callable[[], None],
        *,
        window_seconds: Callable[[], float],
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self.publish = publish
        self.window_seconds = window_seconds
        self.quiet_seconds = quiet_seconds
        self._poked = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def poke(self) -> None:
        """Have the workers nudged soon. Takes microseconds, whatever the broker does."""
        self._poked.set()
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _start(self) -> None:
        # A process that is ending, or may have no threads, starts none: the sweep delivers.
        with self._starting, suppress(RuntimeError):
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="django_vwo.mailbox", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while self._poked.wait() and not self._stopped.wait(self.window_seconds()):
            self._poked.clear()
            if not self._published():
                self._poked.set()
                self._stopped.wait(self.quiet_seconds)

    def _published(self) -> bool:
        try:
            self.publish()
        except Exception as error:
            message = "Workers cannot be nudged (%s); events wait for the next sweep or nudge"
            fields = log_fields(What.NUDGE_FAILED, wait_seconds=self.quiet_seconds)
            logger.warning(message, type(error).__name__, extra=fields)
            return False
        return True

    def stop(self) -> None:
        """End the thread; what it was poked for is forgotten."""
        self._stopped.set()
        self._poked.set()
        if self._thread is not None:
            self._thread.join()


def nudge() -> None:
    """Ask the workers, through the broker, to deliver what is due. Raises if that fails."""
    from ..tasks import deliver, publish

    with forks.held_off():
        try:
            publish(deliver)
        finally:
            connections.close_all()  # this thread's: where tasks are eager, the task ran right here


def new_mailbox() -> Mailbox:
    return Mailbox(nudge, window_seconds=lambda: app_settings().nudge_seconds)


_mailbox = new_mailbox()


def poke() -> None:
    """Have the workers nudged soon, where there are any."""
    if app_settings().delivery == "celery":
        _mailbox.poke()


def start_anew() -> None:
    """Give a forked child a mailbox of its own: its parent's thread stayed behind."""
    global _mailbox
    _mailbox = new_mailbox()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=start_anew)
