import math
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from django_vwo.outbox.outcome import Meaning
from django_vwo.outbox.parts import parts


class FakeCollector:
    """Answers parts of numbers: refuses those with one of *culprits*, takes at most *limit*."""

    def __init__(self, culprits: set[int], limit: int = 10**6) -> None:
        self.culprits, self.limit = culprits, limit
        self.sent: list[int] = []
        self.refused_alone: list[int] = []
        self.requests = 0

    def answer(self, part: Sequence[int]) -> Meaning:
        self.requests += 1
        if len(part) > self.limit:
            return Meaning.TOO_LARGE
        if self.culprits.isdisjoint(part):
            self.sent.extend(part)
            return Meaning.SENT
        if len(part) == 1:
            self.refused_alone.extend(part)
        return Meaning.REFUSED


def deliver(items: Sequence[int], collector: FakeCollector) -> None:
    plan = parts(items)
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

    assert sorted(collector.sent) == sorted(set(range(size)) - culprits)
    assert sorted(collector.refused_alone) == sorted(culprits)


@settings(deadline=None)
@given(size=st.integers(2, 5000), data=st.data())
def test_one_culprit_is_found_in_few_requests(size: int, data: st.DataObject) -> None:
    culprit = data.draw(st.integers(0, size - 1))
    collector = FakeCollector({culprit})

    deliver(range(size), collector)

    assert collector.refused_alone == [culprit]
    assert collector.requests <= math.log2(size) + 4


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
