"""
A web server of the site: visitors come, see a page, order, and some of it is rolled back.

An order is a row of another app (a session), written in the transaction that the visit's events
are recorded in: what the site has orders of, VWO has to know. A line of the file of promises says
that `track` answered True, and that the transaction, if there was one, was committed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import django
from django.db import DatabaseError, InterfaceError, close_old_connections, transaction
from django.utils import timezone

PAUSE_SECONDS = 0.01
ROLLED_BACK = 0.2
IN_AUTOCOMMIT = 0.2


class ChangeOfMindError(Exception):
    """The site changed its mind."""


class Shop:
    """The pages, and the files that tell what became of them."""

    def __init__(self) -> None:
        from django.contrib.sessions.models import Session

        from django_vwo.client import get_client

        self.orders: Any = Session.objects
        self.client = get_client()
        self.promised = os.open(
            os.environ["CHAOS_PROMISED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT
        )
        self.undone = os.open(os.environ["CHAOS_UNDONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def visit(self) -> None:
        """Serve one visitor."""
        user_id, chance = uuid4().hex, random.random()
        close_old_connections()
        if chance < IN_AUTOCOMMIT:
            is_tracked = self.track(user_id)
        else:
            is_tracked = self.order(user_id, is_undone=chance < IN_AUTOCOMMIT + ROLLED_BACK)
        if is_tracked:
            os.write(self.promised, f"{user_id}\n".encode())

    def order(self, user_id: str, *, is_undone: bool) -> bool:
        """Return whether what was tracked is committed."""
        if is_undone:
            os.write(self.undone, f"{user_id}\n".encode())
        with suppress(ChangeOfMindError), transaction.atomic():
            is_tracked = self.track(user_id)
            self.orders.create(session_key=user_id, expire_date=timezone.now())
            if is_undone:
                raise ChangeOfMindError
            if not is_tracked:  # the page says that it failed
                raise DatabaseError("not tracked")
        return not is_undone

    def track(self, user_id: str) -> bool:
        """Return whether both of the visit's events were recorded."""
        is_shown = self.client.activate("pricing-page", user_id) is not None
        return bool(self.client.track("pricing-page", user_id, "signup")) and is_shown


def appending(variable: str) -> int:
    """Return the file that *variable* names: each line is written at once, whoever is killed."""
    return os.open(os.environ[variable], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def main() -> None:
    django.setup()
    from . import haste  # noqa: F401  # which needs the apps to be loaded

    stopped: list[int] = []
    on_signal: Callable[..., None] = lambda number, frame: stopped.append(number)  # noqa: E731
    signal.signal(signal.SIGTERM, on_signal)
    shop = Shop()
    while not stopped:
        try:
            shop.visit()
        except (DatabaseError, InterfaceError):
            close_old_connections()
            time.sleep(0.2)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
