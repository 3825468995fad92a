"""The final count: what the admin shows next to what the collector received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from collector import Tally

from django_vwo.results import results

Figures = Mapping[tuple[str, str, str], Decimal]
"""(campaign key, variation name, measure) to its figure; what is missing is 0."""
VISITORS = "visitors"
REVENUE = "revenue"


def admin_figures(document: Mapping[str, Any]) -> Figures:
    """Return what the admin's results page shows of each campaign of *document*."""
    return {
        (campaign["key"], result.variation, measure): Decimal(figure)
        for campaign in document["campaigns"]
        for result in results(str(campaign["id"]))
        for measure, figure in measures_of(result)
    }


def measures_of(result: Any) -> Iterator[tuple[str, int | Decimal]]:
    """Yield measure and figure of one variation."""
    yield VISITORS, result.visitors
    for identifier, goal in result.goals.items():
        yield identifier, goal.visitors
    yield REVENUE, sum((goal.revenue for goal in result.goals.values()), Decimal(0))


def collector_figures(document: Mapping[str, Any], tally: Tally) -> Figures:
    """Return what *tally* counted of each campaign of *document*."""
    figures: dict[tuple[str, str, str], Decimal] = {}
    for campaign in document["campaigns"]:
        for variation in campaign["variations"]:
            place = (str(campaign["id"]), str(variation["id"]))
            named = (campaign["key"], variation["name"])
            figures[*named, VISITORS] = Decimal(len(tally.count(*place).visitors))
            counts = {
                goal["identifier"]: tally.count(*place, str(goal["id"]))
                for goal in campaign["goals"]
            }
            for identifier, count in counts.items():
                figures[*named, identifier] = Decimal(len(count.visitors))
            figures[*named, REVENUE] = sum((count.revenue for count in counts.values()), Decimal(0))
    return figures


def differences(admin: Figures, collector: Figures) -> list[tuple[str, str, str]]:
    """Return where the two do not say the same."""
    places = sorted({*admin, *collector})
    return [place for place in places if admin.get(place, 0) != collector.get(place, 0)]


def table(document: Mapping[str, Any], admin: Figures, collector: Figures) -> str:
    """Return both figures of every variation as text, each pair with the verdict."""
    wrong = {place[:2] for place in differences(admin, collector)}
    known = {
        (one["key"], arm["name"]) for one in document["campaigns"] for arm in one["variations"]
    }
    parts = [campaign_table(one, admin, collector, wrong) for one in document["campaigns"]]
    strange = [
        f"{' / '.join(place)}: DIFFERS, it is not in the document" for place in wrong - known
    ]
    return "\n\n".join([*parts, *strange])


def campaign_table(
    campaign: Mapping[str, Any], admin: Figures, collector: Figures, wrong: set[Any]
) -> str:
    goals = [goal["identifier"] for goal in campaign["goals"]]
    has_revenue = any(goal["type"] == "REVENUE_TRACKING" for goal in campaign["goals"])
    measures = [VISITORS, *goals, *([REVENUE] if has_revenue else [])]
    rows = [heading(campaign["key"], measures)]
    for variation in campaign["variations"]:
        place = (campaign["key"], variation["name"])
        verdict = "DIFFERS" if place in wrong else "agrees"
        rows.append(row(place[1], "admin", admin, place, measures))
        rows.append(row("", "collector", collector, place, measures) + f"  {verdict}")
    return "\n".join(rows)


def heading(key: str, measures: Sequence[str]) -> str:
    return f"{key:26}" + "".join(f"  {measure:>{width_of(measure)}}" for measure in measures)


def row(
    name: str, source: str, figures: Figures, place: tuple[str, str], measures: Sequence[str]
) -> str:
    cells = (
        f"  {shown(figures.get((*place, measure), Decimal(0)), measure):>{width_of(measure)}}"
        for measure in measures
    )
    return f"  {name:14}{source:10}" + "".join(cells)


def width_of(measure: str) -> int:
    return max(len(measure), 9)


def shown(figure: Decimal, measure: str) -> str:
    return f"{figure:,.2f}" if measure == REVENUE else f"{figure:,.0f}"
