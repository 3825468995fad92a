"""
No call costs more than it did, in what can be counted on a busy machine as on a quiet one.

How many queries things take is in `tests/test_queries.py`.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from .judging import PYTHON, RECORD, baseline, changes, pairs, slopes
from .operations import CALLS, ROWS, SMALL, VENDORS, Costs, Counted, Row, Vendor

ROOT = Path(__file__).parents[2]
UNITS = ["c_functions", "functions", "instructions", "kept_blocks", "peak_bytes"]


def counted(**environ: str) -> dict[str, Costs]:
    """Return what a fresh process counts, which knows nothing of other tests."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.guard", "--json"],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Costs] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, Costs]:
    return counted()


def test_no_call_costs_more_or_less_than_recorded(found: dict[str, Costs]) -> None:
    known = baseline()
    if known is None:
        pytest.skip(f"costs.json knows nothing of Python {PYTHON}: {RECORD}")
    assert sorted(found["found"]["vwo"]["activate"]) == UNITS
    assert list(changes(found["found"], known)) == []


def test_no_call_costs_more_among_many_campaigns(found: dict[str, Costs]) -> None:
    assert list(slopes(found["small"], found["large"])) == []


@pytest.mark.parametrize("seed", ["1", "4711"])
def test_counts_depend_on_no_hash_seed(found: dict[str, Costs], seed: str) -> None:
    again = counted(PYTHONHASHSEED=seed)
    for where, unit, now, before in pairs(again["found"], found["found"]):
        assert now == pytest.approx(before, rel=0.01, abs=0.1), f"{where}, {unit}"


class Repeating(Counted):
    """Makes each call five times, and some once more, as if the code did work that it need not."""

    def __init__(self, vendor: Vendor, more: int) -> None:
        super().__init__(vendor, SMALL)
        self.more = more

    def work(self, row: Row, calls: Sequence[Any]) -> list[Any]:
        again = calls[: len(calls) * self.more // CALLS]
        return super().work(row, [*calls] * 5 + [*again])


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_fifth_more_work_is_refused(row: Row) -> None:
    vendor, *_ = VENDORS
    usual, little, much = (
        {vendor.name: {row.name: Repeating(vendor, more).counts(row)}} for more in (0, 2, CALLS)
    )
    assert list(changes(little, usual)) == []
    told = "\n".join(changes(much, usual))
    assert re.search(rf"{vendor.name} {row.name}: \S+ instructions, [12]\d% more than", told)
    assert re.search(rf"{vendor.name} {row.name}: \S+ functions, [12]\d% more than", told)


@pytest.mark.parametrize("unit", UNITS)
def test_more_of_one_unit_is_refused(found: dict[str, Costs], unit: str) -> None:
    known = found["found"]
    costs = copy.deepcopy(known)
    costs["optimizely"]["shared"][unit] *= 1.15
    (refused,) = changes(costs, known)
    assert refused.startswith("optimizely shared: ")
    assert f" {unit}, 15% more than " in refused
    (refused,) = slopes(known, costs)
    assert f" {unit} among few campaigns" in refused


def test_a_baseline_is_to_be_kept_sharp(found: dict[str, Costs]) -> None:
    known = found["found"]
    costs = copy.deepcopy(known)
    costs["vwo"]["load"]["instructions"] *= 0.8
    (told,) = changes(costs, known)
    assert RECORD in told


def test_a_row_that_was_not_recorded_is_told(found: dict[str, Costs]) -> None:
    known = found["found"]
    costs = copy.deepcopy(known)
    del costs["vwo"]["load"]
    assert len(list(changes(known, costs))) == len(UNITS)
    assert len(list(changes(costs, known))) == len(UNITS)
