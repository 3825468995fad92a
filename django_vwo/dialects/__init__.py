"""The vendors' languages: each dialect turns documents into campaigns and events into requests."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from .base import Dialect

DIALECTS = ("vwo",)


def get_dialect(name: str) -> Dialect:
    """Return the dialect *name*, one of `DIALECTS`."""
    return cast(Dialect, import_module(f"{__name__}.{name}"))
