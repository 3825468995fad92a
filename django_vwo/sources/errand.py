"""One thread a process that fetches the settings document when somebody asked, off the request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.db import connections

from .. import forks
from ..failures import describe
from ..logs import logger
from . import fetching, schedule, state

PATIENCE_SECONDS = 120.0
"""How long a fetch is tried, or waited for if another process began it; then the sweep's it is."""


class Errand:
    """
    Does *work* in a thread of its own whenever it is asked to; never twice at a time.

    The thread ends with the work, unless it was asked for once more in the meantime.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self._changing = threading.Lock()
        self._is_wanted = False
        self._is_running = False

    def start(self) -> None:
        """Have the work done soon. Takes microseconds."""
        with self._changing:
            self._is_wanted = True
            if not self._is_running:
                self._is_running = self._has_started()

    def _has_started(self) -> bool:
        # A process that is ending, or may have no threads, starts none: the sweep fetches.
        with suppress(RuntimeError):
            threading.Thread(target=self._run, name="django_vwo.errand", daemon=True).start()
            return True
        return False

    def _run(self) -> None:
        while self._goes_on():
            try:
                self.work()
            except Exception as error:  # of the database, say: the sweep fetches
                logger.warning("A settings document waits to be fetched: %s", describe(error))

    def _goes_on(self) -> bool:
        with self._changing:
            self._is_running, self._is_wanted = self._is_wanted, False
            return self._is_running


def fetch_what_was_asked_for() -> None:
    """Fetch, or see another process do it, until a fetch that began after the last ask succeeds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with at_work():
            if not is_waited_for():
                return
            seconds = min(fetching.seconds_until_due(), schedule.MIN_SECONDS)
        time.sleep(seconds)
        with at_work():
            fetching.fetch_if_due()


@contextmanager
def at_work() -> Iterator[None]:
    """Use the database inside; no child is forked meanwhile, and none inherits the connection."""
    with forks.held_off():
        try:
            yield
        finally:
            connections.close_all()  # this thread's


def is_waited_for() -> bool:
    """Return whether somebody asked for a fetch that has not succeeded, and that can begin."""
    found = state.look(fetching.account()) if fetching.may_fetch() else None
    return found is not None and schedule.is_unmet(found[0])


_errand = Errand(fetch_what_was_asked_for)


def start() -> None:
    """Have what was asked for fetched by a thread of this process."""
    _errand.start()


def start_anew() -> None:
    """Give a forked child an errand of its own: its parent's thread stayed behind."""
    global _errand
    _errand = Errand(fetch_what_was_asked_for)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=start_anew)
