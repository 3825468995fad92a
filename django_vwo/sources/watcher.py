"""A thread that looks for a new settings document now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .. import forks
from ..failures import describe
from ..logs import logger


class Watcher:
    """Calls *look* every *seconds*, until it is stopped or the process ends."""

    def __init__(
        self, look: Callable[[], None], seconds: float, *, name: str = "django_vwo-watcher"
    ) -> None:
        self.look = look
        self.seconds = seconds
        self._stopped = threading.Event()
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, if the process can have threads; say so in the log if it cannot."""
        try:
            self._thread.start()
        except RuntimeError as error:
            logger.warning("New settings documents are noticed at the next restart: %s.", error)

    def stop(self) -> None:
        """End after the look that is going on, if any."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self.seconds):
            try:
                with forks.held_off():
                    self.look()
                self._failure = ""
            except Exception as error:  # a database may be away for hours and come back
                self._report(describe(error))

    def _report(self, failure: str) -> None:
        """Log *failure* unless it is the same as at the last look."""
        if failure != self._failure:
            logger.warning("Cannot look for a new settings document: %s", failure.strip())
        self._failure = failure
