"""What benchmarks share: medians with their spread, and how busy the machine was."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC_STAT = Path("/proc/stat")
LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What others did with the machine while the benchmark did nothing."""

    load: float
    """The load average of the last minute; it remembers the benchmark's own work."""
    busy_percent: float | None
    """How much of all cores was in use just before; None where the system does not tell."""


def machine() -> Machine:
    """Return how busy the machine is, after a short look."""
    before = ticks()
    time.sleep(LOOK_SECONDS)
    after = ticks()
    busy = None
    if before and after:
        busy = 100 * (after[0] - before[0]) / max(1, after[1] - before[1])
    return Machine(load=os.getloadavg()[0], busy_percent=busy)


def ticks() -> tuple[int, int] | None:
    """Return the busy ticks and all ticks of all cores; None where there is no ``/proc``."""
    if not PROC_STAT.exists():
        return None
    each = [int(text) for text in PROC_STAT.read_text().splitlines()[0].split()[1:9]]
    idle = each[3] + each[4]
    return sum(each) - idle, sum(each)


class Figures:
    """Measured figures by name, round after round."""

    def __init__(self) -> None:
        self.rounds: dict[str, list[dict[str, float]]] = {}
        self.machines: dict[str, list[Machine]] = {}

    def add(self, name: str, before: Machine, **figures: float) -> None:
        """Keep what one round of *name* came to, and tell it: a long run may be stopped."""
        told = ", ".join(f"{figure}: {value:,.0f}" for figure, value in figures.items())
        print(f"{name}: {told}; others {busy([before])}", file=sys.stderr)
        self.rounds.setdefault(name, []).append(figures)
        self.machines.setdefault(name, []).append(before)

    def lines(self) -> Iterator[str]:
        """Yield the table: the median of each figure, its spread, and others' use of the cores."""
        for name, rounds in self.rounds.items():
            for figure in rounds[0]:
                values = [each[figure] for each in rounds]
                spread = f"{min(values):,.0f}-{max(values):,.0f}"
                told = f"{statistics.median(values):14,.0f}{spread:>22}"
                yield f"{name:38}{figure:26}{told}{busy(self.machines[name]):>10}"

    def as_json(self) -> dict[str, Any]:
        """Return all rounds."""
        return {
            name: {
                "rounds": rounds,
                "machine_before": [asdict(each) for each in self.machines[name]],
            }
            for name, rounds in self.rounds.items()
        }


HEAD = f"{'':38}{'':26}{'median':>14}{'spread':>22}{'others':>10}"


def busy(machines: Iterable[Machine]) -> str:
    """Return between which shares of the cores others used, in percent."""
    found = [each.busy_percent for each in machines if each.busy_percent is not None]
    return f"{min(found):.0f}-{max(found):.0f} %" if found else "unknown"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share*, 0 to 1, of *values* do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
