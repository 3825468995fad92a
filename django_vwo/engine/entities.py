"""A settings document, parsed: what every dialect translates into and every decision reads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from enum import Enum, StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .hashing import Seed, hash_ends, hashes_within
from .values import unchanging

if TYPE_CHECKING:
    from .events import Event
    from .steps import Step

Facts = Mapping[str, Any]
"""What a segment reads: name of a variable to its value, of any type."""

Owner = TypeVar("Owner")

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Segment(Protocol):
    """A condition on the visitor."""

    def evaluate(self, facts: Facts) -> bool | None:
        """Return whether *facts* meet the condition; None if that cannot be told."""


class CampaignType(Enum):
    """What a campaign tests, and so which calls it takes part in."""

    AB = "A/B test"
    FEATURE_TEST = "feature test"
    ROLLOUT = "feature rollout"
    OTHER = "campaign of unknown type"


class Purpose(Enum):
    """What a decision is wanted for."""

    ACTIVATE = "activate"
    """The visitor is shown the variation."""
    TRACK = "track"
    """The visitor reached a goal."""
    READ = "read"
    """The variation, or one of its variables, is asked for again."""


class Reason(Enum):
    """Why a decision came out as it did."""

    SET = "set by the site"
    FORCED = "whitelisted"
    STORED = "remembered"
    BUCKETED = "bucketed"
    NOT_ACTIVATED = "the visitor was never shown this campaign"
    SEGMENT_MISMATCH = "outside the campaign's segment"
    OUTSIDE_TRAFFIC = "outside the campaign's share of traffic"
    LOST_TO_GROUP = "another campaign of its group has the visitor, or none"
    OUTSIDE_RANGES = "outside every variation's range"
    STORAGE_NEEDED = "a multi-armed bandit needs user storage"
    NO_RULE = "no rule of the feature is running"
    UNKNOWN_CAMPAIGN = "no running campaign has this key"
    NO_DOCUMENT = "no settings document is in service"
    NO_CONSENT = "the visitor did not consent"
    ERROR = "an error was logged"


class GoalType(StrEnum):
    """What reaching a goal is worth."""

    CUSTOM = "CUSTOM_GOAL"
    REVENUE = "REVENUE_TRACKING"
    OTHER = ""


@unchanging(kw_only=True)
class Variation:
    """One arm of a campaign, the control included."""

    id: str
    name: str
    stored_as: str
    """What user storage calls it."""
    weight: float = 0
    """Share of the campaign's visitors, in percent."""
    whitelist: Segment | None = None
    """Who is forced into this variation."""
    is_feature_enabled: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Feature variables by key, already of their type; None where the document's value is not."""


@unchanging()
class Ranges(Generic[Owner]):
    """Owners laid out over buckets: each has the buckets above the end before it."""

    ends: tuple[int, ...]
    """Last bucket of each owner, 1-based, ascending."""
    owners: tuple[Owner, ...]

    def owner_of(self, bucket: int) -> Owner | None:
        """Return who has *bucket* (1-based), or None outside every range."""
        index = bisect_left(self.ends, bucket)
        return self.owners[index] if bucket > 0 and index < len(self.ends) else None


@unchanging(kw_only=True)
class Bucketing:
    """How a campaign turns a bucketing id into a variation."""

    campaign_seed: Seed
    """Decides on traffic, and among several whitelisted variations."""
    variation_seed: Seed
    multiplier: float = 1
    """Stretches the bucket value: the oldest accounts bucket only the admitted share."""
    laid_out: InitVar[Ranges[Variation | None]]
    """None: whoever is in that range gets no variation."""
    ends: tuple[int, ...] = field(init=False)
    """Last bucket of each range."""
    hash_ends: tuple[int, ...] = field(init=False, repr=False)
    """The hash behind those of bucket 0, and the one behind those of each range."""
    owners: tuple[Variation | None, ...] = field(init=False)
    """Who has the hashes before each of `hash_ends`, and before the end of all."""

    def __post_init__(self, laid_out: Ranges[Variation | None]) -> None:
        object.__setattr__(self, "ends", laid_out.ends)
        object.__setattr__(self, "hash_ends", hash_ends(laid_out.ends, self.multiplier))
        object.__setattr__(self, "owners", (None, *laid_out.owners, None))

    @property
    def ranges(self) -> Ranges[Variation | None]:
        """Whose the buckets are."""
        return Ranges(self.ends, self.owners[1:-1])


