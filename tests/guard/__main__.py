"""The guard's command: see the package's docstring."""

from __future__ import annotations

import argparse
import json
import sys

from .judging import BASELINES, PYTHON, baseline, changes, pairs, record, slopes
from .operations import LARGE, SMALL, Costs, costs, loading_costs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.guard")
    parser.add_argument("--record", action="store_true", help="write the baseline of this Python")
    parser.add_argument("--json", action="store_true", help="print what was counted, and no more")
    given = parser.parse_args()
    small, large, loading = costs(SMALL), costs(LARGE), loading_costs()
    found = {vendor: rows | loading[vendor] for vendor, rows in small.items()}
    if given.json:
        sys.stdout.write(json.dumps({"found": found, "small": small, "large": large}))
        return 0
    if given.record:
        record(found)
        sys.stdout.write(f"{BASELINES.name} has the costs of Python {PYTHON}.\n")
    return compare(found, small, large)


def compare(found: Costs, small: Costs, large: Costs) -> int:
    """Print every figure beside its baseline, and what there is to tell; return the status."""
    before = baseline() or found
    for where, unit, number, expected in pairs(found, before):
        sys.stdout.write(f"{where:24}{unit:14}{number:12,.1f}{expected:12,.1f}\n")
    told = [*changes(found, before), *slopes(small, large)]
    sys.stdout.write("".join(f"{each}\n" for each in told))
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
