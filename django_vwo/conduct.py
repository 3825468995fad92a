"""What a call leads to: a decision that is remembered, events that are recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast
from uuid import UUID

from .calls import Call, TrackResult, refuse
from .engine import conversions
from .engine.decision import Decision, decide
from .engine.entities import (
    NOTHING,
    Campaign,
    Feature,
    Goal,
    Occasion,
    Purpose,
    Reason,
    Variation,
)
from .engine.errors import CampaignError, PausedCampaignError, shorten
from .engine.events import Event, Kind, unique_key
from .engine.features import decide_feature
from .engine.steps import forced_variation
from .logs import logger
from .recorders.base import Recorder
from .remembered import Remembered
from .storages.base import NewAssignment

MESSAGES_APART = timedelta(milliseconds=1)
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


@dataclass(slots=True)
class Verdict:
    """A decision, with what is to be done about it."""

    decision: Decision
    feature: Feature | None
    """The feature that was asked about, if one was."""
    variation: Variation | None
    """What the visitor gets; another one than was decided, if another request was first."""
    is_new: bool
    """Whether user storage is to remember it."""
    is_told: bool
    """Whether it is an impression."""
    is_first: bool = True
    """Whether it is what user storage remembers."""

    @property
    def assignment(self) -> NewAssignment:
        """What user storage is to remember."""
        campaign = cast(Campaign, self.decision.campaign)
        mine = cast(Variation, self.decision.variation)
        return NewAssignment(campaign.assignment_key, mine.stored_as, self.decision.replaces)

    def settle_for(self, winner: str) -> None:
        """Take what user storage remembers."""
        campaign = cast(Campaign, self.decision.campaign)
        mine = cast(Variation, self.decision.variation)
        self.is_first = winner == mine.stored_as
        # By what it is stored as it may be another one: names repeat in a document.
        self.variation = mine if self.is_first else campaign.variations.get(winner)


OnDecided = Callable[[str, str | None, Reason, Purpose], object]
"""Takes the campaign's key, the variation's name or None, why, and what was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """How calls are answered: what they are decided with, and where what they lead to goes."""

    recorder: Recorder
    requires_activation: bool
    report: Callable[[str, Exception], None]
    """Takes the name of a call and the failure that it survives."""
    clock: Callable[[], datetime]
    new_uuid: Callable[[], UUID]
    on_decided: OnDecided | None = None

    def decide(self, call: Call, campaign: Campaign, purpose: Purpose) -> Decision:
        """Return the decision, with why there is no variation in the debug log."""
        decision = decide(
            call.campaigns,
            campaign,
            call.visitor,
            call.remembered,
            purpose,
            requires_activation=self.asks_for_activation(call),
            set_by_site=call.set_by_site,
        )
        if decision.variation is None:
            logger.debug("%s: campaign %r: %s.", call.name, campaign.key, decision.reason.value)
        return decision

    def asks_for_activation(self, call: Call) -> bool:
        """Return whether only a visitor who was shown a campaign may be found in it."""
        return self.requires_activation and call.campaigns.conventions.asks_for_activation

    def variation(self, call: Call, campaign: Campaign, purpose: Purpose) -> Variation | None:
        """Return the visitor's variation, remembered and recorded as *purpose* asks for."""
        verdict = self.verdict(call, self.decide(call, campaign, purpose), purpose)
        self.settle(call, [verdict], purpose)
        return verdict.variation

    def features(
        self, call: Call, features: Iterable[Feature], purpose: Purpose
    ) -> Sequence[Verdict]:
        """
        Return what the visitor gets of each of *features*.

        It is remembered and recorded as *purpose* asks for, all together.
        """
        verdicts = []
        for feature in features:
            decision = decide_feature(
                feature, call.visitor, lambda campaign: self.decide(call, campaign, purpose)
            )
            verdicts.append(self.verdict(call, decision, purpose, feature))
            expect(call, decision)
        self.settle(call, verdicts, purpose)
        return verdicts

    def verdict(
        self, call: Call, decision: Decision, purpose: Purpose, feature: Feature | None = None
    ) -> Verdict:
        """Return *decision* with what is to be done about it."""
        campaign, variation = decision.campaign, decision.variation
        if purpose is not Purpose.ACTIVATE:
            is_told = False
        elif campaign is None or variation is None:
            is_told = feature is not None and feature.tells_misses
        else:
            is_known = decision.reason is Reason.STORED and not tells_each_activation(call)
            is_told = campaign.is_told and not is_known
        is_new = decision.is_new and call.remembered is not None
        return Verdict(decision, feature, variation, is_new, is_told)

    def settle(self, call: Call, verdicts: Sequence[Verdict], purpose: Purpose) -> None:
        """Carry out *verdicts*, and tell who wants to know."""
        self.carry_out(call, verdicts)
        for verdict in verdicts if self.on_decided is not None else ():
            self.tell(call, verdict, purpose)

    def tell(self, call: Call, verdict: Verdict, purpose: Purpose) -> None:
        """Tell who wants to know of decisions."""
        campaign, variation = verdict.decision.campaign, verdict.variation
        if self.on_decided is None or campaign is None:
            return
        name = variation.name if variation else None
        try:
            self.on_decided(campaign.key, name, verdict.decision.reason, purpose)
        except Exception as error:
            self.report(call.name, error)

    def carry_out(self, call: Call, verdicts: Sequence[Verdict]) -> None:
        """Remember and record what *verdicts* ask for, in one go."""
        told = [verdict for verdict in verdicts if verdict.is_told]
        try:
            if call.remembered is not None and any(verdict.is_new for verdict in verdicts):
                told = self.assign(call, call.remembered, verdicts, told)
            if told:
                self.recorder.record([self.impression(call, verdict) for verdict in told])
        except Exception as error:
            self.report(call.name, error)

    def assign(
        self,
        call: Call,
        remembered: Remembered,
        verdicts: Sequence[Verdict],
        told: list[Verdict],
    ) -> list[Verdict]:
        """
        Remember what is new in *verdicts*, and record impressions. Returns those still to record.

        Of what is told once, that is the impression of whoever comes first, be the visitor shown
        the variation or not. What is told each time does not depend on the storage.
        """
        each_time = tells_each_activation(call)
        new = [verdict for verdict in verdicts if verdict.is_new]

        def write() -> list[str]:
            with remembered.storage.writing() as writing:
                winners = writing.add_all(call.visitor, [verdict.assignment for verdict in new])
                for verdict, winner in zip(new, winners, strict=True):
                    verdict.settle_for(winner)
                if not each_time:
                    firsts = [verdict for verdict in new if verdict.is_first]
                    others = [verdict for verdict in told if not verdict.is_new]
                    events = [self.impression(call, each) for each in (*firsts, *others)]
                    if events:
                        self.recorder.record(events)
            return winners

        try:
            winners = remembered.storage.insist(write)
        except Exception as error:
            remembered.reread()
            for verdict in new:
                verdict.variation = verdict.decision.variation
            self.report(call.name, error)
        else:
            for verdict, winner in zip(new, winners, strict=True):
                remembered.learn(verdict.assignment.key, winner)
        return [each for each in told if each.variation or not each.is_new] if each_time else []

    def impression(self, call: Call, verdict: Verdict) -> Event:
        """Return the event that tells of *verdict*."""
        campaign, variation = verdict.decision.campaign, verdict.variation
        if variation is None:
            return self.event(Kind.IMPRESSION, call, feature=verdict.feature)
        once = None
        if verdict.is_new and not tells_each_activation(call):
            once = unique_key(Kind.IMPRESSION, verdict.assignment.key, variation.stored_as)
        return self.event(
            Kind.IMPRESSION, call, campaign, variation, feature=verdict.feature, once=once
        )

    def track(
        self, call: Call, specifier: str | list[Any] | None, reach: Reach
    ) -> TrackResult | None:
        """Return for which campaigns it was recorded. Raises `CampaignError` if none has it."""
        campaigns = conversions.campaigns_with_goal(call.campaigns, specifier, reach.identifier)
        if isinstance(specifier, list):
            self.report_left_out(call, specifier)
        if specifier is None and call.campaigns.conventions.tracks_undecided:
            return self.track_undecided(call, campaigns, reach)
        if not campaigns and not isinstance(specifier, list):
            raise no_goal(call, specifier, reach.identifier)
        found: list[tuple[Campaign, Goal | None, Verdict | None]] = []
        taken: set[str | None] = set()
        for campaign in campaigns:
            goal, verdict = self.goal_that_counts(call, campaign, reach, taken), None
            if goal is not None:
                decision = self.decide(call, campaign, Purpose.TRACK)
                verdict = self.verdict(call, decision, Purpose.TRACK)
                expect(call, decision)
                if decision.variation is not None:
                    taken.add(key_of(call, campaign, decision))
            found.append((campaign, goal, verdict))
        self.settle(call, [verdict for _, _, verdict in found if verdict], Purpose.TRACK)
        result = TrackResult()
        reached: list[Conversion] = []
        for campaign, goal, verdict in found:
            result[campaign.key] = False
            if goal and verdict and verdict.variation is not None:
                result[campaign.key] = True
                reached.append(self.conversion(call, campaign, goal, verdict, reach))
        if reached and not self.record_conversions(call, reached, reach):
            return TrackResult(dict.fromkeys(result, False))
        return result

    def track_undecided(self, call: Call, campaigns: list[Campaign], reach: Reach) -> TrackResult:
        """Return that it was recorded, for those that the vendor will find the visitor in."""
        goal = call.campaigns.goals.get(reach.identifier)
        if goal is None:
            raise no_goal(call, None, reach.identifier)
        event = self.event(Kind.CONVERSION, call, goal=goal, revenue=reach.revenue)
        is_recorded = self.record_conversions(call, [Conversion(event, None)], reach)
        keys = [campaign.key for campaign in campaigns] or [reach.identifier]
        return TrackResult(dict.fromkeys(keys, is_recorded))

    def report_left_out(self, call: Call, specifier: list[Any]) -> None:
        """Report what stands in *specifier* and is no key of a running campaign."""
        for key in specifier:
            if not isinstance(key, str):
                error = refuse(call.name, "campaign_specifier", key, "a list of keys")
                self.report(call.name, error)
            elif key not in call.campaigns.campaigns:
                self.report(call.name, no_campaign(call, key))

    def goal_that_counts(
        self, call: Call, campaign: Campaign, reach: Reach, taken: Collection[str | None]
    ) -> Goal | None:
        """
        Return the goal of *campaign* that was reached; None if it does not count there.

        *taken* are the assignments in which this call has reached it already.
        """
        goal = campaign.goals.get(reach.identifier)
        if goal is None or not conversions.takes_goal(campaign, goal, reach.goal_type_to_track):
            return None
        takes_properties = call.campaigns.has_event_properties
        if conversions.lacks_revenue(goal, reach.revenue, call.properties, takes_properties):
            logger.warning("track: goal %r needs a revenue_value.", goal.identifier)
            return None
        if counts_once(goal, reach) and was_reached(call, campaign, goal, taken):
            return None
        return goal

    def conversion(
        self, call: Call, campaign: Campaign, goal: Goal, verdict: Verdict, reach: Reach
    ) -> Conversion:
        """Return what it means that *goal* was reached in the variation of *verdict*."""
        variation = cast(Variation, verdict.variation)
        key = key_of(call, campaign, verdict.decision)
        once = None
        if counts_once(goal, reach) and key is not None:
            once = unique_key(Kind.CONVERSION, key, variation.stored_as, goal.identifier)
        event = self.event(
            Kind.CONVERSION, call, campaign, variation, goal, reach.revenue, once=once
        )
        return Conversion(event, key)

    def record_conversions(self, call: Call, reached: list[Conversion], reach: Reach) -> bool:
        """Return whether *reached* could be recorded, all together."""
        events = [conversion.event for conversion in reached]
        if call.campaigns.joined is not None:
            events = list(call.campaigns.joined(events))
        try:
            self.recorder.record(events)
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

    def moment(self, call: Call, kind: Kind) -> datetime:
        """
        Return when an event of *call* happened: its conversions, at the same moment.

        Those are one message. Others tell a later millisecond, as messages are told apart by it.
        """
        if kind is Kind.CONVERSION and call.converted_at is not None:
            return call.converted_at
        moment = self.clock()
        if call.latest_at is not None:
            moment = max(moment, call.latest_at + MESSAGES_APART)
        call.latest_at = moment
        if kind is Kind.CONVERSION:
            call.converted_at = moment
        return moment

    def event(
        self,
        kind: Kind,
        call: Call,
        campaign: Campaign | None = None,
        variation: Variation | None = None,
        goal: Goal | None = None,
        revenue: int | float | str | None = None,
        feature: Feature | None = None,
        once: str | None = None,
    ) -> Event:
        """Return the event; *once* names what it must not be counted twice for."""
        takes_properties = call.campaigns.has_event_properties
        return Event(
            kind=kind,
            uuid=self.new_uuid(),
            occurred_at=self.moment(call, kind),
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
            told=self.told(call, campaign, variation, feature),
            user_agent=call.user_agent,
            ip_address=call.ip_address,
        )

    def told(
        self,
        call: Call,
        campaign: Campaign | None,
        variation: Variation | None,
        feature: Feature | None,
    ) -> Mapping[str, Any]:
        """Return what the vendor is told of an event in the dialect's own words."""
        tell = call.campaigns.told
        if tell is None:
            return NOTHING
        return tell(
            Occasion(
                visitor=call.visitor,
                campaign=campaign,
                variation=variation,
                feature=feature,
                properties=call.properties,
            )
        )


