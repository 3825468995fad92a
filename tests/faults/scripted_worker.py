"""
A management command in a process that sends itself a signal at a named point of the road.

    python -m tests.faults.scripted_worker POINT SIGNAL vwo_deliver --once

The signal comes at the second batch, so that one was delivered before.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

BATCHES_BEFORE = 1


def amid(owner: Any, name: str, *, is_after: bool, number: signal.Signals) -> None:
    """Have *owner*'s function *name* end in a signal to its process, or begin with one."""
    function: Callable[..., Any] = getattr(owner, name)
    calls: list[None] = []

    def scripted(*args: Any, **options: Any) -> Any:
        calls.append(None)
        is_now = len(calls) == BATCHES_BEFORE + 1
        if is_now and not is_after:
            os.kill(os.getpid(), number)
        returned = function(*args, **options)
        if is_now and is_after:
            os.kill(os.getpid(), number)
        return returned

    setattr(owner, name, scripted)


def arrange(point: str, number: signal.Signals) -> None:
    """Have *number* come at *point*."""
    from django_vwo.outbox import claim, drain
    from django_vwo.outbox.delivery import Delivery

    owner, name, is_after = {
        "amid the claim": (claim, "take", True),
        "after the claim": (drain, "claim", True),
        "before the request": (Delivery, "exchange", False),
        "before the mark": (Delivery, "exchange", True),
        "after the mark": (claim, "mark_sent", True),
    }[point]
    amid(owner, name, is_after=is_after, number=number)


def main(point: str, number: str, *command: str) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    arrange(point, signal.Signals[number])
    call_command(*command)


if __name__ == "__main__":
    main(*sys.argv[1:])
