"""What a caller's values become, so that every database takes them: total, whatever is given."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Context, Decimal, DecimalException
from enum import Enum
from typing import Any
from uuid import UUID

from django.utils.functional import Promise

PROPERTIES_BYTES = 16 * 1024
DEPTH = 20
LARGEST_INTEGER = 2**63 - 1
REVENUE_LENGTH = 255
REVENUE_STEP = Decimal("0.000001")
REVENUE_LIMIT = Decimal(10) ** 12
READS_WELL = (Decimal, UUID, date, time, timedelta, Promise)
"""Types that JSON lacks and that text stands for well."""


class UnfitError(Exception):
    """A value that has no place in JSON, or none in the space that is left."""


def clean_text(value: object, limit: int | None = None) -> str:
    r"""
    Return *value* as text that can be stored: without NUL and lone surrogates, cut to *limit*.

    >>> clean_text("a\0b\ud800"), clean_text("\ud83d\ude00"), clean_text("abc", 2)
    ('ab\ufffd', '😀', 'ab')
    """
    text = str(value)[:limit]
    if text.isascii():
        return text.replace("\0", "")
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", "")


def clean_properties(
    given: Mapping[Any, Any], first: str | None = None, limit: int = PROPERTIES_BYTES
) -> tuple[dict[str, Any], list[str]]:
    """
    Return what JSON can hold of *given* in *limit* bytes, and the names of what was left out.

    The order is that of *given*. The property *first* is the last to be left out for want of space.
    """
    if not given:
        return {}, []
    kept: dict[Any, tuple[str, Any]] = {}
    left_out: list[str] = []
    left = limit - len("{}")
    for name in sorted(given, key=lambda name: name != first):
        fit = clean_property(given, name, left)
        if fit is None:
            left_out.append(clean_text(name, 60) if isinstance(name, str) else type(name).__name__)
        else:
            key, value, size = fit
            kept[name] = key, value
            left -= size
    return dict(kept[name] for name in given if name in kept), left_out


def clean_property(
    given: Mapping[Any, Any], name: object, limit: int
) -> tuple[str, Any, int] | None:
    """Return name and value as JSON can hold them, and the bytes; None if not in *limit* bytes."""
    try:
        key, cleaned = clean_key(name), Cleaning(limit).clean(given[name])
        size = len(json.dumps({key: cleaned}))
    except Exception:  # whatever a caller's own types may raise
        return None
    return (key, cleaned, size) if size <= limit else None


def clean_told(given: Mapping[str, Any], limit: int = PROPERTIES_BYTES) -> dict[str, Any]:
    """
    Return what JSON can hold of *given* in *limit* bytes; of its lists, as many items as that.

    Lists come last, so that it is they who are short of what there is no space for.
    """
    kept: dict[str, Any] = {}
    left = limit
    for name in sorted(given, key=lambda name: isinstance(given[name], list)):
        value = given[name]
        items = value if isinstance(value, list) else [value]
        cleaned: list[Any] = []
        for item in items:
            fit = clean_property({name: item}, name, left)
            if fit is not None:
                cleaned.append(fit[1])
                left -= fit[2]
        if isinstance(value, list):
            kept[name] = cleaned
        elif cleaned:
            kept[name] = cleaned[0]
    return {name: kept[name] for name in given if name in kept}


SCALARS = (bool, str, int, float)


class Cleaning:
    """One value on its way into JSON, in at most *budget* parts."""

    def __init__(self, budget: int) -> None:
        self.budget = budget

    def clean(self, value: Any, depth: int = 0) -> Any:
        """Return *value* in JSON's types. Raises `UnfitError` where it has no like."""
        self.budget -= len(value) if isinstance(value, str) else 1
        if self.budget < 0 or depth > DEPTH:
            raise UnfitError
        if isinstance(value, Enum):
            return self.clean(value.value, depth + 1)
        if value is None or isinstance(value, SCALARS):
            return clean_scalar(value)
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean(item, depth + 1) for item in value]
        if isinstance(value, READS_WELL):
            return clean_text(value, self.budget)
        raise UnfitError

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        items: Iterable[tuple[Any, Any]] = value.items()
        return {self.clean(clean_key(key)): self.clean(item, depth + 1) for key, item in items}


def clean_key(key: object) -> str:
    """Return the name of a property, as JSON writes it. Raises `UnfitError`."""
    if isinstance(key, str):
        return clean_text(key)
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(clean_scalar(key))
    raise UnfitError


def clean_scalar(value: Any) -> Any:
    """Return *value*, large integers as text. Raises `UnfitError` for what is not finite."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitError
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return str(value)
    return value


def clean_revenue(value: Any) -> int | float | str | None:
    """
    Return *value* as it was given, as far as it is a number or text.

    >>> clean_revenue(Decimal("12.50")), clean_revenue("12,50"), clean_revenue(float("nan"))
    ('12.50', '12,50', None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, str | Decimal):
        return clean_text(value, REVENUE_LENGTH)
    is_writable = isinstance(value, int) or math.isfinite(value)
    return value if is_writable and abs(value) < 1e300 else None


def revenue_amount(value: object) -> Decimal | None:
    """
    Return *value* as the amount that the revenue column can hold, to six decimals, or None.

    >>> revenue_amount("12.50"), revenue_amount(1e13), revenue_amount("12,50")
    (Decimal('12.500000'), None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(value if isinstance(value, Decimal) else str(value)[:REVENUE_LENGTH])
        rounded = amount.quantize(REVENUE_STEP, context=Context(prec=40))
    except (DecimalException, ValueError):
        return None
    return rounded if rounded.is_finite() and abs(rounded) < REVENUE_LIMIT else None
