"""The SDKs, each started when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .official import GENERATIONS, OfficialSDK

collect_ignore = ["optimizely_server.py"]


@pytest.fixture(scope="module", params=GENERATIONS, ids=str)
def sdk(request: pytest.FixtureRequest) -> Iterator[OfficialSDK]:
    """A process of the SDK of a generation."""
    with OfficialSDK(request.param) as sdk:
        yield sdk
