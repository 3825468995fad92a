"""
What the suites share: the official SDK, and a count of what was compared.

`vwo_server.py` runs in another environment, with libraries that this one lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from .oracle import Oracle
from .tally import TALLY, Tally

collect_ignore = ["vwo_server.py", "sdk_interface.py"]


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """A process of the official SDK."""
    with Oracle() as oracle:
        yield oracle


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """What was compared in this run; the terminal's summary shows it."""
    return pytestconfig.stash.setdefault(TALLY, Tally())


@pytest.fixture
def quiet() -> Iterator[None]:
    """Leave refused arguments, of which there are thousands, out of the log."""
    logger = logging.getLogger("django_vwo")
    logger.disabled = True
    yield
    logger.disabled = False


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many steps were compared, and how often each difference was needed."""
    tally = config.stash.get(TALLY, None)
    lines = [*tally.lines()] if tally else []
    if lines:
        terminalreporter.section("compared with the official SDK")
    for line in lines:
        terminalreporter.write_line(line)
