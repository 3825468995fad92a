"""VWO's own SDK; its logger says nothing, and its development mode sends nothing."""

from __future__ import annotations

from typing import Any

import vwo
from serving import Rows, leave, serve

ROWS: Rows = {
    "variation": lambda sdk, calls: [
        sdk.get_variation_name(key, user, custom_variables=facts) for key, user, facts in calls
    ],
    "activate": lambda sdk, calls: [
        sdk.activate(key, user, custom_variables=facts) for key, user, facts in calls
    ],
    "feature": lambda sdk, calls: [
        sdk.is_feature_enabled(key, user, custom_variables=facts) for key, user, facts in calls
    ],
    "variable": lambda sdk, calls: [
        sdk.get_feature_variable_value(key, variable, user, custom_variables=facts)
        for key, variable, user, facts in calls
    ],
    "track": lambda sdk, calls: [
        sdk.track(key, user, goal, custom_variables=facts) for key, goal, user, facts in calls
    ],
}


class Storage(vwo.UserStorage):
    """User storage in memory."""

    def __init__(self) -> None:
        self.records: dict[Any, Any] = {}

    def get(self, user_id: str, campaign_key: str) -> Any:
        return self.records.get((user_id, campaign_key))

    def set(self, record: Any) -> None:
        self.records[record["userId"], record["campaignKey"]] = record


class Quiet:
    """A logger that says nothing."""

    def log(self, level: int, message: str) -> None:
        pass


def load(document: str, has_storage: bool) -> Any:
    """Return the SDK on *document*."""
    storage = Storage() if has_storage else None
    sdk = vwo.launch(document, logger=Quiet(), user_storage=storage, is_development_mode=True)
    if sdk is None:
        raise ValueError("VWO's SDK refuses the document")
    return sdk


if __name__ == "__main__":
    serve(load, ROWS, leave)
