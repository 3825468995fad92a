"""What a call leads to: a decision that is remembered, events that are recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from .calls import Call, TrackResult, refuse
from .engine import conversions
from .engine.decision import Decision, decide
from .engine.entities import Campaign, Goal, Purpose, Reason, Variation
from .engine.errors import CampaignError, PausedCampaignError, shorten
from .engine.events import Event, Kind, unique_key
from .engine.steps import forced_variation
from .recorders.base import Recorder
from .remembered import Remembered
from .storages.base import NewAssignment

logger = logging.getLogger("django_vwo")

MOST_NAMES = 5
"""How many of the document's own names a message shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """A goal that was reached, as `track` was told."""

    identifier: str
    revenue: int | float | str | None
    goal_type_to_track: str
    counts_again: bool
    """Whether it counts although it was reached before."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A conversion to record."""

    event: Event
    key: str | None
    """The assignment that it counts in; None for a whitelisted visitor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """How calls are answered: what they are decided with, and where what they lead to goes."""

    recorder: Recorder
    requires_activation: bool
    report: Callable[[str, Exception], None]
    """Takes the name of a call and the failure that it survives."""
    clock: Callable[[], datetime]
    new_uuid: Callable[[], UUID]

    def decide(self, call: Call, campaign: Campaign, purpose: Purpose) -> Decision:
        """Return the decision, with why there is no variation in the debug log."""
        decision = decide(
            call.campaigns,
            campaign,
            call.visitor,
            call.remembered,
            purpose,
            requires_activation=self.requires_activation,
        )
        if decision.variation is None:
            logger.debug("%s: campaign %r: %s.", call.name, campaign.key, decision.reason.value)
        return decision

    def variation(self, call: Call, campaign: Campaign, purpose: Purpose) -> Variation | None:
        """Return the visitor's variation, remembered and recorded as *purpose* asks for."""
        return self.settle(call, campaign, self.decide(call, campaign, purpose), purpose)

    def settle(
        self, call: Call, campaign: Campaign, decision: Decision, purpose: Purpose
    ) -> Variation | None:
        """Return the variation to use; remember and record what the decision asks for."""
        variation = decision.variation
        if variation is None or decision.reason is Reason.STORED:
            return variation
        try:
            if decision.is_new and call.remembered is not None:
                return self.assign(call, call.remembered, campaign, variation, decision.replaces)
            if purpose is Purpose.ACTIVATE:
                self.recorder.record([self.event(Kind.IMPRESSION, call, campaign, variation)])
        except Exception as error:
            self.report(call.name, error)
        return variation

    def assign(
        self,
        call: Call,
        remembered: Remembered,
        campaign: Campaign,
        variation: Variation,
        replaces: str | None,
    ) -> Variation | None:
        """Return the remembered variation; record an impression unless it is another one."""
        key = campaign.assignment_key
        with remembered.storage.writing() as writing:
            winner = writing.add(call.visitor, NewAssignment(key, variation.name, replaces))
            if winner == variation.name:
                once = unique_key(Kind.IMPRESSION, key, winner)
                event = self.event(Kind.IMPRESSION, call, campaign, variation, once=once)
                self.recorder.record([event])
        remembered.learn(key, winner)
        return campaign.variations.get(winner)

    def track(
        self, call: Call, specifier: str | list[Any] | None, reach: Reach
    ) -> TrackResult | None:
        """Return for which campaigns it was recorded. Raises `CampaignError` if none has it."""
        campaigns = conversions.campaigns_with_goal(call.campaigns, specifier, reach.identifier)
        if isinstance(specifier, list):
            self.report_left_out(call, specifier)
        elif not campaigns:
            raise no_goal(call, specifier, reach.identifier)
        result = TrackResult()
        reached = []
        for campaign in campaigns:
            conversion = self.conversion(call, campaign, reach)
            result[campaign.key] = conversion is not None
            if conversion:
                reached.append(conversion)
        if reached and not self.record_conversions(call, reached, reach):
            return TrackResult(dict.fromkeys(result, False))
        return result

    def report_left_out(self, call: Call, specifier: list[Any]) -> None:
        """Report what stands in *specifier* and is no key of a running campaign."""
        for key in specifier:
            if not isinstance(key, str):
                error = refuse(call.name, "campaign_specifier", key, "a list of keys")
                self.report(call.name, error)
            elif key not in call.campaigns.campaigns:
                self.report(call.name, no_campaign(call, key))

    def conversion(self, call: Call, campaign: Campaign, reach: Reach) -> Conversion | None:
        """Return what the goal means in *campaign*; None if it does not count there."""
        goal = campaign.goals.get(reach.identifier)
        if goal is None or not conversions.takes_goal(campaign, goal, reach.goal_type_to_track):
            return None
        takes_properties = call.campaigns.has_event_properties
        if conversions.lacks_revenue(goal, reach.revenue, call.properties, takes_properties):
            logger.warning("track: goal %r needs a revenue_value.", goal.identifier)
            return None
        counts_once = not (reach.counts_again or goal.is_repeatable)
        if counts_once and was_reached(call, campaign, goal):
            return None
        decision = self.decide(call, campaign, Purpose.TRACK)
        variation = self.settle(call, campaign, decision, Purpose.TRACK)
        if variation is None:
            return None
        is_remembered = call.remembered is not None and decision.reason is not Reason.FORCED
        key = campaign.assignment_key if is_remembered else None
        once = None
        if counts_once and key is not None:
            once = unique_key(Kind.CONVERSION, key, variation.name, goal.identifier)
        event = self.event(Kind.CONVERSION, call, campaign, variation, goal, reach.revenue, once)
        return Conversion(event, key)

    def record_conversions(self, call: Call, reached: list[Conversion], reach: Reach) -> bool:
        """Return whether *reached* could be recorded, all together."""
        try:
            self.recorder.record([conversion.event for conversion in reached])
        except Exception as error:
            self.report(call.name, error)
            return False
        keys = [conversion.key for conversion in reached if conversion.key is not None]
        if call.remembered is not None and keys:
            self.remember_goal(call, call.remembered, keys, reach.identifier)
        return True

    def remember_goal(
        self, call: Call, remembered: Remembered, keys: list[str], goal_identifier: str
    ) -> None:
        """Have it remembered that the goal was reached: it is recorded, whatever comes of this."""
        try:
            remembered.learn_goal(keys, goal_identifier)
        except Exception as error:
            self.report(call.name, error)

    def push(self, call: Call) -> None:
        """Record properties of the visitor."""
        self.recorder.record([self.event(Kind.PUSH, call)])

    def event(
        self,
        kind: Kind,
        call: Call,
        campaign: Campaign | None = None,
        variation: Variation | None = None,
        goal: Goal | None = None,
        revenue: int | float | str | None = None,
        once: str | None = None,
    ) -> Event:
        """Return the event; *once* names what it must not be counted twice for."""
        takes_properties = call.campaigns.has_event_properties
        return Event(
            kind=kind,
            uuid=self.new_uuid(),
            occurred_at=self.clock(),
            account_id=call.campaigns.account_id,
            user_id=call.visitor.user_id,
            visitor=call.visitor.key,
            campaign_id=campaign.id if campaign else "",
            campaign_key=campaign.key if campaign else "",
            variation_id=variation.id if variation else "",
            variation_name=variation.name if variation else "",
            goal_id=goal.id if goal else "",
            goal_identifier=goal.identifier if goal else "",
            goal_type=goal.type.value if goal else "",
            revenue=revenue,
            revenue_prop=goal.revenue_prop if goal and takes_properties else None,
            unique_key=once,
            properties=dict(call.properties),
            custom_properties=call.custom_properties,
            user_agent=call.user_agent,
            ip_address=call.ip_address,
        )


