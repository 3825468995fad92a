"""GrowthBook's own SDK: an instance per visitor as its manual says, and one that goes on."""

from __future__ import annotations

import json
from typing import Any

from growthbook import GrowthBook
from serving import Rows, leave, serve

Features = dict[str, Any]


def visitor(features: Features, user: str, facts: Any) -> GrowthBook:
    """Return an instance for one visitor."""
    return GrowthBook(attributes={**(facts or {}), "id": user}, features=features)


ROWS: Rows = {
    "variation": lambda features, calls: [
        visitor(features, user, facts).get_feature_value(key, None) for key, user, facts in calls
    ],
    "feature": lambda features, calls: [
        visitor(features, user, facts).is_on(key) for key, user, facts in calls
    ],
}


def load(document: str, has_storage: bool) -> Features:
    """Return the features of *document*."""
    return json.loads(document)


if __name__ == "__main__":
    serve(load, ROWS, leave)
