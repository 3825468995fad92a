"""
The tables of docs/performance.rst, from a benchmark's JSON.

    python benchmarks/tables.py cost.json docs/cost.inc
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Figures = Sequence[dict[str, Any]]


def lines(content: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a file that the docs include."""
    yield f".. Written by benchmarks/{Path(__file__).name} from the JSON of a benchmark."
    yield ""
    yield f"{conditions(content)} A ratio of 5 says that the SDK takes five times as long."
    for sdk, title in content["sdks"].items():
        mine = [each for each in content["figures"] if each["sdk"] == sdk]
        sizes = list(dict.fromkeys(each["campaigns"] for each in mine))
        yield ""
        yield from table(f"Beside {title}", sizes, mine)
    yield ""
    yield from flatness(content)


def conditions(content: dict[str, Any]) -> str:
    """Return a sentence about the run."""
    busy = statistics.median(each["busy_percent"] or 0 for each in content["machine"])
    return (
        f"CPython {content['python']}; medians of {content['rounds']} rounds, while others used "
        f"{busy:.0f} % of the machine."
    )


def table(title: str, sizes: Sequence[int], figures: Figures) -> Iterator[str]:
    """Yield the table of one SDK: ratios by number of campaigns, then microseconds."""
    yield f".. csv-table:: {title}"
    yield "   :class: figures"
    ratios = [f"{size:,}" for size in sizes]
    yield f"   :header: {row('campaigns', *ratios, 'here, µs', 'SDK, µs')}"
    yield ""
    for label in dict.fromkeys(each["label"] for each in figures):
        mine = [each for each in figures if each["label"] == label]
        ends = [mine[0], mine[-1]]
        yield "   " + row(
            label,
            *(ratio(each) for each in mine),
            *(" to ".join(short(each[side]) for each in ends) for side in ("ours_us", "theirs_us")),
        )


def ratio(figures: dict[str, Any]) -> str:
    """Return a ratio with its spread."""
    low, high = figures["ratio_spread"]
    return f"{short(figures['ratio'])} ({short(low)}-{short(high)})"


def flatness(content: dict[str, Any]) -> Iterator[str]:
    """Yield the table of how the cost here grows with the number of campaigns."""
    found = [each for each in content["flatness"] if each["sdk"] in ("VWO", "Optimizely")]
    if not found:
        return
    small, large = found[0]["campaigns"]
    yield f".. csv-table:: Here, {large:,} campaigns against {small:,}"
    yield "   :class: figures"
    yield f"   :header: {row('', '', 'calls all over', f'calls about the first {small:,}')}"
    yield ""
    for each in found:
        ratios = (each["ratio"], each["ratio_of_the_same"])
        yield "   " + row(each["label"], each["sdk"], *(f"{ratio:.2f}" for ratio in ratios))


def short(number: float) -> str:
    """Return a number to two or three digits."""
    return f"{number:,.0f}" if number >= 20 else f"{number:.1f}"


def row(*cells: str) -> str:
    return ", ".join(f'"{cell}"' for cell in cells)


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    target.write_text("\n".join(lines(json.loads(source.read_text()))) + "\n")


if __name__ == "__main__":
    main()
