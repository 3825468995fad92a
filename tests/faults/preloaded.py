"""
The shop as a WSGI application that was used before the process forks.

It has been visited, nudged by a thread, and has spoken to the collector. It forks while the lock of
its mailbox is held, as a thread may that pokes for the first time.
"""

import time

from django.db import connections

from .application import application

__all__ = ["application"]

SECONDS = 30.0


def visit() -> None:
    """Convert, and wait until that is delivered."""
    from django_vwo.client import get_client
    from django_vwo.models import Event, EventStatus

    get_client().activate("pricing-page", "loader")
    get_client().track("pricing-page", "loader", "signup")
    end = time.monotonic() + SECONDS
    while Event.objects.filter(user_id="loader", status=EventStatus.PENDING).exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    connections.close_all()


def hold_the_mailbox() -> None:
    """Have no child start a thread through the mailbox of its parent."""
    from django_vwo.outbox import mailbox

    mailbox._mailbox._starting.acquire()


visit()
hold_the_mailbox()
