"""How the road gets over a database that is away for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections

from ..failures import describe

logger = logging.getLogger("django_vwo")

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
            logger.warning("The database is asked again: %s", describe(error))
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
