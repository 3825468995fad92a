"""What a dry run would have recorded, so that it counts as what it stands for does."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from uuid import UUID

CHUNK = 500


class Planned:
    """Ledger keys with the message id that would have come first, in a file that goes away."""

    def __init__(self) -> None:
        # SQLite keeps a database without a name in memory until it is large, and then on disk.
        self.connection = sqlite3.connect("")
        self.connection.execute("CREATE TABLE planned (key TEXT PRIMARY KEY, uuid TEXT)")

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()

    def add(self, uuids: Mapping[str, UUID]) -> None:
        """Remember *uuids* by ledger key, unless there is one."""
        rows = [(key, uuid.hex) for key, uuid in uuids.items()]
        self.connection.executemany("INSERT OR IGNORE INTO planned VALUES (?, ?)", rows)

    def find(self, keys: Collection[str]) -> dict[str, UUID]:
        """Return what is remembered of *keys*."""
        found: dict[str, UUID] = {}
        rest = list(keys)
        while rest:
            chunk, rest = rest[:CHUNK], rest[CHUNK:]
            marks = ", ".join("?" * len(chunk))
            query = f"SELECT key, uuid FROM planned WHERE key IN ({marks})"  # noqa: S608
            with closing(self.connection.execute(query, chunk)) as rows:
                found.update((key, UUID(uuid)) for key, uuid in rows)
        return found