@unchanging(kw_only=True)
class Goal:
    """Something that a visitor may reach."""

    id: str
    identifier: str
    type: GoalType = GoalType.OTHER
    is_repeatable: bool = False
    """Whether each time counts, not only the first."""
    needs_no_revenue: bool = False
    """Whether a revenue goal may be reached without a revenue value."""
    revenue_prop: str | None = None
    """Name under which an event's properties hold the revenue."""


class GroupRule(Enum):
    """How a group chooses among its eligible campaigns."""

    EQUAL_CHANCE = 1
    PRIORITY_THEN_WEIGHTS = 2
    ALLOTMENT = 3
    """Each bucket is some campaign's, whether the visitor may enter that one or not."""
    NOBODY_WINS = 0
    """The document names a rule that is not known."""


@unchanging(kw_only=True)
class Group:
    """Mutually exclusive campaigns: a visitor enters one of them."""

    id: str
    name: str = ""
    seed: Seed
    campaign_ids: tuple[str, ...] = ()
    """Members, in the document's order; those that are not running take no part."""
    rule: GroupRule = GroupRule.EQUAL_CHANCE
    priority: tuple[str, ...] = ()
    """Campaign ids of which, by priority, the first eligible one wins."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Campaign id to weight, for the eligible ones where none has priority."""
    allotment: Ranges[str | None] = Ranges((), ())
    """Whose id each bucket has, where that is the rule; None: nobody's."""
    hash_ends: tuple[int, ...] = field(init=False, repr=False)
    """The hash behind those of bucket 0, and the one behind those of each range of `allotment`."""
    owner_ids: tuple[str | None, ...] = field(init=False, repr=False)
    """Who has the hashes before each of `hash_ends`, and before the end of all."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hash_ends", hash_ends(self.allotment.ends, 1))
        object.__setattr__(self, "owner_ids", (None, *self.allotment.owners, None))


@unchanging(kw_only=True)
class Campaign:
    """An experiment or rollout."""

    id: str
    key: str
    name: str = ""
    type: CampaignType
    percent_traffic: float
    """Share of the visitors who enter, 0 to 100."""
    assignment_key: str
    """What user storage keeps the campaign's assignments under."""
    is_remembered: bool = True
    """Whether user storage keeps its assignments at all."""
    is_told: bool = True
    """Whether the vendor is told who is shown it."""
    variations: Mapping[str, Variation]
    """By what user storage calls them; the first of a name counts."""
    goals: Mapping[str, Goal]
    """By identifier."""
    segment: Segment | None = None
    """Who may enter; None: everybody."""
    bucketing: Bucketing
    group: Group | None = None
    is_user_list_enabled: bool = False
    """Whether the lists of its segments hold hashed user ids."""
    whitelisting: tuple[Variation, ...] = ()
    """The variations that some visitors are forced into."""
    listed: Mapping[str, Variation] = field(default_factory=dict)
    """User id to the variation that this visitor is forced into."""
    steps: tuple[Step, ...] = ()
    """The way to a decision: a dialect's steps, without those that cannot apply."""
    admitted_hashes: int = field(init=False, repr=False)
    """Visitors whose hash is below are within the campaign's traffic."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "admitted_hashes", hashes_within(self.percent_traffic))


@unchanging(kw_only=True)
class Feature:
    """Something that a visitor may have: campaigns decide who does, as far as they run."""

    key: str
    experiments: tuple[Campaign, ...]
    """Asked first, in order, until one has a variation for the visitor."""
    rollout: tuple[Campaign, ...] = ()
    """Asked then, in order; the last one is for everybody whom another's traffic left out."""
    group: Group | None = None
    """If it has a rule for it, only the experiment that it allots is asked."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Feature variables by key for those without a variation."""
    types: Mapping[str, str] | None = None
    """Feature variable to the vendor's word for its type; None: variables are the variations'."""
    tells_misses: bool = False
    """Whether the vendor is told who was asked about and has no variation."""


@unchanging(kw_only=True)
class Conventions:
    """What a vendor's SDKs do beside deciding."""

    asks_for_activation: bool = True
    """Whether only who was shown a campaign may be found in it."""
    tells_each_activation: bool = False
    """Whether each is an impression; else it is the first assignment, were it not shown."""
    counts_the_activated: bool = False
    """Whether the vendor counts conversions of those alone of whom it has an impression."""
    takes_pushes: bool = True
    """Whether the vendor keeps properties of visitors."""
    tracks_undecided: bool = False
    """Whether a goal that is reached counts as such, and is not decided on."""


