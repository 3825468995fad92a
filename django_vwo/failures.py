"""Telling of failures without telling of visitors."""

from __future__ import annotations

import traceback

from .engine.errors import VWOError


def describe(error: BaseException) -> str:
    """
    Return what went wrong and where.

    Only our own errors are quoted: a database's message may show the row, and so a user id.
    """
    if isinstance(error, VWOError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{where}"
