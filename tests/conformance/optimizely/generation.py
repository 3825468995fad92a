"""How many plays are compared, and from which seeds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

from tests.conformance.generation import first_seed

STEPS = 20_000
"""Generated steps of a run that nobody asked more of, with each SDK."""


def steps_wanted() -> int:
    """Return how many steps are to be compared with each SDK: `CONFORMANCE_STEPS`, or `STEPS`."""
    return int(os.environ.get("CONFORMANCE_STEPS") or STEPS)


def seeds() -> Iterator[int]:
    """Return the seeds of a run, without end; each is one play."""
    return count(first_seed())
