"""A vendor to ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import samples

collect_ignore = ["deciding_settings.py", "deciding_worker.py"]
"""What is made for a process of its own, and read there alone."""


@pytest.fixture
def vendor() -> Iterator[samples.Vendor]:
    """Return a server that hands out whatever it is told."""
    with samples.vendor() as running:
        yield running
