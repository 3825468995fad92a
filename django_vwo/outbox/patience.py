"""How the road gets over a database that is away for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections

from ..failures import describe
from ..logs import logger
from .log_fields import What, log_fields

Result = TypeVar("Result")

PATIENCE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 2.0


def patiently(
    work: Callable[[], Result], *, alias: str, seconds: float = PATIENCE_SECONDS
) -> Result:
    """
    Return what *work* returns, called anew while the database is away, locked or in a deadlock.

    Raises the last error after *seconds*, and inside a transaction the first.
    """
    pause, give_up_at = 0.05, time.monotonic() + seconds
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            connection = connections[alias]
            if connection.in_atomic_block or time.monotonic() + pause > give_up_at:
                raise
            fields = log_fields(What.DATABASE_AWAY, wait_seconds=pause)
            logger.warning("The database is asked again: %s", describe(error), extra=fields)
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
