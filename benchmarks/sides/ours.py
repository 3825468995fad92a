"""Our side: the public `Client`, on a document of either vendor."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[2]))

from serving import Rows, serve

from django_vwo.client import Client
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.memory import MemoryStorage

ROWS: Rows = {
    "variation": lambda client, calls: [
        client.get_variation_name(key, user, custom_variables=facts) for key, user, facts in calls
    ],
    "activate": lambda client, calls: [
        client.activate(key, user, custom_variables=facts) for key, user, facts in calls
    ],
    "feature": lambda client, calls: [
        client.is_feature_enabled(key, user, custom_variables=facts) for key, user, facts in calls
    ],
    "variable": lambda client, calls: [
        client.get_feature_variable_value(key, variable, user, custom_variables=facts)
        for key, variable, user, facts in calls
    ],
    "track": lambda client, calls: [
        client.track(key, user, goal, custom_variables=facts) for key, goal, user, facts in calls
    ],
}


def load(document: str, has_storage: bool) -> Client:
    """Return a client on *document*."""
    storage = MemoryStorage() if has_storage else None
    return Client(
        document,
        storage=storage,
        recorder=MemoryRecorder(),
        track_requires_decision=False,  # as Optimizely's own SDK tracks; VWO's does not ask
    )


def forget_events(client: Client) -> None:
    """Empty the recorder, which would grow with each round."""
    client.recorder.events.clear()


if __name__ == "__main__":
    serve(load, ROWS, forget_events)
