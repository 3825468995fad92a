"""Feature variables: from the datafile's texts to values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from sys import intern
from typing import Any

Json = Mapping[str, Any]


def with_shared_keys(found: dict[str, Any]) -> dict[str, Any]:
    """Return *found*, whose keys many others have too."""
    return {intern(key): value for key, value in found.items()}


DECODER = json.JSONDecoder(object_hook=with_shared_keys)
CASTS: dict[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    "integer": int,
    "double": float,
    "json": DECODER.decode,
}


def cast(kind: str, text: Any) -> Any:
    """
    Return *text* as a value of the type *kind*; None if it is none.

    >>> cast("integer", "12"), cast("integer", "a dozen"), cast("boolean", "True")
    (12, None, False)
    """
    try:
        return CASTS[kind](text) if kind in CASTS else text
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def type_of(variable: Json, *, knows_subtypes: bool) -> str:
    """Return the type of a flag's *variable*."""
    is_json = variable["type"] == "string" and variable.get("subType") == "json"
    return "json" if is_json and knows_subtypes else str(variable["type"])
