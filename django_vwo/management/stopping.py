"""Commands that finish what they are at before they stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Whether to stop. A plain flag: a signal may come while a lock is held."""

    def __init__(self) -> None:
        self.is_asked_for = False

    def ask(self, *args: object) -> None:
        """Have the command stop soon."""
        self.is_asked_for = True

    def __call__(self) -> bool:
        return self.is_asked_for

    def wait(self, seconds: float) -> None:
        """Return after *seconds*, or soon after a stop is asked for."""
        end = time.monotonic() + seconds
        while not self.is_asked_for and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


class ImpatientStop(Stop):
    """Whether to stop: who asks a second time does not want to wait."""

    def ask(self, *args: object) -> None:
        if self.is_asked_for:
            raise KeyboardInterrupt
        super().ask()


@contextmanager
def stop_on_signals(kind: type[Stop] = Stop) -> Iterator[Stop]:
    """Yield what SIGTERM and SIGINT ask to stop, so that what is under way is finished first."""
    stop, numbers = kind(), (signal.SIGTERM, signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(number, stop.ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
