"""How a document is loaded beside live traffic: in small pieces, with pauses for the requests."""

from __future__ import annotations

import time

WORK_SECONDS = 0.0005
"""Work between two pauses; whoever waits for the interpreter takes it up to 5 ms later else."""
REST = 2.0
"""A pause in terms of the work before it: most requests are to meet one."""
MOST_SECONDS = 0.005


class Leisure:
    """A `Pace` for what nobody waits for."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def __call__(self) -> None:
        worked = time.perf_counter() - self._since
        if worked >= WORK_SECONDS:
            time.sleep(min(worked * REST, MOST_SECONDS))
            self._since = time.perf_counter()
