"""
`Optimizely`: the methods of Optimizely's own SDKs, under their names, over a `Client`.

For code that was written for `optimizely-sdk`. It loads without Django.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .client import Client, get_client
from .engine.entities import Facts

Attributes = Facts | None

DISABLE_DECISION_EVENT = "DISABLE_DECISION_EVENT"
IGNORE_USER_PROFILE_SERVICE = "IGNORE_USER_PROFILE_SERVICE"
EXCLUDE_VARIABLES = "EXCLUDE_VARIABLES"


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagDecision:
    """What `Optimizely.decide` found."""

    variation_key: str | None
    enabled: bool
    variables: Mapping[str, Any] = field(default_factory=dict)
    rule_key: str | None
    flag_key: str


class Optimizely:
    """
    Optimizely's methods over *client*, by default the process's.

    Every method answers whatever happens, as those of `Client` do. Attributes that are empty count
    as none; other than None or a dict they are refused.
    """

    def __init__(self, client: Client | None = None) -> None:
        self._client = client

    @property
    def client(self) -> Client:
        """The client that answers."""
        return self._client or get_client()

    def activate(
        self, experiment_key: str, user_id: str, attributes: Attributes = None
    ) -> str | None:
        """Return the key of the user's variation, and record that it is shown."""
        return self.client.activate(experiment_key, user_id, custom_variables=attributes or None)

    def get_variation(
        self, experiment_key: str, user_id: str, attributes: Attributes = None
    ) -> str | None:
        """Return the key of the user's variation."""
        return self.client.get_variation_name(
            experiment_key, user_id, custom_variables=attributes or None
        )

    def is_feature_enabled(
        self, feature_key: str, user_id: str, attributes: Attributes = None
    ) -> bool:
        """Return whether the user has the feature, and record that they were decided on."""
        return self.client.is_feature_enabled(
            feature_key, user_id, custom_variables=attributes or None
        )

    def get_enabled_features(self, user_id: str, attributes: Attributes = None) -> list[str]:
        """Return the keys of the features that the user has; each is recorded as asked about."""
        found = self.client.get_enabled_features(user_id, custom_variables=attributes or None)
        return list(found)

    def get_feature_variable(
        self,
        feature_key: str,
        variable_key: str,
        user_id: str,
        attributes: Attributes = None,
        *,
        variable_type: str | None = None,
    ) -> Any:
        """Return the user's value of a feature variable; None if it is not of *variable_type*."""
        return self.client.get_feature_variable_value(
            feature_key,
            variable_key,
            user_id,
            custom_variables=attributes or None,
            variable_type=variable_type,
        )

    def get_feature_variable_boolean(
        self, feature_key: str, variable_key: str, user_id: str, attributes: Attributes = None
    ) -> bool | None:
        """Return the user's value of a variable of type `boolean`."""
        found: bool | None = self._typed("boolean", feature_key, variable_key, user_id, attributes)
        return found

    def get_feature_variable_double(
        self, feature_key: str, variable_key: str, user_id: str, attributes: Attributes = None
    ) -> float | None:
        """Return the user's value of a variable of type `double`."""
        found: float | None = self._typed("double", feature_key, variable_key, user_id, attributes)
        return found

    def get_feature_variable_integer(
        self, feature_key: str, variable_key: str, user_id: str, attributes: Attributes = None
    ) -> int | None:
        """Return the user's value of a variable of type `integer`."""
        found: int | None = self._typed("integer", feature_key, variable_key, user_id, attributes)
        return found

    def get_feature_variable_string(
        self, feature_key: str, variable_key: str, user_id: str, attributes: Attributes = None
    ) -> str | None:
        """Return the user's value of a variable of type `string`."""
        found: str | None = self._typed("string", feature_key, variable_key, user_id, attributes)
        return found

    def get_feature_variable_json(
        self, feature_key: str, variable_key: str, user_id: str, attributes: Attributes = None
    ) -> Any:
        """Return the user's value of a variable of type `json`."""
        return self._typed("json", feature_key, variable_key, user_id, attributes)

    def get_all_feature_variables(
        self, feature_key: str, user_id: str, attributes: Attributes = None
    ) -> dict[str, Any] | None:
        """Return the user's values of all variables of a feature; None if there is no such one."""
        found = self.client.decide_feature(
            feature_key, user_id, custom_variables=attributes or None, is_told=False
        )
        return dict(found.variables) if found else None

    def decide(
        self,
        flag_key: str,
        user_id: str,
        attributes: Attributes = None,
        options: Collection[str] = (),
    ) -> FlagDecision:
        """
        Return what the user gets of a flag, and record that they were decided on.

        *options* are some of `DISABLE_DECISION_EVENT`, `IGNORE_USER_PROFILE_SERVICE` and
        `EXCLUDE_VARIABLES`.
        """
        found = self.client.decide_feature(
            flag_key,
            user_id,
            custom_variables=attributes or None,
            is_told=DISABLE_DECISION_EVENT not in options,
            is_remembered=IGNORE_USER_PROFILE_SERVICE not in options,
        )
        if found is None:
            return FlagDecision(variation_key=None, enabled=False, rule_key=None, flag_key=flag_key)
        return FlagDecision(
            variation_key=found.variation,
            enabled=found.is_enabled,
            variables={} if EXCLUDE_VARIABLES in options else dict(found.variables),
            rule_key=found.campaign_key,
            flag_key=flag_key,
        )

    def track(
        self,
        event_key: str,
        user_id: str,
        attributes: Attributes = None,
        event_tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that the user did what the event stands for."""
        tags = event_tags if event_tags or isinstance(event_tags, Mapping) else None
        self.client.track(
            None, user_id, event_key, custom_variables=attributes or None, event_properties=tags
        )

    def set_forced_variation(
        self, experiment_key: str, user_id: str, variation_key: str | None
    ) -> bool:
        """Return whether the user gets this variation from now on, in this process; None: again."""
        return self.client.set_forced_variation(experiment_key, user_id, variation_key)

    def get_forced_variation(self, experiment_key: str, user_id: str) -> str | None:
        """Return the key of the variation that was set with `set_forced_variation`."""
        return self.client.get_forced_variation(experiment_key, user_id)

    def _typed(
        self,
        kind: str,
        feature_key: str,
        variable_key: str,
        user_id: str,
        attributes: Attributes,
    ) -> Any:
        get: Callable[..., Any] = partial(self.get_feature_variable, variable_type=kind)
        return get(feature_key, variable_key, user_id, attributes)
