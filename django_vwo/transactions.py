"""Living inside the caller's transaction."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction


def survivable(alias: str) -> AbstractContextManager[Any]:
    """Return a context in which a failing query leaves the caller's transaction usable."""
    connection = transaction.get_connection(alias)
    is_open = connection.in_atomic_block or not connection.get_autocommit()
    return transaction.atomic(using=alias) if is_open else nullcontext()
