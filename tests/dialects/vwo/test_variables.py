"""Feature variables: what each type makes of each value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_vwo.dialects.vwo.variables import typed_value, typed_values
from tests.answers import VARIABLES
from tests.builders import document, loaded, rollout, variable

ROWS = [
    pytest.param(row["value"], kind, answer, id=f"{row['value']!r} as {kind}")
    for row in VARIABLES["casts"]
    for kind, answer in row["answers"].items()
]


@pytest.mark.parametrize(("value", "kind", "answer"), ROWS)
def test_casts_are_the_official_sdks(value: Any, kind: str, answer: Any) -> None:
    found = typed_value(kind, value)

    assert found == answer
    assert type(found) is type(answer)


@pytest.mark.parametrize("kind", ["integer", "double"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), "1" * 5000, "nan"], ids=str)
def test_what_is_no_number_of_that_type_is_none(kind: str, value: Any) -> None:
    found = typed_value(kind, value)

    assert found is None or (kind == "double" and isinstance(found, float))


@pytest.mark.parametrize("kind", ["", "String", "STRING", "list", "null"])
def test_unknown_types_are_none(kind: str) -> None:
    assert typed_value(kind, "x") is None


def test_text_that_nests_too_deeply_is_none() -> None:
    assert typed_value("json", "[" * 100_000) is None


def test_an_object_that_nests_deeply_has_no_text_but_no_error_either() -> None:
    nested: Any = {}
    for _ in range(100_000):
        nested = {"a": nested}

    assert typed_value("string", nested) is None
    while nested:  # taken apart by hand: its end would be as deep
        nested = nested.pop("a")


def test_of_two_variables_with_a_key_the_first_counts() -> None:
    values = typed_values([variable("a", "integer", "x"), variable("a", "integer", 5)])

    assert values == {"a": None}


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_no_variables(nothing: Any) -> None:
    assert typed_values(nothing) == {}


def test_values_come_out_of_a_document_as_they_were() -> None:
    texts = rollout(variables=[variable("a", "json", {"b": [1, {"c": None}]})])

    values = loaded(document(texts)).campaigns["rollout"].variations["Control"].variables

    assert json.dumps(values["a"]) == '{"b": [1, {"c": null}]}'
