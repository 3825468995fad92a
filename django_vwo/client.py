"""
`Client`, which decides and records. It loads without Django.

This is the one place that turns errors into safe answers.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from inspect import signature
from typing import Any, Never, TypeVar

from . import calls
from .asynchronous import async_twin
from .calls import Call, TrackResult
from .conduct import Conduct, OnDecided, Reach, no_campaign
from .dialects import load
from .dialects.base import GENERATIONS, NO_OPTIONS, Options
from .engine import conversions, steps
from .engine.decision import Decision
from .engine.entities import (
    Campaign,
    CampaignSet,
    CampaignType,
    Facts,
    Feature,
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
from .engine.events import new_message_id
from .engine.explain import explain, explain_feature
from .failures import describe
from .logs import logger
from .recorders.base import Recorder
from .recorders.memory import MemoryRecorder
from .remembered import Remembered
from .set_variations import SetVariations
from .storages.base import UserStorage

SomeClient = TypeVar("SomeClient", bound="Client")
Document = Mapping[str, Any] | str | bytes

# Python 3.11 takes 0.06 µs to look a member of an enumeration up.
ACTIVATE, READ, TRACK = Purpose.ACTIVATE, Purpose.READ, Purpose.TRACK
# Tuples, as an enumeration's members are slow to hash.
Types = tuple[CampaignType, ...]
ALL_TYPES: Types = tuple(CampaignType)
AB_TESTS: Types = (CampaignType.AB,)
FEATURES: Types = tuple(kind for kind in CampaignType if kind is not CampaignType.AB)
EXPERIMENTS: Types = tuple(kind for kind in CampaignType if kind is not CampaignType.ROLLOUT)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDecision:
    """What a visitor gets of a feature."""

    campaign_key: str | None
    """The campaign that gave them a variation; None if none did."""
    variation: str | None
    """Its name."""
    is_enabled: bool
    variables: Mapping[str, Any]
    """Feature variables by key."""


class Client:
    """
    Decides which variation a visitor gets, and records impressions and conversions.

    *document* is the settings document as a dict, text or bytes, or a function that returns the
    `CampaignSet` in service (None while there is none). Without *storage* every decision is made
    anew. Built by hand, it raises `DocumentError` for a document that cannot be used.

    Every method answers whatever happens: a wrong argument, an unknown campaign or a failing
    storage is logged, and raised where *development_mode* or *raise_errors* asks for it. Keyword
    arguments have the names of VWO's own SDKs. *session* keeps a visitor's assignments between
    calls, see `session`. *generation* and *track_requires_decision* are, for a document that is
    handed over, what the settings of those names are for the site's. *on_decided* is called with
    each decision in a running campaign.
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
        generation: str = GENERATIONS[0],
        track_requires_decision: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_message_id: Callable[[], int] = new_message_id,
        on_decided: OnDecided | None = None,
    ) -> None:
        options = Options(generation=generation, tracks_undecided=not track_requires_decision)
        self._current = (
            document if callable(document) else constant(load_document(document, options))
        )
        self.storage = storage
        self.recorder = recorder or MemoryRecorder()
        self.goal_type_to_track = goal_type_to_track
        self.track_returning_users = track_returning_users
        self.require_activation = require_activation
        self.development_mode = development_mode
        self.raise_errors = raise_errors
        self._has_missed_document = False
        self.set_variations = SetVariations()
        self._conduct = Conduct(
            recorder=self.recorder,
            report=self.report,
            clock=clock,
            new_message_id=new_message_id,
            on_decided=on_decided,
        )

    @property
    def campaigns(self) -> CampaignSet:
        """The settings document in service. Raises `NoDocumentError` if there is none."""
        return self.current_campaigns()

    def current_campaigns(self) -> CampaignSet:
        """Return `campaigns`: a property takes twice as long to call, and each call asks."""
        campaigns = self._current()
        if campaigns is None:
            raise NoDocumentError
        return campaigns

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
        **unknown: Never,
    ) -> str | None:
        """Return the name of the visitor's variation in an A/B test; record that it is shown."""
        try:
            if unknown:
                self._leave_out("activate")
            facts = custom_variables, variation_targeting_variables
            call = Call(self, "activate", ACTIVATE, user_id, facts, session)
            if user_agent is not None or user_ip_address is not None:
                note_origin(call, user_agent, user_ip_address)
            if custom_properties is not None:
                call.custom_properties = custom_properties
            campaign = self._campaign(call, campaign_key, AB_TESTS)
            variation = self._conduct.campaign(call, campaign).variation
            return variation.name if variation else None
        except Exception as error:
            self.report("activate", error)
            return None

    def get_variation_name(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        session: Remembered | None = None,
        **unknown: Never,
    ) -> str | None:
        """Return the name of the visitor's variation in an A/B or feature test."""
        try:
            if unknown:
                self._leave_out("get_variation_name")
            facts = custom_variables, variation_targeting_variables
            call = Call(self, "get_variation_name", READ, user_id, facts, session)
            campaign = self._campaign(call, campaign_key, EXPERIMENTS)
            variation = self._conduct.campaign(call, campaign).variation
            return variation.name if variation else None
        except Exception as error:
            self.report("get_variation_name", error)
            return None

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
        **unknown: Never,
    ) -> bool:
        """Return whether the visitor has the feature, and record that they were decided on."""
        try:
            if unknown:
                self._leave_out("is_feature_enabled")
            facts = custom_variables, variation_targeting_variables
            call = Call(self, "is_feature_enabled", ACTIVATE, user_id, facts, session)
            if user_agent is not None or user_ip_address is not None:
                note_origin(call, user_agent, user_ip_address)
            if custom_properties is not None:
                call.custom_properties = custom_properties
            feature = self._feature(call, campaign_key)
            decision = self._conduct.feature(call, feature)
            return is_enabled(decision)
        except Exception as error:
            self.report("is_feature_enabled", error)
            return False

    def get_feature_variable_value(
        self,
        campaign_key: str,
        variable_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        variable_type: str | None = None,
        session: Remembered | None = None,
        **unknown: Never,
    ) -> Any:
        """
        Return the visitor's value of a feature variable, of the variable's type.

        With *variable_type*, None comes back for a variable that the document has as another type.
        """
        name = "get_feature_variable_value"
        try:
            if unknown:
                self._leave_out(name)
            facts = custom_variables, variation_targeting_variables
            call = Call(self, name, READ, user_id, facts, session)
            calls.required_text(name, "variable_key", variable_key)
            feature = self._feature(call, campaign_key)
            calls.variable(name, variable_key, variable_type, feature.types)
            decision = self._conduct.feature(call, feature)
            values = decision.variation.variables if decision.variation else feature.defaults
            value = values.get(variable_key)
            return copy.deepcopy(value) if isinstance(value, dict | list) else value
        except Exception as error:
            self.report(name, error)
            return None

    def get_enabled_features(
        self,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        session: Remembered | None = None,
        **unknown: Never,
    ) -> tuple[str, ...]:
        """Return the keys of the features that the visitor has; each is recorded as asked about."""
        try:
            if unknown:
                self._leave_out("get_enabled_features")
            facts = custom_variables, variation_targeting_variables
            call = Call(self, "get_enabled_features", ACTIVATE, user_id, facts, session)
            if user_agent is not None or user_ip_address is not None:
                note_origin(call, user_agent, user_ip_address)
            features = call.campaigns.features
            decisions = self._conduct.features(call, features.values())
            found = zip(features, decisions, strict=True)
            return tuple(key for key, decision in found if is_enabled(decision))
        except Exception as error:
            self.report("get_enabled_features", error)
            return ()

    def decide_feature(
        self,
        feature_key: str,
        user_id: str,
        *,
        custom_variables: Facts | None = None,
        variation_targeting_variables: Facts | None = None,
        is_told: bool = True,
        is_remembered: bool = True,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        session: Remembered | None = None,
        **unknown: Never,
    ) -> FeatureDecision | None:
        """
        Return everything about a feature for the visitor; None if there is no such feature.

        It is recorded that they were decided on unless *is_told* is False; unless *is_remembered*,
        user storage is neither asked nor told.
        """
        try:
            if unknown:
                self._leave_out("decide_feature")
            facts = custom_variables, variation_targeting_variables
            call = Call(
                self, "decide_feature", ACTIVATE if is_told else READ, user_id, facts, session
            )
            if user_agent is not None or user_ip_address is not None:
                note_origin(call, user_agent, user_ip_address)
            call.stored = call.stored if is_remembered else None
            feature = self._feature(call, feature_key)
            decision = self._conduct.feature(call, feature)
            campaign, variation = decision.campaign, decision.variation
            return FeatureDecision(
                campaign_key=campaign.key if campaign and variation else None,
                variation=variation.name if variation else None,
                is_enabled=variation is not None and variation.is_feature_enabled,
                variables=copy.deepcopy(
                    dict(variation.variables if variation else feature.defaults)
                ),
            )
        except Exception as error:
            self.report("decide_feature", error)
            return None

    def set_forced_variation(
        self,
        campaign_key: str,
        user_id: str,
        variation_name: str | None,
        **unknown: Never,
    ) -> bool:
        """
        Return whether the visitor gets a variation from now on, whatever would be decided.

        This client remembers it, and no other process does, for the last 10,000 visitors. None has
        the visitor decided on again.
        """
        name = "set_forced_variation"
        try:
            if unknown:
                self._leave_out(name)
            campaign = self._forcible(name, campaign_key)
            calls.check_user_id(name, user_id)
            stored_as = None
            if variation_name is not None:
                key = calls.required_text(name, "variation_name", variation_name)
                by_name = {each.name: each.stored_as for each in campaign.variations.values()}
                stored_as = by_name.get(key)
                if stored_as is None:
                    raise CampaignError(name, f"campaign {campaign.key!r} has no such variation")
            self.set_variations.set(user_id, campaign.id, stored_as)
            return True
        except Exception as error:
            self.report(name, error)
            return False

    def get_forced_variation(self, campaign_key: str, user_id: str, **unknown: Never) -> str | None:
        """Return the name of the variation that was set with `set_forced_variation`."""
        name = "get_forced_variation"
        try:
            if unknown:
                self._leave_out(name)
            campaign = self._forcible(name, campaign_key)
            forced = self.set_variations.of(calls.check_user_id(name, user_id))
            variation = campaign.variations.get(forced.get(campaign.id, ""))
            return variation.name if variation and campaign.id in forced else None
        except Exception as error:
            self.report(name, error)
            return None

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
        **unknown: Never,
    ) -> TrackResult | None:
        """
        Return for which campaigns the goal was recorded, and record it for those.

        *campaign_specifier* is a campaign key, a list of keys, or None for every running campaign
        that has the goal. None comes back where no campaign could be meant.
        """
        try:
            if unknown:
                self._leave_out("track")
            facts = custom_variables, variation_targeting_variables
            call = Call(self, "track", TRACK, user_id, facts, session)
            if user_agent is not None or user_ip_address is not None:
                note_origin(call, user_agent, user_ip_address)
            if event_properties is not None:
                call.properties = calls.mapping("track", "event_properties", event_properties)
            reach = self._reach(
                call,
                goal_identifier,
                revenue_value,
                goal_type_to_track,
                should_track_returning_user,
            )
            result = self._conduct.track(call, calls.specifier("track", campaign_specifier), reach)
            if self.development_mode and result and call.campaigns.conventions.counts_the_activated:
                self._warn_of_the_unshown(call)
            return result
        except Exception as error:
            self.report("track", error)
            return None

    def push(
        self,
        tag_key: str | Mapping[str, Any] = "",
        tag_value: str = "",
        user_id: str = "",
        custom_dimension_map: Mapping[str, Any] | None = None,
        *,
        session: Remembered | None = None,
        **unknown: Never,
    ) -> bool:
        """
        Record properties of the visitor. Returns whether they were recorded.

        Takes `(dict, user_id)`, or `(key, value, user_id)` with two texts of 1 to 255 characters,
        or *custom_dimension_map* and *user_id* by name.
        """
        try:
            if unknown:
                self._leave_out("push")
            dimensions = custom_dimension_map
            if isinstance(tag_key, Mapping):
                if tag_value and user_id:
                    raise calls.refuse("push", "tag_value", tag_value, "no value beside a dict")
                dimensions, user_id = tag_key, tag_value or user_id
            elif dimensions is None:
                dimensions = calls.push_dimensions(tag_key, tag_value)
            call = Call(self, "push", READ, user_id, (None, None), session)
            call.properties = calls.mapping("push", "custom_dimension_map", dimensions)
            if not call.properties:
                expected = "a dict with an entry"
                raise calls.refuse("push", "custom_dimension_map", dimensions, expected)
            if not call.campaigns.conventions.takes_pushes:
                raise CampaignError("push", "the vendor keeps no properties of visitors")
            self._conduct.push(call)
            return True
        except Exception as error:
            self.report("push", error)
            return False

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

        A feature that is no campaign is explained by those that decide on it. Changes nothing.
        Where there is nothing to decide on, `Decision.reason` says why.
        """
        try:
            facts = custom_variables, variation_targeting_variables
            call = Call(self, "explain", ACTIVATE, user_id, facts, session)
            feature = call.campaigns.features.get(campaign_key)
            if feature is not None and campaign_key not in call.campaigns.campaigns:
                return explain_feature(call, feature)
            return explain(call, self._campaign(call, campaign_key, ALL_TYPES))
        except Exception as error:
            self.report("explain", error)
            return Decision(campaign=None, variation=None, reason=reason_for(error))

    aactivate = async_twin(activate)
    aget_variation_name = async_twin(get_variation_name)
    ais_feature_enabled = async_twin(is_feature_enabled)
    aget_feature_variable_value = async_twin(get_feature_variable_value)
    atrack = async_twin(track)
    apush = async_twin(push)
    aget_enabled_features = async_twin(get_enabled_features)
    adecide_feature = async_twin(decide_feature)
    aexplain = async_twin(explain)

    def session(self, user_id: str) -> Remembered | None:
        """Return what keeps a visitor's assignments between calls; None without user storage."""
        campaigns = self._current()
        if self.storage is None or campaigns is None:
            return None
        return Remembered(self.storage, Visitor(user_id, visitor_key=campaigns.visitor_key))

    def forget(self, user_id: str) -> None:
        """Erase what is remembered of a visitor."""
        self.set_variations.forget(user_id)
        session = self.session(user_id)
        if session is not None:
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

    def _campaign(self, call: Call, key: object, taken: Types) -> Campaign:
        campaign = call.campaigns.campaigns.get(key) if isinstance(key, str) else None
        if campaign is None:
            raise no_campaign(call, calls.required_text(call.name, "campaign_key", key))
        if campaign.type not in taken:
            what = f"campaign {campaign.key!r} is of the wrong type ({campaign.type.value})"
            raise CampaignError(call.name, what)
        return campaign

    def _warn_of_the_unshown(self, call: Call) -> None:
        """Log that a conversion will not be seen at the vendor's, if that is so."""
        try:
            has_shown = self.recorder.has_shown(call.key)
        except Exception as error:
            self.report(call.name, error)
            return
        if has_shown is False:
            logger.warning(
                "track: the visitor was activated in no campaign here, and the vendor shows "
                "conversions of activated visitors alone."
            )

    def _forcible(self, name: str, key: object) -> Campaign:
        """Return the campaign whose variation is to be set, be it running or not."""
        text = calls.required_text(name, "campaign_key", key)
        campaigns = self.campaigns
        campaign = campaigns.campaigns.get(text) or campaigns.paused_campaigns.get(text)
        if campaign is None:
            raise CampaignError(
                name, f"no campaign has the key that was given ({len(text)} characters)"
            )
        if steps.set_by_site not in campaign.steps:
            raise CampaignError(name, "this vendor's campaigns have no variations set by the site")
        return campaign

    def _feature(self, call: Call, key: object) -> Feature:
        feature = call.campaigns.features.get(key) if isinstance(key, str) else None
        if feature is None:
            campaign = self._campaign(call, key, FEATURES)
            raise no_campaign(call, campaign.key)
        return feature

    def _reach(
        self,
        call: Call,
        goal_identifier: object,
        revenue_value: object,
        goal_type_to_track: str | None,
        should_track_returning_user: bool | None,
    ) -> Reach:
        """Return what a call of `track` tells of the goal. Raises `UsageError`."""
        identifier = calls.required_text("track", "goal_identifier", goal_identifier)
        revenue = None if revenue_value is None else self._revenue(revenue_value)
        if revenue is None and call.campaigns.revenue_in is not None:
            revenue = call.campaigns.revenue_in(call.properties)
        wanted, counts_again = goal_type_to_track, should_track_returning_user
        calls.choice("track", "goal_type_to_track", wanted, conversions.GOAL_TYPES)
        calls.flag("track", "should_track_returning_user", counts_again)
        return Reach(
            identifier,
            revenue,
            wanted or self.goal_type_to_track,
            self.track_returning_users if counts_again is None else counts_again,
        )

    def _revenue(self, value: object) -> int | float | str | None:
        try:
            return calls.revenue("track", value)
        except RevenueError as error:
            self.report("track", error)
            return None

    def _leave_out(self, name: str) -> None:
        """Report a keyword that the method *name* does not have: VWO's own SDKs take any."""
        known = signature(getattr(Client, name)).parameters
        self.report(name, calls.unknown_keyword(name, known))


