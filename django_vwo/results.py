"""What an experiment brought: visitors, conversions and revenue of each variation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice

from django.db import router
from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Sum

from .engine.entities import Campaign
from .engine.events import Kind
from .models import Event, EventStatus

MOST_EVENTS = 100_000
"""So many impressions of a campaign, and conversions of a goal, are looked at: the newest."""
MOST_NAMES = 100
"""So many goals of a campaign, and so many campaigns, are looked up among the events."""
COUNTED = (EventStatus.PENDING, EventStatus.SENT)
"""Not what failed, was cancelled, or is a second one of what counts once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalResult:
    """What the visitors of one variation did for one goal."""

    conversions: int = 0
    """How often the goal was reached, for goals that count each time."""
    visitors: int = 0
    """How many visitors reached it."""
    revenue: Decimal = Decimal(0)
    unshown: int = 0
    """
    How often it was reached by visitors to whom the campaign had not been shown here before.

    Those conversions are not among the above where they do not count; else this is 0.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class VariationResult:
    """What one variation brought."""

    variation: str
    visitors: int = 0
    """How many visitors were shown it."""
    goals: Mapping[str, GoalResult] = field(default_factory=dict)
    """By goal identifier, in the order of the settings document."""
    is_complete: bool = True
    """False if there were more than `MOST_EVENTS`, and only the newest are counted."""

    def rate(self, identifier: str) -> float | None:
        """Return the share of visitors who reached the goal; None if nobody was shown anything."""
        goal = self.goals.get(identifier, GoalResult())
        return goal.visitors / self.visitors if self.visitors else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """One goal of a campaign, or its impressions, counted."""

    by_variation: Mapping[str, GoalResult]
    """By variation id."""
    names: Mapping[str, str]
    """Variation id to the name that the events have."""
    is_complete: bool


def results(campaign: Campaign | str, *, needs_showing: bool = False) -> list[VariationResult]:
    """
    Return what each variation of *campaign* brought, in the order of the settings document.

    *campaign* is one of the document in service, or the id of one that is no longer in it. With
    *needs_showing*, conversions count after an impression alone, as `Conventions` has it.
    """
    campaign_id = campaign if isinstance(campaign, str) else campaign.id
    shown = tally(campaign_id, "")
    goals = goals_of(campaign)
    reached = {goals[each]: tally(campaign_id, each, needs_showing) for each in goals}
    is_complete = shown.is_complete and all(goal.is_complete for goal in reached.values())
    return [
        VariationResult(
            variation=name,
            visitors=shown.by_variation.get(variation_id, GoalResult()).visitors,
            goals={
                identifier: goal.by_variation.get(variation_id, GoalResult())
                for identifier, goal in reached.items()
            },
            is_complete=is_complete,
        )
        for variation_id, name in names_of(campaign, [shown, *reached.values()]).items()
    ]


def tally(campaign_id: str, goal_id: str, needs_showing: bool = False) -> Tally:
    """Return the conversions of a goal, or with *goal_id* "" the impressions, by variation."""
    rows = events().filter(campaign_id=campaign_id, goal_id=goal_id)
    newest_first = rows.order_by("-id").values_list("id", flat=True)
    beyond = max(newest_first[MOST_EVENTS : MOST_EVENTS + 1], default=None)
    counted = rows.filter(status__in=COUNTED, id__gt=beyond or 0)
    groups = counted.values("variation_id")
    if needs_showing:
        groups = counted.annotate(was_shown=Exists(shown_before())).values(
            "variation_id", "was_shown"
        )
    by_variation: dict[str, GoalResult] = {}
    names: dict[str, str] = {}
    for row in groups.annotate(
        name=Max("variation_name"),
        conversions=Count("id"),
        visitors=Count("visitor", distinct=True),
        revenue=Sum("revenue"),
    ):
        names[row["variation_id"]] = row["name"]
        found = by_variation.get(row["variation_id"], GoalResult())
        if row.get("was_shown", True):
            found = replace(
                found,
                conversions=row["conversions"],
                visitors=row["visitors"],
                revenue=row["revenue"] or Decimal(0),
            )
        else:
            found = replace(found, unshown=row["conversions"])
        by_variation[row["variation_id"]] = found
    return Tally(by_variation=by_variation, names=names, is_complete=beyond is None)


def shown_before() -> QuerySet[Event]:
    """Return the impressions of the visitor and campaign of an outer query's row, before it."""
    return events().filter(
        visitor=OuterRef("visitor"),
        goal_identifier="",
        campaign_id=OuterRef("campaign_id"),
        kind=Kind.IMPRESSION,
        status__in=COUNTED,
        occurred_at__lte=OuterRef("occurred_at"),
    )


def names_of(campaign: Campaign | str, tallies: list[Tally]) -> dict[str, str]:
    """Return the names of the variations by id: the document's, then what else was recorded."""
    names = {}
    if isinstance(campaign, Campaign):
        names = {variation.id: variation.name for variation in campaign.variations.values()}
    for counted in tallies:
        for variation_id, name in counted.names.items():
            names.setdefault(variation_id, name)
    return names


def goals_of(campaign: Campaign | str) -> dict[str, str]:
    """Return the identifiers of the goals by id: the document's, then what else was reached."""
    goals = {}
    if isinstance(campaign, Campaign):
        goals = {goal.id: goal.identifier for goal in campaign.goals.values()}
    campaign_id = campaign if isinstance(campaign, str) else campaign.id
    for goal_id, identifier in islice(recorded_goals(campaign_id), MOST_NAMES):
        is_taken = identifier in goals.values()
        goals.setdefault(goal_id, f"{identifier} ({goal_id})" if is_taken else identifier)
    return goals


def recorded_goals(campaign_id: str) -> Iterator[tuple[str, str]]:
    """Yield id and identifier of each goal that was reached in a campaign."""
    rows = events().filter(campaign_id=campaign_id).order_by("goal_id", "id")
    return skip(rows, "goal_id", "goal_identifier")


def recorded_campaigns() -> Iterator[tuple[str, str]]:
    """Yield id and key of each campaign that has events."""
    return skip(events().order_by("campaign_id", "goal_id", "id"), "campaign_id", "campaign_key")


def recorded_accounts() -> Iterator[tuple[str, str]]:
    """Yield the id, twice, of each account that has events."""
    return skip(events().order_by("account_id", "due_at"), "account_id", "account_id")


def skip(rows: QuerySet[Event], column: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield each value of *column* but "", with one *name*: a query each, which reads one row."""
    pairs, found = rows.values_list(column, name), ("", "")
    while following := pairs.filter(**{f"{column}__gt": found[0]}).first():
        found = following
        yield found


def events() -> QuerySet[Event]:
    """Return the events, in the database that they are written to."""
    return Event.objects.using(router.db_for_write(Event)).order_by()
