"""Optimizely's own SDK, whose events are dropped before they are made ready to be sent."""

from __future__ import annotations

from typing import Any

from optimizely import optimizely
from optimizely.event.event_processor import BaseEventProcessor
from optimizely.helpers.sdk_settings import OptimizelySdkSettings
from serving import Rows, leave, serve

ROWS: Rows = {
    "variation": lambda sdk, calls: [sdk.get_variation(*call) for call in calls],
    "activate": lambda sdk, calls: [sdk.activate(*call) for call in calls],
    "feature": lambda sdk, calls: [sdk.is_feature_enabled(*call) for call in calls],
    "variable": lambda sdk, calls: [sdk.get_feature_variable(*call) for call in calls],
    "track": lambda sdk, calls: [sdk.track(goal, user, facts) for _, goal, user, facts in calls],
}


class Dropping(BaseEventProcessor):
    """Drops each event; the SDK's own leave the rest of the work to a thread."""

    def process(self, user_event: Any) -> None:
        pass


class Profiles:
    """A user profile service in memory."""

    def __init__(self) -> None:
        self.profiles: dict[str, Any] = {}

    def lookup(self, user_id: str) -> Any:
        return self.profiles.get(user_id)

    def save(self, profile: Any) -> None:
        self.profiles[profile["user_id"]] = profile


def load(document: str, has_storage: bool) -> Any:
    """Return the SDK on *document*."""
    sdk = optimizely.Optimizely(
        document,
        event_processor=Dropping(),
        user_profile_service=Profiles() if has_storage else None,
        settings=OptimizelySdkSettings(odp_disabled=True),
    )
    if not (sdk.is_valid and sdk.config_manager.get_config()):
        raise ValueError("Optimizely's SDK refuses the document")
    return sdk


if __name__ == "__main__":
    serve(load, ROWS, leave)
