"""
A pool of one child that delivers, as Celery keeps it: a child that dies is replaced.

The event of the visitor that is named on the command line kills whoever renders it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

PAUSE_SECONDS = 0.1


def let_event_kill(user_id: str) -> None:
    """Have the kernel end a process that renders an event of *user_id*."""
    from django_vwo.outbox import parcels

    restore = parcels.restore

    def deadly(row: Any) -> Any:
        if row.user_id == user_id:
            os.kill(os.getpid(), signal.SIGKILL)
        return restore(row)

    parcels.restore = deadly


def main(user_id: str) -> None:
    import django

    django.setup()
    from django_vwo.outbox.site import drain_site

    let_event_kill(user_id)
    while True:
        child = os.fork()
        if not child:
            drain_site()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            sys.stdout.write("A child died.\n")
            sys.stdout.flush()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
