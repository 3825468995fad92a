"""
What a call of the public `Client` costs, beside VWO's, Optimizely's and GrowthBook's own SDKs.

    python benchmarks/decisions.py [--quick] [--sizes 10,100] [--rounds N] [--json FILE]

Each side is a process with a document of so many campaigns. In each round every row of every size
is timed on both sides, one right after the other and the other way round in the next: only ratios
of one run mean anything. No visitor comes twice, unless to be remembered is what the row is about.
Before that both sides warm up, and have to answer alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from figures import Machine, busy, machine
from official import SDKS, Sdk, Side, ours, theirs
from workload import ROWS, Row, Targets, calls

SIZES = (10, 100, 1_000, 10_000)
QUICK_SIZES = (10, 1_000)
ROUNDS, QUICK_ROUNDS = 15, 3
CALLS = 500
SECONDS = 0.2
"""A side makes fewer calls a round, down to one, to be done in about this time."""
COMPARED = 40
"""So many answers are compared at most before anything is timed."""


@dataclass(kw_only=True)
class Contest:
    """A row of one SDK and one size, and how it went."""

    sdk: Sdk
    row: Row
    size: int
    targets: Targets
    us: Side
    them: Side
    counts: tuple[int, int] = (CALLS, CALLS)
    """How many calls we and they make in a round."""
    next_visitor: int = 0
    seconds: list[tuple[float, float]] = field(default_factory=list)
    """Of each round: what a call takes here and there."""
    first_targets: Targets | None = None
    """In the largest document, the targets of the smallest."""
    first_seconds: list[float] = field(default_factory=list)
    """Of each round: what a call takes here that is about one of those."""

    def warm_up(self) -> None:
        """Have both sides answer alike, and find out how many calls they can make in a round."""
        once = max(side.seconds(self.row, self.calls(1)) for side in (self.us, self.them))
        asked = self.calls(min(COMPARED, fitting(once)))
        answered, expected = (side.answers(self.row, asked) for side in (self.us, self.them))
        if self.row.name in self.sdk.compared and answered != expected:
            self.complain(asked, answered, expected)
        us, them = (fitting(side.seconds(self.row, asked)) for side in (self.us, self.them))
        self.counts = us, them

    def complain(self, asked: Any, answered: Any, expected: Any) -> None:
        """Raise `ValueError` with the first call that the sides answer differently."""
        found = zip(asked, answered, expected, strict=True)
        call, here, there = next(each for each in found if each[1] != each[2])
        raise ValueError(
            f"{self.row.label}, {self.size:,} campaigns: {self.sdk.name} answers {there!r} and we "
            f"{here!r} to {call}"
        )

    def play(self, is_ours_first: bool) -> None:
        """Time both sides."""
        both = list(zip((self.us, self.them), self.counts, strict=True))
        found = {
            side: side.seconds(self.row, self.calls(count))
            for side, count in (both if is_ours_first else reversed(both))
        }
        self.seconds.append((found[self.us], found[self.them]))
        if self.first_targets is not None:
            asked = self.calls(self.counts[0], self.first_targets)
            self.first_seconds.append(self.us.seconds(self.row, asked))

    def calls(self, count: int, targets: Targets | None = None) -> list[Any]:
        """Return calls of visitors who have not been here."""
        first = self.next_visitor
        self.next_visitor += count
        return calls(self.row, targets or self.targets, first, count)

    def ratios(self) -> list[float]:
        return [there / here for here, there in self.seconds]

    def figures(self) -> dict[str, Any]:
        """Return what is written as JSON: microseconds, and how often theirs is ours."""
        us, them = ([pair[side] * 1e6 for pair in self.seconds] for side in (0, 1))
        ratios = self.ratios()
        return {
            "sdk": self.sdk.name,
            "row": self.row.name,
            "label": self.row.label,
            "campaigns": self.size,
            "ratio": statistics.median(ratios),
            "ratio_spread": [min(ratios), max(ratios)],
            "ours_us": statistics.median(us),
            "theirs_us": statistics.median(them),
            "calls": self.counts,
            "rounds": [list(pair) for pair in zip(us, them, strict=True)],
        }


def fitting(seconds: float) -> int:
    """Return how many calls of this length make a round."""
    return max(1, min(CALLS, round(SECONDS / max(seconds, 1e-9))))


def contests(sizes: Sequence[int], stack: ExitStack) -> Iterator[Contest]:
    """Yield all contests, with their sides started; they end with *stack*."""
    for sdk in SDKS:
        first_targets = sdk.targets(sdk.document(sizes[0]))
        for size in sizes:
            document = sdk.document(size)
            us, them = map(stack.enter_context, (ours(document), theirs(sdk, document)))
            print(f"{sdk.name}, {size:,} campaigns: ready", file=sys.stderr)
            for row in filter(sdk.has, ROWS):
                yield Contest(
                    sdk=sdk,
                    row=row,
                    size=size,
                    targets=sdk.targets(document),
                    us=us,
                    them=them,
                    first_targets=first_targets if sizes[0] < size == sizes[-1] else None,
                )


def run(sizes: Sequence[int], rounds: int) -> tuple[list[Contest], list[Machine]]:
    """Return the contests, each played for so many rounds, and what else the machine did."""
    machines = []
    with ExitStack() as stack:
        found = list(contests(sizes, stack))
        for contest in found:
            contest.warm_up()
        for number in range(rounds):
            machines.append(machine())
            for contest in found:
                contest.play(is_ours_first=number % 2 == 0)
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found, machines


HEAD = f"{'campaigns':>10}{'ratio':>9}{'spread':>14}{'here, µs':>11}{'SDK, µs':>12}"


def table(found: Sequence[Contest]) -> Iterator[str]:
    """Yield the lines of the table, an SDK after the other."""
    for sdk in SDKS:
        yield f"\n{sdk.title}\n{'':28}{HEAD}"
        yield from (line(contest.figures()) for contest in found if contest.sdk is sdk)


def line(figures: dict[str, Any]) -> str:
    low, high = figures["ratio_spread"]
    return (
        f"{figures['label']:28}{figures['campaigns']:>10,}{figures['ratio']:>9.1f}"
        f"{f'{low:.1f}-{high:.1f}':>14}{figures['ours_us']:>11.2f}{figures['theirs_us']:>12.1f}"
    )


def flatness(found: Sequence[Contest]) -> Iterator[dict[str, Any]]:
    """Yield how much more a call costs here in the largest document than in the smallest."""
    for large in found:
        if large.first_targets is None or large.row.name == "shared":
            continue
        same_row = (each for each in found if (each.sdk, each.row) == (large.sdk, large.row))
        small = next(same_row)
        before = [ours for ours, _ in small.seconds]
        yield {
            "sdk": large.sdk.name,
            "row": large.row.name,
            "label": large.row.label,
            "campaigns": [small.size, large.size],
            "ratio": median_ratio([ours for ours, _ in large.seconds], before),
            "ratio_of_the_same": median_ratio(large.first_seconds, before),
        }


def median_ratio(after: Sequence[float], before: Sequence[float]) -> float:
    return statistics.median(there / here for there, here in zip(after, before, strict=True))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    parser.add_argument("--sizes", help="numbers of campaigns, with commas")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    given = parser.parse_args()
    quick = (QUICK_SIZES, QUICK_ROUNDS) if given.quick else (SIZES, ROUNDS)
    given.sizes = tuple(map(int, given.sizes.split(","))) if given.sizes else quick[0]
    given.rounds = given.rounds or quick[1]
    return given


def main() -> None:
    given = arguments()
    found, machines = run(given.sizes, given.rounds)
    python = sys.version.split()[0]
    print(f"Python {python}; medians of {given.rounds} rounds; others used {busy(machines)} of it")
    print(*table(found), sep="\n")
    flat = list(flatness(found))
    print("\nHere, the largest document against the smallest: all over it, and the first campaigns")
    for each in flat:
        ratios = f"{each['ratio']:6.2f}{each['ratio_of_the_same']:6.2f}"
        print(f"{each['sdk']:18}{each['label']:30}{ratios}")
    if given.json:
        content = {
            "python": python,
            "rounds": given.rounds,
            "sdks": {sdk.name: sdk.title for sdk in SDKS},
            "machine": [asdict(each) for each in machines],
            "figures": [contest.figures() for contest in found],
            "flatness": flat,
        }
        given.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
