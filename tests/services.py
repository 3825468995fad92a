"""Servers that some tests need: skipped on a machine without them, a failure in CI."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
PORTS = {"redis": 6379, "amqp": 5672, "postgres": 5432, "mysql": 3306}
CONNECT_SECONDS = 2.0


def give_up(missing: str) -> NoReturn:
    """Skip the test; fail it where ``CI`` is ``true``."""
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def require_program(name: str | Path) -> str:
    """Return where the program is; `give_up` without it."""
    places = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    return shutil.which(name, path=places) or give_up(f"{name} is not installed")


def require_service(url: str) -> None:
    """Do nothing if somebody listens at *url*; else `give_up`."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or PORTS[parts.scheme])
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except OSError as error:
        give_up(f"No {parts.scheme} server at {address[0]}:{address[1]}: {error}")
