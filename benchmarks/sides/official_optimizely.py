"""
Optimizely's own SDK as it ships, but that what it is ready to send is dropped.

A thread of it makes events ready, in the process that decides, so that its work is timed as well.
With `--unmade` events are dropped before that: what then is timed is less than what any site pays.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
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


class Unmade(BaseEventProcessor):
    """Drops each event before it is made ready to be sent."""

    def process(self, user_event: Any) -> None:
        pass


class Dispatcher:
    """Drops what is ready to be sent."""

    @staticmethod
    def dispatch_event(event: Any) -> None:
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
        event_dispatcher=Dispatcher,
        event_processor=Unmade() if "--unmade" in sys.argv else None,
        user_profile_service=Profiles() if has_storage else None,
        settings=OptimizelySdkSettings(odp_disabled=True),
    )
    if not (sdk.is_valid and sdk.config_manager.get_config()):
        raise ValueError("Optimizely's SDK refuses the document")
    return sdk


def finished(
    row: Callable[[Any, Sequence[Any]], list[Any]], sdk: Any, calls: Sequence[Any]
) -> list[Any]:
    """Return the answers once the SDK's thread has taken what the calls left to it."""
    answers = row(sdk, calls)
    queue = getattr(sdk.event_processor, "event_queue", None)
    while queue is not None and not queue.empty():
        time.sleep(0.001)
    return answers


if __name__ == "__main__":
    serve(load, {name: partial(finished, row) for name, row in ROWS.items()}, leave)
