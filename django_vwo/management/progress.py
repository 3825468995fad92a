"""How far a command has got, where somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import OutputWrapper
from django.utils.module_loading import import_string


def progress_bar(out: OutputWrapper, total: Callable[[], int | None], unit: str) -> Any:
    """Return a bar if *out* is a terminal and tqdm is installed, else None."""
    if not out.isatty():
        return None
    try:
        tqdm = import_string("tqdm.tqdm")
    except ImportError:
        return None
    return tqdm(total=total(), unit=unit)
