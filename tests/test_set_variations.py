"""What one process was told of visitors, bounded."""

from __future__ import annotations

import pytest

from django_vwo import set_variations
from django_vwo.set_variations import SetVariations


def test_the_oldest_visitors_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_variations, "MOST_VISITORS", 3)
    known = SetVariations()
    for number in range(5):
        known.set(f"visitor-{number}", "10", "101")
    found = [number for number in range(5) if known.of(f"visitor-{number}")]
    assert found == [2, 3, 4]


def test_each_campaign_is_set_and_taken_back_by_itself() -> None:
    known = SetVariations()
    known.set("Bob", "10", "101")
    known.set("Bob", "11", "111")
    known.set("Bob", "10", None)
    known.set("Ann", "10", None)
    assert dict(known.of("Bob")) == {"11": "111"}
    assert not known.of("Ann")
    known.forget("Bob")
    assert not known.of("Bob")
