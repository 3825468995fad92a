"""What a call leads to: a decision that is remembered, events that are recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from logging import DEBUG
from typing import Any, cast

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

is_logged = logger.logger.isEnabledFor  # without the detour through the adapter
MESSAGES_APART = timedelta(milliseconds=1)
MOST_NAMES = 5
"""How many of the document's own names a message shows."""


# Python 3.11 takes 0.06 µs to look a member of an enumeration up.
ACTIVATE = Purpose.ACTIVATE
FORCED = Reason.FORCED
STORED = Reason.STORED
CONVERSION = Kind.CONVERSION
IMPRESSION = Kind.IMPRESSION
PUSH = Kind.PUSH


@dataclass(slots=True)
class Reach:
    """A goal that was reached, as `track` was told."""

    identifier: str
    revenue: int | float | str | None
    goal_type_to_track: str
    counts_again: bool
    """Whether it counts although it was reached before."""


@dataclass(slots=True)
class Claim:
    """A decision that user storage is to remember, unless another request was first."""

    decision: Decision
    mine: Variation
    """The variation that was decided, whatever becomes of it."""
    is_first: bool = True
    """Whether it is what user storage remembers."""

    @property
    def assignment(self) -> NewAssignment:
        """What user storage is to remember."""
        campaign = cast(Campaign, self.decision.campaign)
        return NewAssignment(campaign.assignment_key, self.mine.stored_as, self.decision.replaces)

    def settle_for(self, winner: str) -> None:
        """Take what user storage remembers."""
        campaign = cast(Campaign, self.decision.campaign)
        self.is_first = winner == self.mine.stored_as
        # By what it is stored as it may be another one: names repeat in a document.
        self.decision.variation = self.mine if self.is_first else campaign.variations.get(winner)


