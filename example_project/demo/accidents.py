"""What goes wrong during the demo: the collector goes away for a while, the worker is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty
from threading import Lock, Thread

from collector import Collector

from .processes import DemoError
from .site import Site

DOWN_SECONDS = 4
READY = r"ready\."
CATCH_SECONDS = 30
"""The breaker may keep the workers away from the collector for some of it."""


class Accidents(Thread):
    """Both of them, one after the other. *say* is told of each."""

    def __init__(self, site: Site, collector: Collector, say: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.site, self.collector, self.say = site, collector, say
        self.lock, self.is_closed = Lock(), False
        self.worker = site.worker(1)
        self.error: Exception | None = None
        self.remark = ""

    def run(self) -> None:
        try:
            self.collector_goes_away()
            self.worker_is_killed()
        except Exception as error:  # handed to the thread that asks, by `check`
            self.error = error

    def check(self) -> None:
        """Raise what went wrong that was not meant to."""
        if self.error:
            raise self.error
        if not self.is_alive() and not self.worker.is_running:
            raise self.worker.error("is gone")

    def collector_goes_away(self) -> None:
        self.collector.stop()
        self.remark = "collector down"
        self.say(f"The collector goes away for {DOWN_SECONDS} s: its port is closed.")
        time.sleep(DOWN_SECONDS)

    def worker_is_killed(self) -> None:
        """Kill the worker between the collector's receipt of a batch and its answer."""
        with self.collector.holding_back_answers(at_least=2) as held:
            self.collector.start()
            self.remark = ""
            self.say("The collector is back, with the counts that it had.")
            try:
                size = held.get(timeout=CATCH_SECONDS)
            except Empty:
                if not self.worker.is_running:
                    raise self.worker.error("is gone") from None
                raise DemoError(f"No worker sent a batch within {CATCH_SECONDS} s.") from None
            self.worker.kill()
        self.say(f"The worker is killed (SIGKILL) before it learns that {size} events arrived.")
        self.start_worker()
        self.worker.wait_for(READY)
        self.say("A new worker is there. It sends the batch again when the lease has ended.")

    def start_worker(self) -> None:
        with self.lock:
            if not self.is_closed:
                self.worker = self.site.worker(2)

    def close(self) -> None:
        """Stop the worker, whichever it is, for good."""
        with self.lock:
            self.is_closed = True
            self.worker.stop()
