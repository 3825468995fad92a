"""The final count: what the admin shows next to what the collector received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any

from collector import Campaign, Tally

from django_vwo.client import get_client
from django_vwo.results import results

Figures = Mapping[tuple[str, str, str], Decimal]
"""(campaign key, variation name, measure) to its figure; what is missing is 0."""
NAME_WIDTH, SOURCE_WIDTH = 14, 10
VISITORS = "visitors"
REVENUE = "revenue"


def admin_figures(campaigns: Sequence[Campaign]) -> Figures:
    """Return what the admin's results page shows of each of *campaigns*."""
    counts_the_activated = get_client().campaigns.conventions.counts_the_activated
    return {
        (campaign.key, result.variation, measure): Decimal(figure)
        for campaign in campaigns
        for result in results(campaign.id, needs_showing=counts_the_activated)
        for measure, figure in measures_of(result)
    }


def measures_of(result: Any) -> Iterator[tuple[str, int | Decimal]]:
    """Yield measure and figure of one variation."""
    yield VISITORS, result.visitors
    for identifier, goal in result.goals.items():
        yield identifier, goal.visitors
    yield REVENUE, sum((goal.revenue for goal in result.goals.values()), Decimal(0))


def collector_figures(campaigns: Sequence[Campaign], tally: Tally) -> Figures:
    """Return what *tally* counted of each of *campaigns*."""
    figures: dict[tuple[str, str, str], Decimal] = {}
    for campaign in campaigns:
        for variation_id, name in campaign.variations.items():
            place = (campaign.id, variation_id)
            named = (campaign.key, name)
            figures[*named, VISITORS] = Decimal(len(tally.count(*place).visitors))
            counts = {
                identifier: tally.count(*place, goal_id)
                for goal_id, identifier in campaign.goals.items()
            }
            for identifier, count in counts.items():
                figures[*named, identifier] = Decimal(len(count.visitors))
            figures[*named, REVENUE] = sum((count.revenue for count in counts.values()), Decimal(0))
    return figures


def differences(admin: Figures, collector: Figures) -> list[tuple[str, str, str]]:
    """Return where the two do not say the same."""
    places = sorted({*admin, *collector})
    return [place for place in places if admin.get(place, 0) != collector.get(place, 0)]


def table(campaigns: Sequence[Campaign], admin: Figures, collector: Figures) -> str:
    """Return both figures of every variation as text, each pair with the verdict."""
    wrong = {place[:2] for place in differences(admin, collector)}
    known = {(one.key, name) for one in campaigns for name in one.variations.values()}
    parts = [campaign_table(one, admin, collector, wrong) for one in campaigns]
    strange = [
        f"{' / '.join(place)}: DIFFERS, it is not in the document" for place in wrong - known
    ]
    return "\n\n".join([*parts, *strange])


def campaign_table(
    campaign: Campaign, admin: Figures, collector: Figures, wrong: Set[tuple[str, ...]]
) -> str:
    earns = any(
        figures.get((campaign.key, name, REVENUE))
        for figures in (admin, collector)
        for name in campaign.variations.values()
    )
    measures = [VISITORS, *campaign.goals.values(), *([REVENUE] if earns else [])]
    width = max(len(campaign.key), NAME_WIDTH + SOURCE_WIDTH + 2)
    rows = [heading(campaign.key, measures, width)]
    for name in campaign.variations.values():
        place = (campaign.key, name)
        verdict = "DIFFERS" if place in wrong else "agrees"
        rows.append(row(f"  {name:{NAME_WIDTH}}admin", admin, place, measures, width))
        label = f"{'':{NAME_WIDTH + 2}}collector"
        rows.append(row(label, collector, place, measures, width) + f"  {verdict}")
    return "\n".join(rows)


def heading(key: str, measures: Sequence[str], width: int) -> str:
    return f"{key:{width}}" + "".join(f"  {measure:>{width_of(measure)}}" for measure in measures)


def row(
    label: str, figures: Figures, place: tuple[str, str], measures: Sequence[str], width: int
) -> str:
    cells = (
        f"  {shown(figures.get((*place, measure), Decimal(0)), measure):>{width_of(measure)}}"
        for measure in measures
    )
    return f"{label:{width}}" + "".join(cells)


def width_of(measure: str) -> int:
    return max(len(measure), 9)


def shown(figure: Decimal, measure: str) -> str:
    return f"{figure:,.2f}" if measure == REVENUE else f"{figure:,.0f}"