def note_origin(call: Call, user_agent: object, ip_address: object) -> None:
    """Have the events of *call* tell where it came from."""
    # What is not text cannot be the visitor's user agent or address.
    if isinstance(user_agent, str):
        call.user_agent = user_agent
    if isinstance(ip_address, str):
        call.ip_address = ip_address


def is_enabled(decision: Decision) -> bool:
    """Return whether the visitor has the feature that *decision* is about."""
    return decision.variation is not None and decision.variation.is_feature_enabled


def reason_for(error: Exception) -> Reason:
    """Return the reason that there is no decision."""
    if isinstance(error, NoDocumentError):
        return Reason.NO_DOCUMENT
    return Reason.UNKNOWN_CAMPAIGN if isinstance(error, CampaignError) else Reason.ERROR


def constant(campaigns: CampaignSet) -> Callable[[], CampaignSet]:
    return lambda: campaigns


def load_document(document: Document, options: Options = NO_OPTIONS) -> CampaignSet:
    """Return the campaigns of a document built by hand. Raises `DocumentError`."""
    source = "the document"
    if isinstance(document, str | bytes):
        return load(document, source=source, options=options)
    if not isinstance(document, Mapping):
        raise DocumentError(source, "it", type(document).__name__, "a dict, text or bytes")
    try:
        text = json.dumps(document, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(source, "it", str(error), "what JSON can hold") from None
    return load(text, source=source, options=options)


@lru_cache(maxsize=1)
def get_client() -> Client:
    """Return the process's client, as the ``VWO`` setting describes it."""
    return site_client(Client)


def site_client(kind: type[SomeClient], **changes: Any) -> SomeClient:
    """Return a client as the ``VWO`` setting describes it, but for the arguments in *changes*."""
    from .conf import app_settings
    from .signals import tell_decision
    from .sources.current import current

    settings = app_settings()
    described: dict[str, Any] = {
        "document": current,
        "storage": settings.user_storage.create() if settings.user_storage else None,
        "recorder": settings.recorder.create(),
        "goal_type_to_track": settings.goal_type_to_track,
        "track_returning_users": settings.track_returning_users,
        "require_activation": settings.require_activation,
        "development_mode": settings.development_mode,
        "raise_errors": settings.raise_errors,
        "on_decided": tell_decision,
    }
    return kind(**described | changes)
