"""What the objects of a document promise: they are values, which campaigns may share."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from django_vwo.engine.entities import Goal, Ranges, Variation
from django_vwo.engine.segments import All, Never

VALUES = [
    pytest.param(lambda: Variation(id="1", name="a", stored_as="a"), id="a variation"),
    pytest.param(lambda: Ranges((5_000, 10_000), ("a", "b")), id="ranges"),
    pytest.param(lambda: All((Never("no"), Never("never"))), id="a condition"),
]


@pytest.mark.parametrize("make", VALUES[1:])
def test_values_of_the_same_fields_are_one_key(make) -> None:
    assert len({make(), make()}) == 1


@pytest.mark.parametrize("make", VALUES)
def test_a_value_is_equal_to_its_copy_and_has_no_other_attributes(make) -> None:
    found = make()
    assert found == make() == replace(found)
    assert not hasattr(found, "__dict__")
    assert tuple(each.name for each in fields(found)) == found.__slots__


def test_a_changed_copy_leaves_the_value_as_it_was() -> None:
    goal = Goal(id="1", identifier="bought")
    assert replace(goal, id="2").id == "2"
    assert goal.id == "1"
