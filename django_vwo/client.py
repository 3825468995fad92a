"""
`Client`, which decides and records. It loads without Django.

This is the one place that turns errors into safe answers.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID, uuid4

from . import calls
from .asynchronous import async_twin
from .calls import Call, TrackResult
from .conduct import Conduct, Reach, no_campaign
from .dialects import load
from .engine import conversions
from .engine.decision import Decision
from .engine.entities import (
    Campaign,
    CampaignSet,
    CampaignType,
    Facts,
    Purpose,
    Reason,
    Visitor,
)
from .engine.errors import (
    CampaignError,
    DocumentError,
    NoDocumentError,
    PausedCampaignError,
    RevenueError,
    VWOError,
)
from .engine.explain import explain
from .engine.steps import Trial
from .failures import describe
from .recorders.base import Recorder
from .recorders.memory import MemoryRecorder
from .remembered import Remembered
from .storages.base import UserStorage

logger = logging.getLogger("django_vwo")

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")
Fallback = TypeVar("Fallback")
Document = Mapping[str, Any] | str | bytes

AB_TESTS = frozenset({CampaignType.AB})
FEATURES = frozenset(CampaignType) - AB_TESTS
EXPERIMENTS = frozenset(CampaignType) - {CampaignType.ROLLOUT}


def safe(
    fallback: Fallback,
) -> Callable[[Callable[Parameters, Answer]], Callable[Parameters, Answer | Fallback]]:
    """Return a decorator: a `Client`'s method that fails logs why, and answers *fallback*."""

    def decorate(
        method: Callable[Parameters, Answer],
    ) -> Callable[Parameters, Answer | Fallback]:
        @wraps(method)
        def answer(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer | Fallback:
            try:
                return method(*args, **kwargs)
            except Exception as error:
                cast(Client, args[0]).report(method.__name__, error)
                return fallback

        return answer

    return decorate


class Client:
    """
    Decides which variation a visitor gets, and records impressions and conversions.

    *document* is the settings document as a dict, text or bytes, or a function that returns the
    `CampaignSet` in service (None while there is none). Without *storage* every decision is made
    anew. Built by hand, it raises `DocumentError` for a document that cannot be used.

    Every method answers whatever happens: a wrong argument, an unknown campaign or a failing
    storage is logged, and raised where *development_mode* or *raise_errors* asks for it. Keyword
    arguments have the names of VWO's own SDKs. *session* keeps a visitor's assignments between
    calls, see `session`.
    """

    def __init__(
        self,
        document: Document | Callable[[], CampaignSet | None],
        *,
        storage: UserStorage | None = None,
        recorder: Recorder | None = None,
        goal_type_to_track: str = conversions.ALL_GOALS,
        track_returning_users: bool = False,
        require_activation: bool = True,
        development_mode: bool = False,
        raise_errors: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_uuid: Callable[[], UUID] = uuid4,
    ) -> None:
        self._current = document if callable(document) else constant(load_document(document))
        self.storage = storage
        self.recorder = recorder or MemoryRecorder()
        self.goal_type_to_track = goal_type_to_track
        self.track_returning_users = track_returning_users
        self.require_activation = require_activation
        self.development_mode = development_mode
        self.raise_errors = raise_errors
        self._has_missed_document = False
        self._conduct = Conduct(
            recorder=self.recorder,
            requires_activation=require_activation,
            report=self.report,
            clock=clock,
            new_uuid=new_uuid,
        )

    @property
    def campaigns(self) -> CampaignSet:
        """The settings document in service. Raises `NoDocumentError` if there is none."""
        campaigns = self._current()
        if campaigns is None:
            raise NoDocumentError
        return campaigns

    @safe(None)
    def activate(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        custom_properties: object = None,
        session: Remembered | None = None,
    ) -> str | None:
        """Return the name of the visitor's variation in an A/B test; record that it is shown."""
        call = self._call(
            "activate", user_id, custom_variables, variation_targeting_variables, session
        )
        self._note_origin(call, user_agent, user_ip_address)
        call.custom_properties = custom_properties
        campaign = self._campaign(call, campaign_key, AB_TESTS)
        variation = self._conduct.variation(call, campaign, Purpose.ACTIVATE)
        return variation.name if variation else None

    @safe(None)
    def get_variation_name(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        session: Remembered | None = None,
    ) -> str | None:
        """Return the name of the visitor's variation in an A/B or feature test."""
        call = self._call(
            "get_variation_name", user_id, custom_variables, variation_targeting_variables, session
        )
        campaign = self._campaign(call, campaign_key, EXPERIMENTS)
        variation = self._conduct.variation(call, campaign, Purpose.READ)
        return variation.name if variation else None

    @safe(False)
    def is_feature_enabled(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        custom_properties: object = None,
        session: Remembered | None = None,
    ) -> bool:
        """Return whether the visitor has the feature, and record that they were decided on."""
        call = self._call(
            "is_feature_enabled", user_id, custom_variables, variation_targeting_variables, session
        )
        self._note_origin(call, user_agent, user_ip_address)
        call.custom_properties = custom_properties
        campaign = self._campaign(call, campaign_key, FEATURES)
        variation = self._conduct.variation(call, campaign, Purpose.ACTIVATE)
        return variation is not None and variation.is_feature_enabled

    @safe(None)
    def get_feature_variable_value(
        self,
        campaign_key: str,
        variable_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        session: Remembered | None = None,
    ) -> Any:
        """Return the visitor's value of a feature variable, of the variable's type."""
        name = "get_feature_variable_value"
        call = self._call(name, user_id, custom_variables, variation_targeting_variables, session)
        calls.required_text(name, "variable_key", variable_key)
        campaign = self._campaign(call, campaign_key, FEATURES)
        variation = self._conduct.variation(call, campaign, Purpose.READ)
        value = variation.variables.get(variable_key) if variation else None
        return copy.deepcopy(value) if isinstance(value, dict | list) else value

    @safe(None)
    def track(
        self,
        campaign_specifier: str | list[str] | None,
        user_id: str,
        goal_identifier: str,
        *,
        revenue_value: object = None,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        goal_type_to_track: str | None = None,
        should_track_returning_user: bool | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        event_properties: Mapping[str, Any] | None = None,
        session: Remembered | None = None,
    ) -> TrackResult | None:
        """
        Return for which campaigns the goal was recorded, and record it for those.

        *campaign_specifier* is a campaign key, a list of keys, or None for every running campaign
        that has the goal. None comes back where no campaign could be meant.
        """
        call = self._call(
            "track", user_id, custom_variables, variation_targeting_variables, session
        )
        calls.required_text("track", "goal_identifier", goal_identifier)
        revenue = self._revenue(revenue_value)
        calls.choice("track", "goal_type_to_track", goal_type_to_track, conversions.GOAL_TYPES)
        calls.flag("track", "should_track_returning_user", should_track_returning_user)
        self._note_origin(call, user_agent, user_ip_address)
        call.properties = calls.mapping("track", "event_properties", event_properties)
        counts_again = should_track_returning_user
        reach = Reach(
            identifier=goal_identifier,
            revenue=revenue,
            goal_type_to_track=goal_type_to_track or self.goal_type_to_track,
            counts_again=self.track_returning_users if counts_again is None else counts_again,
        )
        return self._conduct.track(call, calls.specifier("track", campaign_specifier), reach)

    @safe(False)
    def push(
        self,
        tag_key: str | Mapping[str, Any] = "",
        tag_value: str = "",
        user_id: str = "",
        *,
        custom_dimension_map: Mapping[str, Any] | None = None,
        session: Remembered | None = None,
    ) -> bool:
        """
        Record properties of the visitor. Returns whether they were recorded.

        Takes `(dict, user_id)`, or `(key, value, user_id)` with two texts of 1 to 255 characters,
        or *custom_dimension_map* and *user_id* by name.
        """
        dimensions = custom_dimension_map
        if isinstance(tag_key, Mapping):
            if tag_value and user_id:
                raise calls.refuse("push", "tag_value", tag_value, "no value beside a dict")
            dimensions, user_id = tag_key, tag_value or user_id
        elif dimensions is None:
            dimensions = calls.push_dimensions(tag_key, tag_value)
        call = self._call("push", user_id, None, None, session)
        call.properties = calls.mapping("push", "custom_dimension_map", dimensions)
        if not call.properties:
            raise calls.refuse("push", "custom_dimension_map", dimensions, "a dict with an entry")
        self._conduct.push(call)
        return True

    def explain(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        session: Remembered | None = None,
    ) -> Decision:
        """
        Return the decision that showing the campaign would lead to, with every step on the way.

        Changes nothing. Where there is nothing to decide on, `Decision.reason` says why.
        """
        try:
            call = self._call(
                "explain", user_id, custom_variables, variation_targeting_variables, session
            )
            campaign = self._campaign(call, campaign_key, frozenset(CampaignType))
            return explain(self._trial(call, campaign))
        except Exception as error:
            self.report("explain", error)
            return Decision(campaign=None, variation=None, reason=reason_for(error))

    aactivate = async_twin(activate)
    aget_variation_name = async_twin(get_variation_name)
    ais_feature_enabled = async_twin(is_feature_enabled)
    aget_feature_variable_value = async_twin(get_feature_variable_value)
    atrack = async_twin(track)
    apush = async_twin(push)
    aexplain = async_twin(explain)

    def session(self, user_id: str) -> Remembered | None:
        """Return what keeps a visitor's assignments between calls; None without user storage."""
        campaigns = self._current()
        if self.storage is None or campaigns is None:
            return None
        return Remembered(self.storage, Visitor(user_id, visitor_key=campaigns.visitor_key))

    def forget(self, user_id: str) -> None:
        """Erase what user storage remembers of a visitor."""
        if session := self.session(user_id):
            session.storage.forget(session.visitor)

    def report(self, name: str, error: Exception) -> None:
        """Log *error*; raise it where the site wants to see it."""
        is_mistake = isinstance(error, TypeError | CampaignError)
        is_paused = isinstance(error, PausedCampaignError)
        if self.raise_errors and not isinstance(error, VWOError):
            raise error
        if self.development_mode and is_mistake and not is_paused:
            raise error
        if isinstance(error, NoDocumentError):
            # Once is enough to know, and every call of every page would say so.
            level = logging.DEBUG if self._has_missed_document else logging.WARNING
            self._has_missed_document = True
            logger.log(level, "%s: %s", name, error)
        elif isinstance(error, VWOError):
            logger.log(logging.INFO if is_paused else logging.WARNING, "%s", describe(error))
        else:
            logger.error("%s failed: %s", name, describe(error))

    def _call(
        self,
        name: str,
        user_id: str,
        custom_variables: Facts | None,
        variation_targeting_variables: Facts | None,
        session: Remembered | None,
    ) -> Call:
        campaigns = self.campaigns
        visitor = Visitor(
            calls.user_id(name, user_id),
            calls.mapping(name, "custom_variables", custom_variables),
            calls.mapping(name, "variation_targeting_variables", variation_targeting_variables),
            campaigns.visitor_key,
        )
        if session is None and self.storage is not None:
            session = Remembered(self.storage, visitor)
        return Call(name=name, campaigns=campaigns, visitor=visitor, remembered=session)

    def _trial(self, call: Call, campaign: Campaign) -> Trial:
        return Trial(
            campaigns=call.campaigns,
            campaign=campaign,
            visitor=call.visitor,
            stored=call.remembered,
            purpose=Purpose.ACTIVATE,
            requires_activation=self.require_activation,
        )

    def _note_origin(self, call: Call, user_agent: object, ip_address: object) -> None:
        call.user_agent = calls.header_text(user_agent)
        call.ip_address = calls.header_text(ip_address)

    def _campaign(self, call: Call, key: object, taken: frozenset[CampaignType]) -> Campaign:
        name = calls.required_text(call.name, "campaign_key", key)
        campaign = call.campaigns.campaigns.get(name)
        if campaign is None:
            raise no_campaign(call, name)
        if campaign.type not in taken:
            what = f"campaign {name!r} is of the wrong type ({campaign.type.value})"
            raise CampaignError(call.name, what)
        return campaign

    def _revenue(self, value: object) -> int | float | str | None:
        try:
            return calls.revenue("track", value)
        except RevenueError as error:
            self.report("track", error)
            return None


def reason_for(error: Exception) -> Reason:
    """Return the reason that there is no decision."""
    if isinstance(error, NoDocumentError):
        return Reason.NO_DOCUMENT
    return Reason.UNKNOWN_CAMPAIGN if isinstance(error, CampaignError) else Reason.ERROR


def constant(campaigns: CampaignSet) -> Callable[[], CampaignSet]:
    return lambda: campaigns


def load_document(document: Document) -> CampaignSet:
    """Return the campaigns of a document built by hand. Raises `DocumentError`."""
    source = "the document"
    if isinstance(document, str | bytes):
        return load(document, source=source)
    if not isinstance(document, Mapping):
        raise DocumentError(source, "it", type(document).__name__, "a dict, text or bytes")
    try:
        text = json.dumps(document, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(source, "it", str(error), "what JSON can hold") from None
    return load(text, source=source)


@lru_cache(maxsize=1)
def get_client() -> Client:
    """Return the process's client, as the ``VWO`` setting describes it."""
    from .conf import app_settings
    from .sources.current import current

    settings = app_settings()
    return Client(
        current,
        storage=settings.user_storage.create() if settings.user_storage else None,
        recorder=settings.recorder.create(),
        goal_type_to_track=settings.goal_type_to_track,
        track_returning_users=settings.track_returning_users,
        require_activation=settings.require_activation,
        development_mode=settings.development_mode,
        raise_errors=settings.raise_errors,
    )
