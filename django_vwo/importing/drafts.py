"""What a line leads to, worked out by a client of its own; nothing is written yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from uuid import UUID, uuid5

from django.db import DatabaseError

from ..client import Client, site_client
from ..conduct import MESSAGES_APART
from ..engine import conversions
from ..engine.entities import (
    Assignment,
    Campaign,
    CampaignSet,
    Goal,
    Purpose,
    Reason,
    Visitor,
)
from ..engine.errors import CampaignError, PausedCampaignError
from ..engine.events import Event, Kind
from ..failures import describe
from ..recorders.base import Recorder
from ..remembered import Remembered
from ..storages.base import NewAssignment, UserStorage, Writing, together
from .lines import Line

MOST_SHIFTS = 999
"""How many messages of a visitor may tell one second."""
REACHED = "the goal was reached before"
NO_REVENUE = "a revenue goal without a revenue"
NOT_TRACKED = "the goal is not tracked in its campaign"
NOT_RUNNING = "the campaign is not running"

Reach = tuple[str, str, str, str]
"""A visitor's key, a goal, and the campaign and variation in which it was reached."""


class Fate(Enum):
    """What becomes of a line."""

    RECORDED = "recorded"
    KNOWN = "already imported"
    NOT_COUNTED = "not counted"
    REFUSED = "refused"


@dataclass(slots=True)
class Draft:
    """A line, and what is to be recorded of it."""

    line: Line
    uuid: UUID
    visitor: str
    """The visitor's key."""
    fate: Fate = Fate.RECORDED
    reason: str = ""
    """Why it is not recorded."""
    events: list[Event] = field(default_factory=list)
    assignments: list[tuple[Visitor, NewAssignment]] = field(default_factory=list)
    goals: list[tuple[Visitor, Sequence[str], str]] = field(default_factory=list)
    """What user storage is to know as reached, as `UserStorage.add_goals` takes it."""

    def drop(self, fate: Fate, reason: str = "") -> None:
        """Record nothing of the line."""
        self.fate, self.reason = fate, reason
        self.events, self.assignments, self.goals = [], [], []


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known before a batch of lines is looked at."""

    uuids: Collection[UUID] = ()
    """Of lines that were imported."""
    assignments: Mapping[str, Mapping[str, str]] | None = None
    """By visitor's key, assignment key to variation; None: user storage is to be asked."""
    reached: Collection[Reach] = ()
    moments: Collection[tuple[str, datetime]] = ()
    """Visitors' keys, with when something happened."""


class ImportClient(Client):
    """A client that raises what goes wrong, as each line is told of by its number."""

    def report(self, name: str, error: Exception) -> None:
        raise error


