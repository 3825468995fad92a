"""Servers that some tests need: skipped on a machine without them, a failure in CI."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pytest

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
PORTS = {"redis": 6379, "amqp": 5672, "postgres": 5432, "mysql": 3306}
CONNECT_SECONDS = 2.0


def require_service(url: str) -> None:
    """Skip the test if nobody listens at *url*; fail it where ``CI`` is ``true``."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or PORTS[parts.scheme])
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except OSError as error:
        missing = f"No {parts.scheme} server at {address[0]}:{address[1]}: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
