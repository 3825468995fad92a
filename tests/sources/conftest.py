"""A vendor to ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import samples


@pytest.fixture
def vendor() -> Iterator[samples.Vendor]:
    """Return a server that hands out whatever it is told."""
    with samples.vendor() as running:
        yield running
