"""Where in a document something is, put into words only if there is something to say of it."""

from __future__ import annotations

from typing import TypeAlias

Path: TypeAlias = "str | tuple[Path, str | int]"
"""Text; or the path of an owner, and a key or an index in it."""


def path_text(path: Path) -> str:
    """
    Return *path* in words.

    >>> path_text((("campaigns[0].segments", "or"), 2))
    'campaigns[0].segments.or[2]'
    """
    parts: list[str] = []
    while not isinstance(path, str):
        path, key = path
        parts.append(f".{key}" if isinstance(key, str) else f"[{key}]")
    return path + "".join(reversed(parts))
