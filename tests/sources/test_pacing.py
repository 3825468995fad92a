"""Whoever loads at leisure pauses after each piece of work, and longer than it took."""

from __future__ import annotations

import json
import time

import pytest

from django_vwo.dialects import get_dialect
from django_vwo.sources import pacing
from django_vwo.sources.pointer import Pointer
from tests.datafiles import datafile, experiment
from tests.documents import sharing_a_goal


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses made, on a clock that stands still."""
    found: list[float] = []
    monkeypatch.setattr(pacing.time, "sleep", found.append)
    return found


def test_a_pause_follows_each_piece_of_work(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 0.0001, 0.001, 0.001, 1.001, 1.001])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    pace = pacing.Leisure()

    pace()
    assert pauses == []
    pace()
    pace()
    assert pauses == [0.001 * pacing.REST, pacing.MOST_SECONDS]


@pytest.mark.parametrize(
    ("dialect", "document"),
    [
        ("vwo", sharing_a_goal(5)),
        ("optimizely", datafile(*(experiment(f"test-{n}", f"1{n}") for n in range(5)))),
    ],
)
def test_documents_of_both_dialects_are_loaded_at_a_pace(dialect: str, document: object) -> None:
    calls: list[int] = []
    read = json.loads(json.dumps(document))
    get_dialect(dialect).translate(read, source="test", pace=lambda: calls.append(1))
    assert len(calls) == 5


def test_whoever_follows_changes_does_so_at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    paces: list[object] = []
    monkeypatch.setattr(Pointer, "refresh", lambda self, pace=None: paces.append(pace))

    Pointer()._look()

    assert [type(pace) for pace in paces] == [pacing.Leisure]