class Desk(Recorder):
    """Where the client works on one line: it lays down events, under the line's time and id."""

    def __init__(self, *, keeps_impressions: bool) -> None:
        self.keeps_impressions = keeps_impressions
        self.taken: set[tuple[str, datetime]] = set()
        self.reasons: dict[str, Reason] = {}
        """By campaign key, why the visitor has no variation."""

    def start(self, draft: Draft) -> None:
        """Lay down in *draft* from now on."""
        self.draft = draft
        self.moment = self.free_moment(draft)
        self.reasons.clear()

    def free_moment(self, draft: Draft) -> datetime:
        """
        Return the line's time, or the next millisecond at which nothing else happened.

        VWO tells a visitor's messages apart by the millisecond, and files often tell the second.
        """
        moment = draft.line.time
        for _ in range(MOST_SHIFTS):
            if (draft.visitor, millisecond(moment)) not in self.taken:
                return moment
            moment += MESSAGES_APART
        return draft.line.time

    def clock(self) -> datetime:
        """Return when the line's event happened."""
        return self.moment

    def new_message_id(self) -> int:
        """Return the line's message id."""
        return self.draft.uuid.int

    def on_decided(
        self, campaign_key: str, variation: str | None, reason: Reason, purpose: Purpose
    ) -> None:
        """Note why there is no variation."""
        if variation is None:
            self.reasons[campaign_key] = reason

    def record(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind is Kind.CONVERSION:
                self.draft.events.append(event)
            elif self.keeps_impressions:
                uuid = uuid5(event.uuid, f"{event.kind.name} {event.campaign_id}")
                self.draft.events.append(replace(event, message_id=uuid.int))


class DraftStorage(UserStorage, Writing):
    """Stands before user storage: reads what is known already, and notes what would be written."""

    def __init__(self, storage: UserStorage, desk: Desk, *, keeps_assignments: bool) -> None:
        self.storage = storage
        self.desk = desk
        self.keeps_assignments = keeps_assignments
        self.start(Known())

    def start(self, known: Known) -> None:
        """Read what is *known* from now on."""
        self.known = known
        self.sessions: dict[str, Remembered] = {}
        self.reached: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for visitor, goal, key, variation in known.reached:
            self.reached[visitor, goal].add((key, variation))

    def session(self, user_id: str, campaigns: CampaignSet) -> Remembered:
        """Return what is remembered of the visitor, with what earlier lines would have added."""
        if user_id not in self.sessions:
            visitor = Visitor(user_id, visitor_key=campaigns.visitor_key)
            self.sessions[user_id] = Remembered(self, visitor)
        return self.sessions[user_id]

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        if self.known.assignments is None:
            return self.storage.read(visitor, goal_identifier)
        reached = self.reached.get((visitor.key, goal_identifier or ""), ())
        goals = frozenset({goal_identifier or ""})
        return {
            key: Assignment(variation, goals if (key, variation) in reached else frozenset())
            for key, variation in self.known.assignments.get(visitor.key, {}).items()
        }

    def writing(self) -> AbstractContextManager[Writing]:
        return together(self)

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        if self.keeps_assignments:
            self.desk.draft.assignments.append((visitor, new))
        return new.variation

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        self.desk.draft.goals.append((visitor, keys, goal_identifier))

    def forget(self, visitor: Visitor) -> None:
        """Forget nothing: no line asks for it."""


class Drafter:
    """
    Works out what lines lead to, batch by batch.

    Where the visitors were activated elsewhere, one who is not remembered here is decided on anew,
    and neither that nor an impression is kept.
    """

    def __init__(self, storage: UserStorage | None, *, is_activated_elsewhere: bool) -> None:
        keeps = not is_activated_elsewhere
        self.campaigns: CampaignSet | None = None
        self.desk = Desk(keeps_impressions=keeps)
        self.storage = (
            DraftStorage(storage, self.desk, keeps_assignments=keeps)
            if storage is not None
            else None
        )
        self.client = site_client(
            ImportClient,
            document=lambda: self.campaigns,
            storage=self.storage,
            recorder=self.desk,
            clock=self.desk.clock,
            new_message_id=self.desk.new_message_id,
            on_decided=self.desk.on_decided,
            **({} if keeps else {"require_activation": False}),
        )

    def drafts(self, campaigns: CampaignSet, lines: Sequence[Line]) -> list[Draft]:
        """Return a draft of each line, nothing of which is worked out yet."""
        self.campaigns = campaigns
        account, key = campaigns.account_id, campaigns.visitor_key
        return [Draft(line, line.message_id(account), key(line.user_id)) for line in lines]

    def work_out(self, drafts: Sequence[Draft], known: Known) -> None:
        """Work out what each of *drafts* leads to, when all before it are recorded."""
        self.desk.taken = {(visitor, millisecond(moment)) for visitor, moment in known.moments}
        if self.storage is not None:
            self.storage.start(known)
        seen: set[UUID] = set()
        for draft in drafts:
            if draft.uuid in known.uuids or draft.uuid in seen:
                draft.drop(Fate.KNOWN)
                continue
            self.work_out_line(draft, known.reached)
            if draft.fate is Fate.RECORDED:
                seen.add(draft.uuid)
                self.desk.taken.update(
                    (event.visitor, millisecond(event.occurred_at)) for event in draft.events
                )

    def work_out_line(self, draft: Draft, reached: Collection[Reach]) -> None:
        """Work out what *draft* leads to, whatever is wrong with its line."""
        self.desk.start(draft)
        try:
            self.track(draft, reached)
        except PausedCampaignError:
            draft.drop(Fate.NOT_COUNTED, NOT_RUNNING)
        except CampaignError as error:
            draft.drop(Fate.REFUSED, error.what)
        except DatabaseError:
            raise
        except Exception as error:
            draft.drop(Fate.REFUSED, f"failed: {describe(error)}")

    def track(self, draft: Draft, reached: Collection[Reach]) -> None:
        """Have the client track what the line says."""
        line, campaigns = draft.line, self.client.campaigns
        if self.lacks_revenue(line, campaigns):
            draft.drop(Fate.NOT_COUNTED, NO_REVENUE)
            return
        result = self.client.track(
            line.campaign,
            line.user_id,
            line.goal,
            revenue_value=line.revenue,
            custom_variables=line.attributes or None,
            event_properties=line.tags or None,
            session=self.session(line.user_id),
        )
        if not any(event.kind is Kind.CONVERSION for event in draft.events):
            draft.drop(
                Fate.NOT_COUNTED, self.why_not(line, campaigns, {} if result is None else result)
            )
            return
        draft.events = [
            event if event.unique_key else with_key(event)
            for event in draft.events
            if event.unique_key is None or reach(event) not in reached
        ]
        if not any(event.kind is Kind.CONVERSION for event in draft.events):
            draft.drop(Fate.NOT_COUNTED, REACHED)

    def session(self, user_id: str) -> Remembered | None:
        """Return what is remembered of the visitor; None without user storage."""
        return (
            self.storage.session(user_id, self.client.campaigns)
            if self.storage is not None
            else None
        )

    def lacks_revenue(self, line: Line, campaigns: CampaignSet) -> bool:
        """Return whether the goal is a revenue goal in each campaign, and the line has no value."""
        found = conversions.campaigns_with_goal(campaigns, line.campaign, line.goal)
        goals = [goal for campaign in found if (goal := self.tracked_goal(campaign, line.goal))]
        return bool(goals) and all(lacks_revenue(goal, line, campaigns) for goal in goals)

    def tracked_goal(self, campaign: Campaign, identifier: str) -> Goal | None:
        """Return the goal if it is tracked in *campaign*."""
        goal = campaign.goals.get(identifier)
        is_tracked = conversions.takes_goal(campaign, goal, self.client.goal_type_to_track)
        return goal if is_tracked else None

    def why_not(self, line: Line, campaigns: CampaignSet, result: Mapping[str, bool]) -> str:
        """Return why the goal counts for none of the campaigns in *result*."""
        reasons = [self.why_not_in(key, line, campaigns) for key in result]
        return REACHED if REACHED in reasons else next(iter(reasons), NOT_TRACKED)

    def why_not_in(self, key: str, line: Line, campaigns: CampaignSet) -> str:
        """Return why the goal does not count in the campaign *key*."""
        if key in self.desk.reasons:
            return self.desk.reasons[key].value
        campaign = campaigns.campaigns.get(key)
        goal = self.tracked_goal(campaign, line.goal) if campaign else None
        if goal is None:
            return NOT_TRACKED
        return NO_REVENUE if lacks_revenue(goal, line, campaigns) else REACHED


def lacks_revenue(goal: Goal, line: Line, campaigns: CampaignSet) -> bool:
    """Return whether *goal* needs a revenue, and *line* has none."""
    revenue = line.revenue or None  # 0 is none, to the client too
    return conversions.lacks_revenue(goal, revenue, line.tags, campaigns.has_event_properties)


def with_key(event: Event) -> Event:
    """Return *event*, which counts each time, under a key that lets it count once if imported."""
    key = "\0".join(("IMPORTED", event.kind.name, str(event.uuid), event.campaign_id))
    return replace(event, unique_key=key)


def reach(event: Event) -> Reach:
    return event.visitor, event.goal_identifier, event.campaign_key, event.variation_name


def millisecond(moment: datetime) -> datetime:
    """
    Return *moment* cut to the millisecond.

    >>> str(millisecond(datetime(2026, 3, 1, 12, 30, 15, 123456)))
    '2026-03-01 12:30:15.123000'
    """
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
