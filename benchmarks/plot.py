"""
What a call costs against the number of campaigns: an SVG for the docs, from a benchmark's JSON.

    python benchmarks/plot.py cost.json docs/_static/cost.svg

Colours and greys are such that they are told apart by those who see few colours, on white and on
black; the lines differ in their marks too.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

PANELS = ("variation", "feature", "track", "shared")
GREY = "#7a7a7a"
NEAREST = 0.085
"""How close labels may come, as a share of the height of a panel."""
STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlesize": 11,
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "cost",
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """How a side is drawn."""

    sdk: str
    is_ours: bool
    label: str
    colour: str
    mark: str
    dash: str = "-"


LINES = (
    Line(sdk="VWO", is_ours=False, label="VWO's SDK", colour="#d55e00", mark="s"),
    Line(sdk="Optimizely", is_ours=False, label="Optimizely's SDK", colour="#009e73", mark="^"),
    Line(sdk="GrowthBook", is_ours=False, label="GrowthBook's SDK", colour="#c46a9b", mark="D"),
    Line(
        sdk="GrowthBook, kept",
        is_ours=False,
        label="GrowthBook's, kept",
        colour="#c46a9b",
        mark="d",
        dash=":",
    ),
    Line(sdk="VWO", is_ours=True, label="django_vwo, VWO", colour="#1f83c4", mark="o"),
    Line(
        sdk="Optimizely",
        is_ours=True,
        label="django_vwo, Optimizely",
        colour="#1f83c4",
        mark="v",
        dash="--",
    ),
)


def draw(content: dict[str, Any], path: Path) -> None:
    """Write the plot of a benchmark's figures."""
    with matplotlib.rc_context(STYLE):
        figure, grid = pyplot.subplots(2, 2, figsize=(10, 7.4), sharex=True)
        for axes, row in zip(grid.flat, PANELS, strict=True):
            panel(axes, [each for each in content["figures"] if each["row"] == row])
        for axes in grid[-1]:
            axes.set_xlabel("campaigns in the document")
        figure.tight_layout(w_pad=3)
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})


def panel(axes: Axes, figures: Sequence[dict[str, Any]]) -> None:
    """Draw one row of the table."""
    axes.set_title(f"{figures[0]['label']}, µs", loc="left")
    axes.loglog()
    ends = [end for line in LINES for end in curve(axes, line, figures)]
    sizes = sorted({each["campaigns"] for each in figures})
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    axes.tick_params(length=0)
    places = apart([value for _, value in ends], *axes.get_ylim())
    for (line, value), place in zip(ends, places, strict=True):
        axes.annotate(
            line.label,
            (sizes[-1], value),
            xytext=(1.03, place),
            textcoords="axes fraction",
            color=line.colour,
            va="center",
            annotation_clip=False,
        )


def curve(
    axes: Axes, line: Line, figures: Sequence[dict[str, Any]]
) -> Iterator[tuple[Line, float]]:
    """Draw one side, if it is in *figures*; yield it with where it ends."""
    mine = [each for each in figures if each["sdk"] == line.sdk]
    if not mine:
        return
    values = [each["ours_us" if line.is_ours else "theirs_us"] for each in mine]
    axes.plot(
        [each["campaigns"] for each in mine],
        values,
        color=line.colour,
        linestyle=line.dash,
        linewidth=2.4 if line.is_ours else 1.6,
        marker=line.mark,
        markersize=5,
    )
    yield line, values[-1]


def apart(values: Sequence[float], low: float, high: float) -> list[float]:
    """Return where labels stand, 0 to 1, beside values of a logarithmic axis: none on another."""
    span = math.log(high / low)
    wanted = [math.log(value / low) / span for value in values]
    places = dict(enumerate(wanted))
    for _ in range(200):
        order = sorted(places, key=places.__getitem__)
        for below, above in pairwise(order):
            lack = NEAREST - (places[above] - places[below])
            if lack > 0:
                places[below] -= lack / 2
                places[above] += lack / 2
    return [places[index] for index in range(len(values))]


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    draw(json.loads(source.read_text()), target)


if __name__ == "__main__":
    main()
