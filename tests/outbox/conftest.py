"""A collector, and a process without connections left over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_vwo import transport
from tests.collector import Collector

collect_ignore = ["worker_app.py", "worker_settings.py"]
"""What only processes of their own may import."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running
        transport.forget_session()
