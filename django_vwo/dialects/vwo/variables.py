"""VWO's feature variables, brought to their type when a document is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def typed_values(variables: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return values by key: of the first variable with the key, None where the type is wrong."""
    values: dict[str, Any] = {}
    for variable in variables or ():
        values.setdefault(variable["key"], typed_value(variable["type"], variable["value"]))
    return values


def typed_value(kind: str, value: Any) -> Any:
    """
    Return *value* as the type *kind*, or None if it cannot be that or the type is unknown.

    >>> typed_value("integer", "12"), typed_value("integer", 12.9), typed_value("integer", "12.9")
    (12, 12, None)
    """
    cast = CASTS.get(kind)
    try:
        return cast(value) if cast else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def json_object(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    return json.loads(value) if isinstance(value, str) else None


CASTS: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "integer": int,
    "double": float,
    "boolean": boolean,
    "json": json_object,
}
