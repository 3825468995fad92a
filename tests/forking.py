"""Forks children while a thread of ours opens databases, and tells how many of them came back."""

from __future__ import annotations

import os
import sqlite3
import sys
import time

from django_vwo.sources.watcher import Watcher

CHILDREN = 150
SECONDS = 10.0
"""How long a child may take; one that hangs hangs for ever."""


def open_and_close() -> None:
    for _ in range(20):
        sqlite3.connect(":memory:").close()


def has_come_back(child: int) -> bool:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return True
        time.sleep(0.001)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def main() -> None:
    Watcher(open_and_close, 0.0001).start()
    came_back = 0
    for _ in range(CHILDREN):
        child = os.fork()
        if not child:
            open_and_close()
            os._exit(0)
        if not has_come_back(child):
            break
        came_back += 1
    sys.stdout.write(f"{came_back} of {CHILDREN}\n")


if __name__ == "__main__":
    main()