OnDecided = Callable[[str, str | None, Reason, Purpose], object]
"""Takes the campaign's key, the variation's name or None, why, and what was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """How calls are answered: what they are decided with, and where what they lead to goes."""

    recorder: Recorder
    report: Callable[[str, Exception], None]
    """Takes the name of a call and the failure that it survives."""
    clock: Callable[[], datetime]
    new_message_id: Callable[[], int]
    on_decided: OnDecided | None = None

    def campaign(self, call: Call, campaign: Campaign) -> Decision:
        """Return the decision, remembered and recorded as the call's purpose asks."""
        decision = decide(call, campaign)
        if decision.variation is None and is_logged(DEBUG):
            log_miss(call, campaign, decision)
        if decision.is_new or call.purpose is ACTIVATE or self.on_decided is not None:
            self.settle_one(call, decision)
        return decision

    def feature(self, call: Call, feature: Feature) -> Decision:
        """Return what the visitor gets of *feature*; see `features`."""
        decision = decide_feature(call, feature, decide_and_log)
        self.settle_one(call, decision)
        return decision

    def features(self, call: Call, features: Iterable[Feature]) -> Sequence[Decision]:
        """
        Return what the visitor gets of each of *features*.

        It is remembered and recorded as the call's purpose asks, all together.
        """
        decisions = []
        for feature in features:
            decisions.append(decide_feature(call, feature, decide_and_log))
            expect(call, decisions[-1])
        self.settle(call, decisions)
        return decisions

    def settle_one(self, call: Call, decision: Decision) -> None:
        """Do what `settle` does, without its lists: most decisions are alone, and not new."""
        if decision.is_new:
            self.settle(call, (decision,))
            return
        if call.purpose is ACTIVATE and is_impression(call, decision):
            try:
                self.recorder.record([self.impression(call, decision)])
            except Exception as error:
                self.report(call.name, error)
        if self.on_decided is not None:
            self.tell(call, decision)

    def settle(self, call: Call, decisions: Sequence[Decision]) -> None:
        """Remember and record what *decisions* ask for, in one go; tell who wants to know."""
        new: list[Decision] = []
        told: list[Decision] = []
        for decision in decisions:
            if decision.is_new:
                new.append(decision)
            if call.purpose is ACTIVATE and is_impression(call, decision):
                told.append(decision)
        try:
            if new and call.stored is not None:
                told = self.assign(call, call.stored, new, told)
            if told:
                self.recorder.record([self.impression(call, decision) for decision in told])
        except Exception as error:
            self.report(call.name, error)
        if self.on_decided is not None:
            for decision in decisions:
                self.tell(call, decision)

    def tell(self, call: Call, decision: Decision) -> None:
        """Tell who wants to know of decisions."""
        campaign, variation = decision.campaign, decision.variation
        if self.on_decided is None or campaign is None:
            return
        name = variation.name if variation else None
        try:
            self.on_decided(campaign.key, name, decision.reason, call.purpose)
        except Exception as error:
            self.report(call.name, error)

    def assign(
        self,
        call: Call,
        remembered: Remembered,
        new: Sequence[Decision],
        told: Sequence[Decision],
    ) -> list[Decision]:
        """
        Remember what is *new*, and record impressions. Returns those of *told* still to record.

        Of what is told once, that is the impression of whoever comes first, be the visitor shown
        the variation or not. What is told each time does not depend on the storage.
        """
        each_time = call.campaigns.conventions.tells_each_activation
        claims = [Claim(decision, cast(Variation, decision.variation)) for decision in new]

        def write() -> list[str]:
            with remembered.storage.writing() as writing:
                winners = writing.add_all(call, [claim.assignment for claim in claims])
                for claim, winner in zip(claims, winners, strict=True):
                    claim.settle_for(winner)
                if not each_time:
                    firsts = [claim.decision for claim in claims if claim.is_first]
                    others = [decision for decision in told if not decision.is_new]
                    events = [self.impression(call, each) for each in (*firsts, *others)]
                    if events:
                        self.recorder.record(events)
            return winners

        try:
            winners = remembered.storage.insist(write)
        except Exception as error:
            remembered.reread()
            for claim in claims:
                claim.decision.variation = claim.mine
            self.report(call.name, error)
        else:
            for claim, winner in zip(claims, winners, strict=True):
                remembered.learn(claim.assignment.key, winner)
        if not each_time:
            return []
        return [decision for decision in told if decision.variation or not decision.is_new]

    def impression(self, call: Call, decision: Decision) -> Event:
        """Return the event that tells of *decision*."""
        campaign, variation = decision.campaign, decision.variation
        if campaign is None or variation is None:
            return self.event(IMPRESSION, call, feature=decision.feature)
        once = None
        if decision.is_new and not call.campaigns.conventions.tells_each_activation:
            once = unique_key(IMPRESSION, campaign.assignment_key, variation.stored_as)
        return self.event(
            IMPRESSION, call, campaign, variation, feature=decision.feature, once=once
        )

    def track(
        self, call: Call, specifier: str | list[Any] | None, reach: Reach
    ) -> TrackResult | None:
        """Return for which campaigns it was recorded. Raises `CampaignError` if none has it."""
        if specifier is None and call.campaigns.conventions.tracks_undecided:
            return self.track_undecided(call, reach)
        campaigns = conversions.campaigns_with_goal(call.campaigns, specifier, reach.identifier)
        if isinstance(specifier, list):
            self.report_left_out(call, specifier)
        if not campaigns and not isinstance(specifier, list):
            raise no_goal(call, specifier, reach.identifier)
        found: list[tuple[Campaign, Goal | None, Decision | None]] = []
        taken: set[str] = set()
        for campaign in campaigns:
            goal, decision = self.goal_that_counts(call, campaign, reach, taken), None
            if goal is not None:
                decision = decide_and_log(call, campaign)
                expect(call, decision)
                if decision.variation is not None and is_remembered(call, decision):
                    taken.add(campaign.assignment_key)
            found.append((campaign, goal, decision))
        self.settle(call, [decision for _, _, decision in found if decision])
        result = TrackResult()
        reached: list[Event] = []
        keys: list[str] = []
        for campaign, goal, decision in found:
            result[campaign.key] = False
            if goal and decision and decision.variation is not None:
                result[campaign.key] = True
                reached.append(self.conversion(call, goal, decision, reach))
                if is_remembered(call, decision):
                    keys.append(campaign.assignment_key)
        if reached and not self.record_conversions(call, reached, keys, reach):
            return TrackResult(dict.fromkeys(result, False))
        return result

    def track_undecided(self, call: Call, reach: Reach) -> TrackResult:
        """Return that it was recorded, for those that the vendor will find the visitor in."""
        goal = call.campaigns.goals.get(reach.identifier)
        if goal is None:
            raise no_goal(call, None, reach.identifier)
        event = self.event(CONVERSION, call, goal=goal, revenue=reach.revenue)
        is_recorded = self.record_conversions(call, [event], [], reach)
        # Of a goal of many campaigns a copy takes a twentieth of the time that a new result does.
        found = call.campaigns.counted_in(goal.identifier)
        return TrackResult(found if is_recorded else dict.fromkeys(found, False))

    def report_left_out(self, call: Call, specifier: list[Any]) -> None:
        """Report what stands in *specifier* and is no key of a running campaign."""
        for key in specifier:
            if not isinstance(key, str):
                error = refuse(call.name, "campaign_specifier", key, "a list of keys")
                self.report(call.name, error)
            elif key not in call.campaigns.campaigns:
                self.report(call.name, no_campaign(call, key))

    def goal_that_counts(
        self, call: Call, campaign: Campaign, reach: Reach, taken: Collection[str]
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
        if call.stored is None or not counts_once(goal, reach):
            return goal
        return None if was_reached(call, call.stored, campaign, goal, taken) else goal

    def conversion(self, call: Call, goal: Goal, decision: Decision, reach: Reach) -> Event:
        """Return the event that tells of *goal*, reached in the variation of *decision*."""
        campaign, variation = cast(Campaign, decision.campaign), cast(Variation, decision.variation)
        once = None
        if is_remembered(call, decision) and counts_once(goal, reach):
            key = campaign.assignment_key
            once = unique_key(CONVERSION, key, variation.stored_as, goal.identifier)
        return self.event(CONVERSION, call, campaign, variation, goal, reach.revenue, once=once)

    def record_conversions(
        self, call: Call, events: Sequence[Event], keys: list[str], reach: Reach
    ) -> bool:
        """Return whether *events*, which count in the assignments *keys*, could be recorded."""
        if call.campaigns.join is not None:
            call.campaigns.join(events)
        try:
            self.recorder.record(events)
        except Exception as error:
            self.report(call.name, error)
            return False
        if call.stored is not None and keys:
            self.remember_goal(call, call.stored, keys, reach.identifier)
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
        self.recorder.record([self.event(PUSH, call)])

    def moment(self, call: Call, kind: Kind) -> datetime:
        """
        Return when an event of *call* happened: its conversions, at the same moment.

        Those are one message. Others tell a later millisecond, as messages are told apart by it.
        """
        if kind is CONVERSION and call.converted_at is not None:
            return call.converted_at
        moment = self.clock()
        if call.latest_at is not None:
            moment = max(moment, call.latest_at + MESSAGES_APART)
        call.latest_at = moment
        if kind is CONVERSION:
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
        campaigns, properties, told = call.campaigns, call.properties, NOTHING
        if campaigns.told is not None:
            told = campaigns.told(
                Occasion(call.custom_variables, campaign, variation, feature, properties)
            )
        # By position: to name 21 fields takes 0.6 µs, to make the event 0.4.
        return Event(
            kind,
            self.new_message_id(),
            self.moment(call, kind),
            campaigns.account_id,
            call.user_id,
            call.key,
            campaign.id if campaign else "",
            campaign.key if campaign else "",
            variation.id if variation else "",
            variation.name if variation else "",
            goal.id if goal else "",
            goal.identifier if goal else "",
            goal.type if goal else "",
            revenue,
            goal.revenue_prop if goal and campaigns.has_event_properties else None,
            once,
            dict(properties) if properties else NOTHING,
            call.custom_properties,
            told,
            call.user_agent,
            call.ip_address,
        )


def decide_and_log(call: Call, campaign: Campaign) -> Decision:
    """Return the decision, with why there is no variation in the debug log."""
    decision = decide(call, campaign)
    if decision.variation is None and is_logged(DEBUG):
        log_miss(call, campaign, decision)
    return decision


def log_miss(call: Call, campaign: Campaign, decision: Decision) -> None:
    """Log why there is no variation."""
    logger.debug("%s: campaign %r: %s.", call.name, campaign.key, decision.reason.value)


def expect(call: Call, decision: Decision) -> None:
    """Have *decision* seen by those that follow in the same call, before it is remembered."""
    if decision.is_new and call.stored is not None and decision.campaign is not None:
        variation = cast(Variation, decision.variation)
        call.stored.expect(decision.campaign.assignment_key, variation.stored_as)


def is_impression(call: Call, decision: Decision) -> bool:
    """Return whether showing the visitor what was decided is told to the vendor."""
    campaign = decision.campaign
    if campaign is None or decision.variation is None:
        return decision.feature is not None and decision.feature.tells_misses
    if decision.reason is STORED and not call.campaigns.conventions.tells_each_activation:
        return False
    return campaign.is_told


def counts_once(goal: Goal, reach: Reach) -> bool:
    """Return whether only the first time counts."""
    return not (reach.counts_again or goal.is_repeatable)


def is_remembered(call: Call, decision: Decision) -> bool:
    """Return whether user storage knows *decision*; nothing is kept of the whitelisted."""
    return call.stored is not None and decision.reason is not FORCED


def was_reached(
    call: Call, remembered: Remembered, campaign: Campaign, goal: Goal, taken: Collection[str]
) -> bool:
    """
    Return whether user storage knows the goal as reached; nothing is kept of the whitelisted.

    *taken* are the assignments of which it is going to know it.
    """
    remembered.know_goal(goal.identifier, campaign.assignment_key)
    found = remembered.get(campaign.assignment_key)
    if found is None:
        return False
    if goal.identifier not in found.goals and campaign.assignment_key not in taken:
        return False
    return forced_variation(call, campaign) is None


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