@unchanging(kw_only=True)
class Problem:
    """Something in an accepted document that will not work as its author meant."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class CampaignSet:
    """A whole settings document, ready to decide with."""

    dialect: str
    account_id: str
    sdk_key: str = field(default="", repr=False)
    version: str = ""
    campaigns: Mapping[str, Campaign]
    """Running campaigns by key."""
    campaigns_by_id: Mapping[str, Campaign]
    """Running campaigns by id."""
    paused_keys: frozenset[str] = frozenset()
    """Keys that the document has, but no running campaign."""
    paused_goals: frozenset[str] = frozenset()
    """Goal identifiers that the document has, but no running campaign."""
    campaigns_by_goal: Mapping[str, tuple[Campaign, ...]]
    """Goal identifier to the running campaigns that have it, in the document's order."""
    features: Mapping[str, Feature] = field(default_factory=dict)
    """By key."""
    goals: Mapping[str, Goal] = field(default_factory=dict)
    """By identifier, where a goal may be no campaign's."""
    paused_campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    """Campaigns by key that do not run, where a site may set their variation all the same."""
    conventions: Conventions = Conventions()
    visitor_key: Callable[[str], str] = field(repr=False)
    """User id to the 32 characters that stand for the visitor in storage, ledger and admin."""
    bucketing_fact: str | None = None
    """The variable that names another text to hash than the user id, if one does."""
    bucketing_id: Callable[[str, Facts], str] = field(default=lambda known, _: known, repr=False)
    """User id and variables, with that one among them, to the text that is hashed."""
    join: Callable[[Sequence[Event]], object] | None = field(default=None, repr=False)
    """Makes one message of the conversions of one call; None: each is one."""
    told: Callable[[Occasion], Mapping[str, Any]] | None = field(default=None, repr=False)
    """What the vendor is told of an occasion beside the event itself, in its own words."""
    revenue_in: Callable[[Facts], float | None] | None = field(default=None, repr=False)
    """Event properties to the revenue that they hold, in the currency's unit."""
    user_id_fact: str = ""
    """The variable under which whitelisting finds the user id."""
    collection_prefix: str = ""
    """Path segment of the account's data residency."""
    has_event_properties: bool = False
    """Whether the account takes events with properties, of which one may be the revenue."""
    problems: tuple[Problem, ...] = ()

    def members(self, group: Group) -> Sequence[Campaign]:
        """Return the running members of *group*, in its order."""
        found = self._members.get(group.id)
        if found is None:
            by_id = self.campaigns_by_id
            found = [by_id[each] for each in group.campaign_ids if each in by_id]
            self._members[group.id] = found
        return found

    def counted_in(self, goal_identifier: str) -> Mapping[str, bool]:
        """
        Return the running campaigns that have the goal, by key, each with True.

        A goal that is no campaign's is found under its own name.
        """
        found = self._counted_in.get(goal_identifier)
        if found is None:
            campaigns = self.campaigns_by_goal.get(goal_identifier, ())
            found = dict.fromkeys([each.key for each in campaigns] or [goal_identifier], True)
            self._counted_in[goal_identifier] = found
        return found

    @cached_property
    def _counted_in(self) -> dict[str, Mapping[str, bool]]:
        """What `counted_in` has answered, by the identifiers of the document's goals."""
        return {}

    @cached_property
    def _members(self) -> dict[str, Sequence[Campaign]]:
        """What `members` has answered, by group id."""
        return {}


class Visitor:
    """Somebody whom storage, ledger and vendor know."""

    _key: str | None = None

    def __init__(self, user_id: str, visitor_key: Callable[[str], str] = str) -> None:
        self.user_id = user_id
        self.visitor_key = visitor_key

    @property
    def key(self) -> str:
        """The 32 characters that stand for the visitor; worked out when first asked for."""
        return self._key or self.own_key()

    def own_key(self) -> str:
        """Return `key`, worked out anew."""
        self._key = self.visitor_key(self.user_id)
        return self._key


@dataclass(slots=True)
class Occasion:
    """What an event is about to be recorded of."""

    custom_variables: Facts
    """What is known of the visitor."""
    campaign: Campaign | None
    variation: Variation | None
    feature: Feature | None
    """The feature that was asked about, if one was."""
    properties: Facts
    """Event properties, as they were given; `NOTHING` itself if none were."""


@unchanging()
class Assignment:
    """What user storage remembers of one visitor and campaign."""

    variation: str
    """What user storage calls the variation; it may be gone by now."""
    goals: frozenset[str] = frozenset()
    """Identifiers of the goals reached in it, as far as the reader asked for them."""


class Assignments(Protocol):
    """The assignments of one visitor, by assignment key: a mapping, or what looks them up."""

    def get(self, key: str, /) -> Assignment | None:
        """Return the assignment *key*, or None."""

    def __contains__(self, key: object, /) -> bool:
        """Return whether there is an assignment *key*."""
