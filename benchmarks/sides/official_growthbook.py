"""
GrowthBook's own SDK: an instance for each visitor, as its manual has it for each request.

With ``--kept`` one instance is told of each visitor in turn, which only one thread can do.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from growthbook import GrowthBook
from serving import Rows, leave, serve

Loaded = GrowthBook | dict[str, Any]
"""The instance that is kept, or features."""

ROWS: Rows = {
    "variation": lambda loaded, calls: [
        of(loaded, user, facts).get_feature_value(key, None) for key, user, facts in calls
    ],
    "feature": lambda loaded, calls: [
        of(loaded, user, facts).is_on(key) for key, user, facts in calls
    ],
}


def of(loaded: Loaded, user: str, facts: dict[str, Any]) -> GrowthBook:
    """Return an instance that knows a visitor."""
    attributes = {**facts, "id": user}
    if isinstance(loaded, GrowthBook):
        loaded.set_attributes(attributes)
        return loaded
    return GrowthBook(attributes=attributes, features=loaded)


def load(document: str, has_storage: bool) -> Loaded:
    """Return the features of *document*."""
    features: dict[str, Any] = json.loads(document)
    return GrowthBook(features=features) if "--kept" in sys.argv else features


if __name__ == "__main__":
    serve(load, ROWS, leave)
