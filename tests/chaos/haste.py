"""
Shorter times for a process of a run, and the points at which it may kill itself.

The code is that of the product; a minute has to hold what takes a day elsewhere.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django_vwo.outbox import claim, drain, mailbox, outcome
from django_vwo.outbox.delivery import Delivery

KILLS = Path(os.environ["CHAOS_KILLS"])
CHANCE = float(os.environ.get("CHAOS_CHANCE", "0"))
FIRST_SECONDS, LONGEST_SECONDS = 0.2, 1.0
LOST = 0.5


def hurry() -> None:
    """Let what was refused, or an account that is left alone, wait for moments only."""
    outcome.FIRST_BACKOFF_SECONDS = FIRST_SECONDS
    outcome.LONGEST_BACKOFF_SECONDS = LONGEST_SECONDS
    outcome.LONGEST_REFUSED_BACKOFF_SECONDS = LONGEST_SECONDS
    outcome.FIRST_REFUSAL_SECONDS = FIRST_SECONDS
    mailbox._mailbox.quiet_seconds = LONGEST_SECONDS


def maybe_die(point: str) -> None:
    """End this process, by chance, as the kernel does that is out of memory."""
    if random.random() < CHANCE:
        file = os.open(KILLS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{point}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


def around(function: Callable[..., Any], before: str = "", after: str = "") -> Callable[..., Any]:
    """Return *function* with a point before and one after it at which the process may end."""

    def surrounded(*args: Any, **kwargs: Any) -> Any:
        if before:
            maybe_die(before)
        answer = function(*args, **kwargs)
        if after and answer:
            maybe_die(after)
        return answer

    return surrounded


def plant_points() -> None:
    """Let workers die holding a batch, around the POST, and around the mark."""
    drain.claim = around(claim.claim, after="after the claim")
    claim.mark_sent = around(claim.mark_sent, "after the answer, before the mark", "after the mark")
    exchange: Any = Delivery.exchange
    Delivery.exchange = around(exchange, before="before the POST")  # type: ignore[method-assign]


def plant_loss() -> None:
    """Plant the fault that the suite is there to find: some batches count as sent, and are not."""
    exchange: Any = Delivery.exchange

    def exchange_or_not(delivery: Delivery, request: Any) -> Any:
        if random.random() < LOST:
            return outcome.Outcome(meaning=outcome.Meaning.SENT, status=200)
        return exchange(delivery, request)

    Delivery.exchange = exchange_or_not  # type: ignore[method-assign]


hurry()
plant_points()
if "CHAOS_LOSS" in os.environ:
    plant_loss()
