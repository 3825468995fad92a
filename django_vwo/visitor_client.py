"""`VisitorClient`: a client that knows whom it is asked about. It loads without Django."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, Unpack

from .asynchronous import async_twin
from .calls import TrackResult
from .client import Client
from .engine.decision import Decision
from .engine.entities import Facts, Reason
from .remembered import Remembered


class DecisionOptions(TypedDict, total=False):
    """What the visitor's segments read."""

    custom_variables: Facts | None
    variation_targeting_variables: Facts | None


class ActivateOptions(DecisionOptions, total=False):
    """What else an impression may tell."""

    custom_properties: object


class TrackOptions(DecisionOptions, total=False):
    """What else a conversion may tell, and when it counts."""

    revenue_value: object
    goal_type_to_track: str | None
    should_track_returning_user: bool | None
    event_properties: Mapping[str, Any] | None


class VisitorClient(ABC):
    """
    The methods of `Client` for one visitor, whose assignments are read once.

    Without the visitor's consent every answer is the one for a visitor outside all campaigns, and
    nothing is remembered or recorded.
    """

    not_survived: tuple[type[Exception], ...] = ()
    """What `identify` may raise that a visitor without an id does not make good."""

    def __init__(self, get_client: Callable[[], Client]) -> None:
        self._get_client = get_client
        self._identity: tuple[str | None] | None = None
        self._session: Remembered | None = None

    @abstractmethod
    def identify(self) -> str | None:
        """Return the visitor's id, or None for one who is not to be tested; asked once."""

    @property
    def user_agent(self) -> str:
        """The visitor's user agent; empty if not known."""
        return ""

    @property
    def ip_address(self) -> str:
        """The visitor's address; empty if not known or not to be told."""
        return ""

    @property
    def user_id(self) -> str | None:
        """The visitor's id; None for one who is not to be tested."""
        if self._identity is None:
            self._identity = (self._identified(),)
        return self._identity[0]

    def activate(self, campaign_key: str, **options: Unpack[ActivateOptions]) -> str | None:
        """Return the name of the visitor's variation in an A/B test; record that it is shown."""
        if (user_id := self.user_id) is None:
            return None
        client = self._get_client()
        return client.activate(
            campaign_key, user_id, **{**self._origin(client, user_id), **options}
        )

    def get_variation_name(
        self, campaign_key: str, **options: Unpack[DecisionOptions]
    ) -> str | None:
        """Return the name of the visitor's variation in an A/B or feature test."""
        if (user_id := self.user_id) is None:
            return None
        client = self._get_client()
        session = self._known(client, user_id)
        return client.get_variation_name(campaign_key, user_id, **options, session=session)

    def is_feature_enabled(self, campaign_key: str, **options: Unpack[ActivateOptions]) -> bool:
        """Return whether the visitor has the feature, and record that they were decided on."""
        if (user_id := self.user_id) is None:
            return False
        client = self._get_client()
        origin = self._origin(client, user_id)
        return client.is_feature_enabled(campaign_key, user_id, **{**origin, **options})

    def get_feature_variable_value(
        self, campaign_key: str, variable_key: str, **options: Unpack[DecisionOptions]
    ) -> Any:
        """Return the visitor's value of a feature variable, of the variable's type."""
        if (user_id := self.user_id) is None:
            return None
        client = self._get_client()
        session = self._known(client, user_id)
        return client.get_feature_variable_value(
            campaign_key, variable_key, user_id, **options, session=session
        )

    def get_enabled_features(self, **options: Unpack[DecisionOptions]) -> tuple[str, ...]:
        """Return the keys of the features that the visitor has; each is recorded as asked about."""
        if (user_id := self.user_id) is None:
            return ()
        client = self._get_client()
        return client.get_enabled_features(user_id, **{**self._origin(client, user_id), **options})

    def set_forced_variation(self, campaign_key: str, variation_name: str | None) -> bool:
        """Return whether the visitor gets a variation from now on, in this process; None: again."""
        if (user_id := self.user_id) is None:
            return False
        return self._get_client().set_forced_variation(campaign_key, user_id, variation_name)

    def get_forced_variation(self, campaign_key: str) -> str | None:
        """Return the name of the variation that was set with `set_forced_variation`."""
        if (user_id := self.user_id) is None:
            return None
        return self._get_client().get_forced_variation(campaign_key, user_id)

    def track(
        self,
        goal_identifier: str,
        campaigns: str | list[str] | None = None,
        **options: Unpack[TrackOptions],
    ) -> TrackResult | None:
        """
        Return for which campaigns the goal was recorded, and record it for those.

        *campaigns* is a key, a list of keys, or None for every running campaign that has the goal.
        """
        if (user_id := self.user_id) is None:
            return TrackResult()
        client = self._get_client()
        origin = self._origin(client, user_id)
        return client.track(campaigns, user_id, goal_identifier, **{**origin, **options})

    def push(
        self,
        tag_key: str | Mapping[str, Any] = "",
        tag_value: str = "",
        custom_dimension_map: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record properties of the visitor: a dict of them, or the key and value of one."""
        if (user_id := self.user_id) is None:
            return False
        client = self._get_client()
        if isinstance(tag_key, Mapping):
            return client.push("", tag_value, user_id, tag_key)
        return client.push(tag_key, tag_value, user_id, custom_dimension_map)

    def explain(self, campaign_key: str, **options: Unpack[DecisionOptions]) -> Decision:
        """Return the decision that showing the campaign would lead to, and why."""
        if (user_id := self.user_id) is None:
            return Decision(campaign=None, variation=None, reason=Reason.NO_CONSENT)
        client = self._get_client()
        session = self._known(client, user_id)
        return client.explain(campaign_key, user_id, **options, session=session)

    aactivate = async_twin(activate)
    aget_variation_name = async_twin(get_variation_name)
    ais_feature_enabled = async_twin(is_feature_enabled)
    aget_feature_variable_value = async_twin(get_feature_variable_value)
    aget_enabled_features = async_twin(get_enabled_features)
    atrack = async_twin(track)
    apush = async_twin(push)
    aexplain = async_twin(explain)

    def _identified(self) -> str | None:
        """Return the visitor's id; None if it cannot be told, and then the reason is logged."""
        try:
            return self.identify()
        except self.not_survived:
            raise
        except Exception as error:
            self._get_client().report("identify", error)
            return None

    def _forget_identity(self) -> None:
        """Have the visitor identified anew, with what is remembered of them."""
        self._identity = self._session = None

    def _known(self, client: Client, user_id: str) -> Remembered | None:
        if self._session is None:
            self._session = client.session(user_id)
        return self._session

    def _origin(self, client: Client, user_id: str) -> dict[str, Any]:
        return {
            "user_agent": self.user_agent,
            "user_ip_address": self.ip_address,
            "session": self._known(client, user_id),
        }
