import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from django.utils.functional import lazystr
from hypothesis import given, settings
from hypothesis import strategies as st

from django_vwo.recorders.cleaning import (
    PROPERTIES_BYTES,
    clean_properties,
    clean_revenue,
    clean_text,
    clean_told,
    revenue_amount,
)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def cycle() -> list[Any]:
    knot: list[Any] = []
    knot.append({"again": knot})
    return knot


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


KEPT = [
    pytest.param("a\0b", "ab", id="NUL"),
    pytest.param("a\ud800b", "a\ufffdb", id="lone surrogate"),
    pytest.param("\ud83d\ude00", "😀", id="surrogate pair"),
    pytest.param(True, True, id="bool"),
    pytest.param(None, None, id="None"),
    pytest.param(2**63, str(2**63), id="integer beyond 64 bits"),
    pytest.param(Decimal("12.50"), "12.50", id="Decimal"),
    pytest.param(Decimal("NaN"), "NaN", id="Decimal NaN"),
    pytest.param(date(2026, 3, 1), "2026-03-01", id="date"),
    pytest.param(datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01 00:00:00+00:00", id="datetime"),
    pytest.param(timedelta(seconds=5), "0:00:05", id="timedelta"),
    pytest.param(UUID(int=1), "00000000-0000-0000-0000-000000000001", id="UUID"),
    pytest.param(lazystr("lazy"), "lazy", id="lazy text"),
    pytest.param(Colour.RED, "red", id="Enum"),
    pytest.param(Level.HIGH, 3, id="IntEnum"),
    pytest.param((1, "a\0"), [1, "a"], id="tuple"),
    pytest.param({"x": {"y\0": [1]}}, {"x": {"y": [1]}}, id="nested"),
    pytest.param({1: 1, None: 2, 0.5: 3}, {"1": 1, "null": 2, "0.5": 3}, id="keys of no text"),
    pytest.param({False: 1}, {"false": 1}, id="a key that is a bool"),
    pytest.param(nested(20), nested(20), id="nested deep"),
]
LEFT_OUT = [
    pytest.param(float("nan"), id="NaN"),
    pytest.param(float("-inf"), id="infinity"),
    pytest.param([1, float("nan")], id="NaN in a list"),
    pytest.param(10**5000, id="integer of 5,000 digits"),
    pytest.param(object(), id="object"),
    pytest.param(b"bytes", id="bytes"),
    pytest.param(cycle(), id="cycle"),
    pytest.param(nested(5000), id="nested too deep"),
    pytest.param("x" * 1_000_000, id="a megabyte"),
    pytest.param(list(range(1_000_000)), id="a million numbers"),
    pytest.param({(1, 2): 3}, id="a key that is no name"),
    pytest.param(lazystr(Unspeakable()), id="text that fails"),
]


@pytest.mark.parametrize(("value", "cleaned"), KEPT)
def test_a_property_is_kept_as_json_has_it(value: Any, cleaned: Any) -> None:
    assert clean_properties({"name": value}) == ({"name": cleaned}, [])


@pytest.mark.parametrize("value", LEFT_OUT)
def test_a_property_that_json_cannot_hold_is_left_out_alone(value: Any) -> None:
    assert clean_properties({"a": 1, "name": value, "b": 2}) == ({"a": 1, "b": 2}, ["name"])


def test_the_callers_values_are_not_changed() -> None:
    given = {"a": ["x\0", {"b": (1,)}]}
    clean_properties(given)

    assert given == {"a": ["x\0", {"b": (1,)}]}


def test_properties_fill_at_most_their_space_and_the_revenue_comes_first() -> None:
    large = {f"name-{number}": "x" * 1_000 for number in range(40)}

    kept, left_out = clean_properties({**large, "price": 5}, first="price")

    assert len(json.dumps(kept)) <= PROPERTIES_BYTES
    assert kept["price"] == 5
    assert len(kept) + len(left_out) == 41
    assert len(kept) > 14


class Odd(Mapping[str, Any]):
    """A mapping whose values cannot be had."""

    def __getitem__(self, name: str) -> Any:
        raise LookupError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


def test_a_mapping_that_fails_costs_its_values() -> None:
    assert clean_properties(Odd()) == ({}, ["a"])


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.decimals()
    | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters()) | st.integers() | st.none(), VALUES))
def test_what_is_kept_is_json_that_every_database_takes(given: dict[Any, Any]) -> None:
    kept, _ = clean_properties(given)
    text = json.dumps(kept, allow_nan=False, ensure_ascii=False)

    assert json.loads(text) == kept
    assert "\\u0000" not in text
    assert len(json.dumps(kept)) <= PROPERTIES_BYTES
    text.encode()


@settings(deadline=None)
@given(st.text(st.characters()), st.integers(0, 20))
def test_text_is_cleaned_once_and_for_all(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)

    assert clean_text(cleaned, limit) == cleaned
    assert len(cleaned) <= limit
    cleaned.encode()


REVENUES = [
    pytest.param(12.5, 12.5, "12.500000", id="float"),
    pytest.param(7, 7, "7.000000", id="int"),
    pytest.param("12.50", "12.50", "12.500000", id="text"),
    pytest.param(" 1e3 ", " 1e3 ", "1000.000000", id="text with an exponent"),
    pytest.param(Decimal("0.1"), "0.1", "0.100000", id="Decimal"),
    pytest.param(1.23456789, 1.23456789, "1.234568", id="more than six decimals"),
    pytest.param(-3, -3, "-3.000000", id="negative"),
    pytest.param(10**12, 10**12, None, id="does not fit"),
    pytest.param(999_999_999_999.9999999, 1e12, None, id="does not fit once rounded"),
    pytest.param("12,50", "12,50", None, id="decimal comma"),
    pytest.param("a lot", "a lot", None, id="words"),
    pytest.param("1\0", "1", "1.000000", id="NUL"),
    pytest.param("9" * 10_000, "9" * 255, None, id="10,000 digits of text"),
    pytest.param(Decimal("1e400"), "1E+400", None, id="huge Decimal"),
    pytest.param(Decimal("1e-999999"), "1E-999999", "0.000000", id="tiny Decimal"),
    pytest.param(Decimal("sNaN"), "sNaN", None, id="signalling NaN"),
    pytest.param(10**5000, None, None, id="5,000 digits"),
    pytest.param(float("nan"), None, None, id="NaN"),
    pytest.param(float("inf"), None, None, id="infinity"),
    pytest.param(True, None, None, id="bool"),
    pytest.param([5], None, None, id="list"),
    pytest.param(None, None, None, id="nothing"),
]


@pytest.mark.parametrize(("given", "kept", "amount"), REVENUES)
def test_revenue(given: Any, kept: Any, amount: str | None) -> None:
    assert clean_revenue(given) == kept
    assert type(clean_revenue(given)) is type(kept)
    assert revenue_amount(clean_revenue(given)) == (amount and Decimal(amount))


def test_space_is_counted_as_json_writes_it() -> None:
    accented = "é" * (PROPERTIES_BYTES // 4)  # six bytes each
    assert clean_properties({"large": accented, "small": 1}) == ({"small": 1}, ["large"])
    assert clean_told({"small": 1, "list": [accented, "é"]}) == {"small": 1, "list": ["é"]}
