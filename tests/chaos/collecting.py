"""A collector with bad days: it fails, hangs, loses replies, and refuses some events for good."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.collector import Received, Reply

Key = tuple[str, int]
"""Whose event, and of which kind (``eT``): each shopper's visit has one of a kind."""

OK = Reply()
FAULTS: list[tuple[str, float, Reply]] = [
    ("503", 0.06, Reply(status=503)),
    ("503 with Retry-After", 0.02, Reply(status=503, headers={"Retry-After": "1"})),
    ("429 with Retry-After", 0.01, Reply(status=429, headers={"Retry-After": "1"})),
    ("connection lost", 0.02, Reply(is_cut=True)),
    ("hang", 0.03, Reply(before_seconds=2.0, is_cut=True)),
    ("HTML page", 0.01, Reply(headers={"Content-Type": "text/html"}, body=b"<p>", accepts=False)),
    ("reply lost after acceptance", 0.05, Reply(is_cut=True, accepts=True)),
    ("hang after acceptance", 0.02, Reply(before_seconds=2.0, is_cut=True, accepts=True)),
]
"""What may come of a request, and how likely it is."""
POISON = "00"
"""Visitors whose key begins so are refused for good: one in 256."""


def is_poison(visitor: str) -> bool:
    return visitor.startswith(POISON)


class Books:
    """What was accepted, how often, and what went wrong."""

    def __init__(self, seed: int) -> None:
        self.accepted: Counter[Key] = Counter()
        self.faults: Counter[str] = Counter()
        self.has_bad_days = True
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def answer(self, received: Received) -> Reply:
        """Return the answer, and write down what it means."""
        keys = [(entry["u"], entry["eT"]) for entry in received.entries]
        with self._lock:
            reply = self._choose(keys)
            if reply.is_success:
                self.accepted.update(keys)
        return reply

    def _choose(self, keys: list[Key]) -> Reply:
        chance = self._random.random()
        for name, share, reply in FAULTS if self.has_bad_days else ():
            chance -= share
            if chance < 0:
                is_refused = reply.is_success and any(is_poison(visitor) for visitor, _ in keys)
                self.faults[name] += 1
                return Reply(is_cut=True) if is_refused else reply
        if any(is_poison(visitor) for visitor, _ in keys):
            return Reply(status=400)
        return OK

    def replies_lost(self) -> int:
        """Return how many batches were accepted without the worker learning it."""
        return sum(self.faults[name] for name, _, reply in FAULTS if reply.is_cut and reply.accepts)
