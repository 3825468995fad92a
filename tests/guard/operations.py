"""What is counted: the rows of the benchmark, on documents of which only the size differs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "sides"))

from documents import experiment_id, optimizely_datafile, vwo_document
from ours import ROWS as DOES
from ours import load
from workload import ROWS, SHARED_GOAL, Row, Targets, calls, optimizely_targets, vwo_targets

from .counting import Counts, functions, instructions, kept_blocks, peak_bytes

Json = dict[str, Any]
SMALL, LARGE = 12, 1_200
"""A dozen campaigns hold a whole group, so that it is the same one among more."""
LOADED = 50
CALLS = 20
WAYS = (instructions, functions, kept_blocks)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """A vendor's documents."""

    name: str
    document: Callable[[int], Json]
    targets: Callable[[Json], Targets]


def vwo_with_dozen(size: int) -> Json:
    """Return a document of VWO's in which the first dozen share a goal, and no others."""
    document = vwo_document(size)
    for number, campaign in enumerate(document["campaigns"], start=1):
        goals = [goal for goal in campaign["goals"] if goal["identifier"] != SHARED_GOAL]
        shared = {"id": number, "identifier": SHARED_GOAL, "type": "CUSTOM_GOAL"}
        campaign["goals"] = [*goals, shared] if number <= SMALL else goals
    return document


def optimizely_with_dozen(size: int) -> Json:
    """Return a datafile of Optimizely's in which the first dozen share an event."""
    datafile = optimizely_datafile(size)
    (shared,) = (event for event in datafile["events"] if event["key"] == SHARED_GOAL)
    shared["experimentIds"] = [experiment_id(number) for number in range(1, SMALL + 1)]
    return datafile


VENDORS = (
    Vendor(name="vwo", document=vwo_with_dozen, targets=vwo_targets),
    Vendor(name="optimizely", document=optimizely_with_dozen, targets=optimizely_targets),
)


class Counted:
    """The rows of one vendor on a document of one size."""

    def __init__(self, vendor: Vendor, size: int) -> None:
        text = json.dumps(vendor.document(size))
        self.clients = {has_storage: load(text, has_storage) for has_storage in (False, True)}
        self.targets = vendor.targets(vendor.document(SMALL))
        """The same in every size."""

    def counts(self, row: Row) -> dict[str, float]:
        """Return what a call of a row takes; each way to count has visitors of its own."""
        rounds = [calls(row, self.targets, CALLS * number, CALLS) for number in range(5)]
        warm, *works, _ = (partial(self.work, row, each) for each in rounds)
        singles = [partial(self.work, row, [each]) for each in rounds[-1]]
        if row.has_storage:
            for work in (warm, *works, *singles):
                work()
        for _ in range(2):
            warm()
        counts = [count(work) for count, work in zip(WAYS, works, strict=True)]
        return per_call(CALLS, *counts, peak_bytes(singles))

    def work(self, row: Row, calls: Sequence[Any]) -> list[Any]:
        return DOES[row.does](self.clients[row.has_storage], calls)


def loading_counts(vendor: Vendor) -> dict[str, float]:
    """Return what it takes to load a document, for each of its campaigns."""
    text = json.dumps(vendor.document(LOADED))
    work = partial(load, text, False)
    for _ in range(2):
        work()
    return per_call(LOADED, *(count(work) for count in WAYS), peak_bytes([work]))


def per_call(number: int, *counts: Counts) -> dict[str, float]:
    return {name: round(total / number, 1) for each in counts for name, total in each.items()}


Costs = dict[str, dict[str, dict[str, float]]]
"""By vendor and row, what a call takes."""


def costs(size: int) -> Costs:
    """Return what each row takes in a document of *size* campaigns."""
    found: Costs = {}
    for vendor in VENDORS:
        counted = Counted(vendor, size)
        found[vendor.name] = {row.name: counted.counts(row) for row in ROWS}
    return found


def loading_costs() -> Costs:
    return {vendor.name: {"load": loading_counts(vendor)} for vendor in VENDORS}
