"""What a site has written for a vendor's own SDK, and hands over by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.module_loading import import_string


def plugged(name: str, given: object, methods: Sequence[str]) -> Any:
    """
    Return the object that *given* means: a class, an instance, or the dotted path of either.

    Raises `TypeError`, which calls it *name*, unless it has all *methods*.
    """
    found: Any = import_string(given) if isinstance(given, str) else given
    made = found() if isinstance(found, type) else found
    missing = [method for method in methods if not callable(getattr(made, method, None))]
    if missing:
        raise TypeError(f"{name!r} has no method {' and no method '.join(missing)}")
    return made
