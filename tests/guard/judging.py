"""Whether costs are what they were, and the same whatever the number of campaigns."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from .operations import Costs

BASELINES = Path(__file__).with_name("costs.json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TOLERANCE = 0.1
SLACK = 0.5
"""So much more or less is no finding, whatever the unit: it is less than one more a call."""
RECORD = "python -m tests.guard --record"


def baseline() -> Costs | None:
    """Return what was recorded for this Python; None if nothing was."""
    known: dict[str, Costs] = json.loads(BASELINES.read_text())
    return known.get(PYTHON)


def record(found: Costs) -> None:
    """Have *found* be the baseline of this Python."""
    known = json.loads(BASELINES.read_text()) if BASELINES.exists() else {}
    content = json.dumps(known | {PYTHON: found}, indent=1, sort_keys=True)
    BASELINES.write_text(f"{content}\n")


def changes(found: Costs, known: Costs) -> Iterator[str]:
    """Yield how *found* differs from the baseline, as far as that is to be told."""
    for where in sorted(places(found) ^ places(known)):
        yield f"{' '.join(where)}: counted or recorded, but not both: `{RECORD}`."
    for where, unit, now, before in pairs(found, known):
        if now > most(before):
            yield f"{where}: {now:,.1f} {unit}, {percent(now, before)} more than {before:,.1f}."
        elif before > most(now):
            yield (
                f"{where}: {now:,.1f} {unit}, and {before:,.1f} before. Well done; hold it with "
                f"`{RECORD}`."
            )


def slopes(small: Costs, large: Costs) -> Iterator[str]:
    """Yield what costs more, or less, where there are more campaigns."""
    for where, unit, here, there in pairs(small, large):
        if max(here, there) > most(min(here, there)):
            yield f"{where}: {here:,.1f} {unit} among few campaigns, {there:,.1f} among many."


def pairs(one: Costs, other: Costs) -> Iterator[tuple[str, str, float, float]]:
    """Yield each figure that both have: the vendor and row, the unit, and the two numbers."""
    for vendor, row, unit in sorted(places(one) & places(other)):
        yield f"{vendor} {row}", unit, one[vendor][row][unit], other[vendor][row][unit]


def places(costs: Costs) -> set[tuple[str, str, str]]:
    """Return vendor, row and unit of each figure."""
    return {
        (vendor, row, unit)
        for vendor, rows in costs.items()
        for row, units in rows.items()
        for unit in units
    }


def most(number: float) -> float:
    """Return up to where another number counts as the same."""
    return number * (1 + TOLERANCE) + SLACK


def percent(larger: float, smaller: float) -> str:
    return f"{larger / smaller - 1:.0%}" if smaller else "much"
