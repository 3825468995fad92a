"""What an experiment brought is counted from the events, in bounded work."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from django_vwo import results as module
from django_vwo.engine.entities import Campaign
from django_vwo.models import Event, EventKind, EventStatus
from django_vwo.results import GoalResult, recorded_campaigns, results
from django_vwo.sources.current import current

from .conftest import Configure

pytestmark = pytest.mark.django_db
VARIATIONS = {"1": "Control", "2": "Variation-1", "5": "Dropped"}


def event(visitor: str, variation: str = "1", **fields: Any) -> Event:
    """Return an impression of the A/B test, delivered unless *fields* say otherwise."""
    return Event(
        **{
            "kind": EventKind.IMPRESSION,
            "account_id": "123456",
            "user_id": visitor,
            "visitor": visitor,
            "campaign_id": "7",
            "campaign_key": "pricing-page",
            "variation_id": variation,
            "variation_name": VARIATIONS[variation],
            "occurred_at": timezone.now(),
            "status": EventStatus.SENT,
            **fields,
        }
    )


def reached(visitor: str, variation: str = "1", goal: str = "21", **fields: Any) -> Event:
    """Return a conversion."""
    identifier = {"21": "signup", "22": "checkout", "90": "old-goal"}[goal]
    return event(
        visitor,
        variation,
        kind=EventKind.CONVERSION,
        goal_id=goal,
        goal_identifier=identifier,
        **fields,
    )


def save(*rows: Event) -> None:
    Event.objects.bulk_create(rows)


def running() -> Campaign:
    campaigns = current()
    assert campaigns
    return campaigns.campaigns["pricing-page"]


def test_nothing_recorded_is_a_row_of_zeros_for_each_variation(site: Configure) -> None:
    control, other = results(running())
    assert (control.variation, other.variation) == ("Control", "Variation-1")
    assert control.visitors == 0
    assert dict(control.goals) == dict.fromkeys(("signup", "checkout", "visit"), GoalResult())
    assert control.rate("signup") is None


def test_visitors_and_conversions_are_counted_per_variation(site: Configure) -> None:
    save(event("a"), event("b"), event("c", "2"), event("d", "2"), event("e", "2"))
    save(reached("a"), reached("c", "2"), reached("d", "2"))
    control, other = results(running())
    assert (control.visitors, other.visitors) == (2, 3)
    assert (control.goals["signup"].visitors, other.goals["signup"].visitors) == (1, 2)
    assert control.rate("signup") == 0.5
    assert control.rate("unheard-of") == 0


def test_a_visitor_counts_once_and_a_goal_each_time(site: Configure) -> None:
    save(event("a"), event("a"), reached("a"), reached("a"))
    control = results(running())[0]
    assert control.visitors == 1
    assert control.goals["signup"] == GoalResult(conversions=2, visitors=1)


def test_revenue_is_summed_exactly(site: Configure) -> None:
    save(*(reached("a", goal="22", revenue=Decimal("0.1")) for _ in range(3)))
    assert results(running())[0].goals["checkout"].revenue == Decimal("0.3")


@pytest.mark.parametrize(
    ("status", "count"),
    [
        (EventStatus.PENDING, 1),
        (EventStatus.SENT, 1),
        (EventStatus.DEAD, 0),
        (EventStatus.DUPLICATE, 0),
        (EventStatus.CANCELLED, 0),
    ],
)
def test_only_what_is_delivered_or_will_be_counts(
    site: Configure, status: EventStatus, count: int
) -> None:
    save(event("a", status=status), reached("a", status=status))
    control = results(running())[0]
    assert control.visitors == count
    assert control.goals["signup"].conversions == count


def test_variations_and_goals_that_left_the_document_are_told(site: Configure) -> None:
    save(event("a", "5"), reached("a", "5", goal="90"))
    found = results(running())
    assert [each.variation for each in found] == ["Control", "Variation-1", "Dropped"]
    assert found[2].goals["old-goal"].visitors == 1
    assert list(found[0].goals) == ["signup", "checkout", "visit", "old-goal"]


def test_a_campaign_that_left_the_document_is_known_by_its_events() -> None:
    assert current() is None
    save(event("a"), reached("a"), event("b", "2"))
    assert list(recorded_campaigns()) == [("7", "pricing-page")]
    assert {each.variation: each.visitors for each in results("7")} == {
        "Control": 1,
        "Variation-1": 1,
    }
    assert results("8") == []


def test_other_campaigns_and_properties_do_not_count(site: Configure) -> None:
    save(event("a", campaign_id="8", campaign_key="other"), event("b", "2"))
    save(event("a", kind=EventKind.PUSH, campaign_id="", campaign_key="", variation_id="1"))
    assert [each.visitors for each in results(running())] == [0, 1]
    assert list(recorded_campaigns()) == [("7", "pricing-page"), ("8", "other")]


def test_only_the_newest_events_are_counted_and_that_is_told(
    site: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 3)
    save(event("a"), event("b"), event("c"))
    assert results(running())[0].is_complete
    save(event("d", "2"))
    control, other = results(running())
    assert (control.visitors, other.visitors) == (2, 1)
    assert not control.is_complete


def test_the_work_does_not_grow_with_the_events(
    site: Configure, django_assert_num_queries: Any
) -> None:
    save(*(event(str(number)) for number in range(50)), reached("1"))
    campaign = running()
    with django_assert_num_queries(2 + 2 + 3 * 2):  # impressions; recorded goals; three goals
        results(campaign)


def test_where_goals_are_told_of_everybody_only_who_was_shown_it_before_counts(
    optimizely_site: Configure,
) -> None:
    save(event("a"), reached("a", revenue=Decimal(3)))
    save(reached("b", revenue=Decimal(5)), event("b"), reached("b"))
    save(reached("c"), event("c", "2", campaign_id="8"), event("c", status=EventStatus.DEAD))
    control, other = results(running(), needs_showing=True)
    assert control.visitors == 2
    assert control.goals["signup"] == GoalResult(
        conversions=2, visitors=2, revenue=Decimal(3), unshown=2
    )
    assert other.goals["signup"] == GoalResult()


def test_where_only_activated_visitors_convert_all_conversions_count(site: Configure) -> None:
    save(reached("a"))
    assert results(running())[0].goals["signup"] == GoalResult(conversions=1, visitors=1)
