"""The vendors' languages: each dialect turns documents into campaigns and events into requests."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from ..engine.entities import CampaignSet
from .base import NO_OPTIONS, Dialect, Options
from .collecting import without_collector
from .parsing import parse

DIALECTS = ("optimizely", "vwo")
FALLBACK = "vwo"
"""Whose a document is taken for that looks like nobody's."""


def get_dialect(name: str) -> Dialect:
    """Return the dialect *name*, one of `DIALECTS`."""
    return cast(Dialect, import_module(f"{__name__}.{name}"))


def spoken_in(document: Any) -> str:
    """Return the name of the dialect of *document*, any JSON value; "" if it looks like none."""
    return next((name for name in DIALECTS if get_dialect(name).recognises(document)), "")


@without_collector()
def load(text: str | bytes, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """
    Return the campaigns of a settings document in whichever dialect it speaks.

    *source* names the document in messages. Raises `DocumentError`.
    """
    document = parse(text, source)
    dialect = get_dialect(spoken_in(document) or FALLBACK)
    return dialect.translate(document, source=source, options=options)