def expect(call: Call, decision: Decision) -> None:
    """Have *decision* seen by those that follow in the same call, before it is remembered."""
    if decision.is_new and call.remembered is not None and decision.campaign is not None:
        variation = cast(Variation, decision.variation)
        call.remembered.expect(decision.campaign.assignment_key, variation.stored_as)


def counts_once(goal: Goal, reach: Reach) -> bool:
    """Return whether only the first time counts."""
    return not (reach.counts_again or goal.is_repeatable)


def key_of(call: Call, campaign: Campaign, decision: Decision) -> str | None:
    """Return the assignment that a conversion counts in; None for a whitelisted visitor."""
    is_remembered = call.remembered is not None and decision.reason is not Reason.FORCED
    return campaign.assignment_key if is_remembered else None


def tells_each_activation(call: Call) -> bool:
    """Return whether every activation is an impression, not only a first assignment."""
    return call.campaigns.conventions.tells_each_activation


def was_reached(call: Call, campaign: Campaign, goal: Goal, taken: Collection[str | None]) -> bool:
    """
    Return whether user storage knows the goal as reached; nothing is kept of the whitelisted.

    *taken* are the assignments of which it is going to know it.
    """
    if call.remembered is None:
        return False
    call.remembered.know_goal(goal.identifier)
    found = call.remembered.get(campaign.assignment_key)
    if found is None:
        return False
    if goal.identifier not in found.goals and campaign.assignment_key not in taken:
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
