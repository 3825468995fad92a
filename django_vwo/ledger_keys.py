"""The ledger's keys: a visitor's begin with who they are, so that they are found together."""

from __future__ import annotations

from hashlib import md5


def dedup_key(visitor: str, unique_key: str) -> str:
    """
    Return the ledger's name for what counts once: 32 characters of *visitor*, 32 of *unique_key*.

    >>> len(dedup_key("A" * 32, "CONVERSION"))
    64
    """
    return visitor + md5(unique_key.encode(errors="replace"), usedforsecurity=False).hexdigest()


def keys_of(visitor: str) -> dict[str, str]:
    """Return the look-ups that find all of *visitor*'s entries."""
    return {"dedup_key__gt": visitor, "dedup_key__lt": f"{visitor}g"}
