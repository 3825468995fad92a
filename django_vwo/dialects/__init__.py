"""The vendors' languages: each dialect turns documents into campaigns and events into requests."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from ..engine.entities import CampaignSet
from .base import Dialect

DIALECTS = ("vwo",)


def get_dialect(name: str) -> Dialect:
    """Return the dialect *name*, one of `DIALECTS`."""
    return cast(Dialect, import_module(f"{__name__}.{name}"))


def load(text: str | bytes, *, source: str) -> CampaignSet:
    """
    Return the campaigns of a settings document in whichever dialect it speaks.

    *source* names the document in messages. Raises `DocumentError`.
    """
    return get_dialect(DIALECTS[0]).load(text, source=source)
