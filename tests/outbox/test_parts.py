import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_vwo.outbox.outcome import Meaning
from django_vwo.outbox.parts import TRIALS, Plan, journey, parts


def is_lone(item: int) -> bool:
    return False


class FakeCollector:
    """Answers parts of numbers: refuses those with one of *culprits*, takes at most *limit*."""

    def __init__(self, culprits: set[int], limit: int = 10**6) -> None:
        self.culprits, self.limit = culprits, limit
        self.sent: list[int] = []
        self.refused_alone: list[int] = []
        self.parts: list[Sequence[int]] = []

    @property
    def requests(self) -> int:
        return len(self.parts)

    def answer(self, part: Sequence[int]) -> Meaning:
        self.parts.append(part)
        if len(part) > self.limit:
            return Meaning.TOO_LARGE
        if self.culprits.isdisjoint(part):
            self.sent.extend(part)
            return Meaning.SENT
        if len(part) == 1:
            self.refused_alone.extend(part)
        return Meaning.REFUSED


def deliver(items: Sequence[int], collector: FakeCollector) -> None:
    follow(parts(items), collector)


def follow(plan: Plan[int], collector: FakeCollector) -> None:
    part = next(plan)
    try:
        while True:
            part = plan.send(collector.answer(part))
    except StopIteration:
        pass


@settings(deadline=None)
@given(size=st.integers(1, 300), data=st.data())
def test_every_item_is_sent_or_refused_alone(size: int, data: st.DataObject) -> None:
    culprits = data.draw(st.sets(st.integers(0, size - 1)))
    collector = FakeCollector(culprits, limit=data.draw(st.integers(1, 300)))

    deliver(range(size), collector)

    has_given_up = not collector.sent and len(collector.refused_alone) > TRIALS
    if not has_given_up:
        assert sorted(collector.sent) == sorted(set(range(size)) - culprits)
        assert sorted(collector.refused_alone) == sorted(culprits)
    assert set(collector.refused_alone) <= culprits
    assert len(set(collector.sent)) == len(collector.sent)


@settings(deadline=None)
@given(size=st.integers(100, 600), data=st.data())
def test_a_run_of_culprits_holds_up_nothing(size: int, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, size // 2))
    start = data.draw(st.integers(0, size - length))
    culprits = set(range(start, start + length))
    collector = FakeCollector(culprits)

    deliver(range(size), collector)

    assert sorted(collector.sent) == sorted(set(range(size)) - culprits)
    assert sorted(collector.refused_alone) == sorted(culprits)


@pytest.mark.parametrize("size", [2, 17, 500])
def test_where_everything_is_refused_few_requests_find_out(size: int) -> None:
    collector = FakeCollector(set(range(size)))

    deliver(range(size), collector)

    assert collector.requests <= math.log2(size) + 2 + TRIALS


def test_single_items_are_tried_until_one_is_taken() -> None:
    collector = FakeCollector({0, 1, 7})

    follow(journey(range(9), is_lone=is_lone, is_trial=True), collector)

    assert collector.sent[:1] == [2]
    assert sorted(collector.sent) == [2, 3, 4, 5, 6, 8]
    assert sorted(collector.refused_alone) == [0, 1, 7]


def test_a_trial_begins_with_what_goes_together() -> None:
    collector = FakeCollector(set())

    follow(journey(range(9), is_lone=lambda item: item < 7, is_trial=True), collector)

    assert collector.sent == [7, 8, *range(7)]


def test_single_items_that_are_all_refused_are_refused_once() -> None:
    collector = FakeCollector(set(range(9)))

    follow(journey(range(9), is_lone=is_lone, is_trial=True), collector)

    assert collector.refused_alone == list(range(9))
    assert collector.requests == 9


@settings(deadline=None)
@given(size=st.integers(1, 60), is_trial=st.booleans(), data=st.data())
def test_lone_items_go_by_themselves_and_no_item_is_forgotten(
    size: int, is_trial: bool, data: st.DataObject
) -> None:
    culprits = data.draw(st.sets(st.integers(0, size - 1)))
    lone = data.draw(st.sets(st.integers(0, size - 1)))
    collector = FakeCollector(culprits)

    follow(journey(range(size), is_lone=lone.__contains__, is_trial=is_trial), collector)

    assert all(len(part) == 1 or lone.isdisjoint(part) for part in collector.parts)
    assert set(collector.refused_alone) <= culprits
    assert len(set(collector.sent)) == len(collector.sent)
    assert len(set(collector.refused_alone)) == len(collector.refused_alone)
    if collector.sent:
        assert sorted(collector.sent) == sorted(set(range(size)) - culprits)
        assert sorted(collector.refused_alone) == sorted(culprits)


@pytest.mark.parametrize("is_trial", [False, True])
def test_lone_items_that_are_all_refused_are_not_all_sent(is_trial: bool) -> None:
    collector = FakeCollector(set(range(500)))

    follow(journey(range(500), is_lone=lambda item: True, is_trial=is_trial), collector)

    assert collector.requests == TRIALS


@settings(deadline=None)
@given(size=st.integers(2, 5000), data=st.data())
def test_one_culprit_is_found_in_few_requests(size: int, data: st.DataObject) -> None:
    culprit = data.draw(st.integers(0, size - 1))
    collector = FakeCollector({culprit})

    deliver(range(size), collector)

    assert collector.refused_alone == [culprit]
    assert collector.requests <= math.log2(size) + 4


def test_items_of_different_batches_are_not_sent_together() -> None:
    collector = FakeCollector({4})

    follow(journey(range(9), is_lone=is_lone, batch=lambda item: item % 2), collector)

    assert all(len({item % 2 for item in part}) == 1 for part in collector.parts)
    assert sorted(collector.sent) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert collector.refused_alone == [4]


def test_many_batches_of_one_that_are_all_refused_are_not_all_sent() -> None:
    collector = FakeCollector(set(range(500)))

    follow(journey(range(500), is_lone=is_lone, batch=lambda item: item), collector)

    assert collector.requests == TRIALS


def test_a_batch_that_is_taken_is_one_request() -> None:
    collector = FakeCollector(set())

    deliver(range(500), collector)

    assert collector.requests == 1


def test_a_batch_that_is_too_large_is_halved_at_once() -> None:
    collector = FakeCollector(set(), limit=250)

    deliver(range(500), collector)

    assert collector.requests == 3
    assert collector.sent == list(range(500))


def test_nothing_is_sent_of_nothing() -> None:
    assert list(next(parts([]))) == []