def was_reached(call: Call, campaign: Campaign, goal: Goal) -> bool:
    """Return whether user storage knows the goal as reached; nothing is kept of the whitelisted."""
    if call.remembered is None:
        return False
    call.remembered.know_goal(goal.identifier)
    found = call.remembered.get(campaign.assignment_key)
    if found is None or goal.identifier not in found.goals:
        return False
    return forced_variation(call.campaigns, campaign, call.visitor) is None


def no_campaign(call: Call, key: str) -> CampaignError:
    """
    Return the error that says why no campaign has *key*.

    A key that the document does not know stays untold: where arguments were swapped, it is a user
    id.
    """
    campaigns = call.campaigns
    if key in campaigns.paused_keys:
        return PausedCampaignError(call.name, f"campaign {key!r} is not running")
    found = f"no campaign has the key that was given ({len(key)} characters)"
    return CampaignError(call.name, f"{found}; {known(campaigns.campaigns)}")


def no_goal(call: Call, key: str | None, goal_identifier: str) -> CampaignError:
    """Return the error that says why nothing has the goal; it tells as little as `no_campaign`."""
    campaigns = call.campaigns
    if key is not None and key not in campaigns.campaigns:
        return no_campaign(call, key)
    if goal_identifier in campaigns.paused_goals:
        return PausedCampaignError(call.name, f"no campaign with goal {goal_identifier!r} runs")
    which = "no running campaign has" if key is None else f"campaign {key!r} does not have"
    goals = campaigns.campaigns_by_goal if key is None else campaigns.campaigns[key].goals
    found = f"{which} the goal that was given ({len(goal_identifier)} characters)"
    return CampaignError(call.name, f"{found}; {known(goals)}")


def known(names: Collection[str]) -> str:
    """Return the first of *names*, in words."""
    if not names:
        return "known: none"
    shown = ", ".join(shorten(name) for name in islice(names, MOST_NAMES))
    return f"known: {shown}" + (" and more" if len(names) > MOST_NAMES else "")
