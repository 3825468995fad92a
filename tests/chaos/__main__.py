"""
``python -m tests.chaos --database postgres --seconds 1800``: one run, and its report as JSON.

Ends with 1 if anything was lost, sent in vain, or sent too often; with 3 if a server is missing.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import pytest

from .run import Plan, carry_out
from .servers import BROKERS, DATABASES

IS_MISSING = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--brokers", nargs="*", choices=BROKERS, default=list(BROKERS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--plant-loss", action="store_true", help="show that a loss is found")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        plan = Plan(
            database=given.database,
            brokers=given.brokers,
            seconds=given.seconds,
            seed=given.seed,
            folder=Path(folder),
            has_planted_loss=given.plant_loss,
        )
        try:
            report = carry_out(plan)
        except (pytest.skip.Exception, pytest.fail.Exception) as missing:
            sys.stderr.write(f"{missing}\n")
            return IS_MISSING
        if not report.is_well:
            sys.stderr.write((Path(folder) / "log").read_text()[-20_000:])
    sys.stdout.write(f"{json.dumps(report.as_dict(), indent=2)}\n")
    return 0 if report.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
