"""In which parts a batch is sent, so that one bad event costs few requests: pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

from .outcome import Meaning

Item = TypeVar("Item")
Result = TypeVar("Result")
Steps = Generator[Sequence[Item], Meaning, Result]
Plan = Steps[Item, bool]
"""Ends with whether anything was taken."""

TRIALS = 16
"""So many items are refused alone before all is held for refused."""


def following(plan: Plan[Item], meaning: Meaning) -> Sequence[Item] | None:
    """Return the part to send next, None after the last."""
    try:
        return plan.send(meaning)
    except StopIteration:
        return None


def journey(
    items: Sequence[Item],
    *,
    is_lone: Callable[[Item], bool],
    batch: Callable[[Item], Hashable] = lambda item: None,
    is_trial: bool = False,
) -> Plan[Item]:
    """
    Yield which of *items* to send next; take what came of it.

    For a trial single ones, until one is taken: lone ones last, as they go to another endpoint,
    whose fault is not to hold up the others. Then `parts` of those that may go together, for each
    *batch* that they are of, and each lone one by itself: no more than a `trial` of those where
    nothing at all was taken. Where several were refused, together and each alone, that was a trial
    enough: nothing else is sent.
    """
    is_taken = False
    if is_trial:
        items, is_taken = yield from trial(sorted(items, key=is_lone))
        if not is_taken:
            return False
    together = [item for item in items if not is_lone(item)]
    lone: Sequence[Item] = [item for item in items if is_lone(item)]
    for number, batched in enumerate(grouped(together, batch), 1):
        is_taken = yield from parts(batched, is_taken=is_taken)
        if not is_taken and (len(batched) > 1 or number == TRIALS):
            return False
    if not is_taken:
        lone, is_taken = yield from trial(lone)
    if is_taken:
        for item in lone:
            yield [item]
    return is_taken


def grouped(items: Sequence[Item], key: Callable[[Item], Hashable]) -> Iterable[Sequence[Item]]:
    """Return *items* in groups of one *key* each, in the order in which those are met."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.values()


def parts(items: Sequence[Item], *, is_taken: bool = False) -> Plan[Item]:
    """
    Yield which of *items* to send next; take what came of it.

    All of them first. What is too large is halved. Of what is refused, the culprit is searched, and
    the last part of the search is that one event alone; the others are sent afterwards. Of *n*
    items with one culprit, that takes at most ``log2(n) + 4`` requests.

    A search that meets refusals alone may have met a run of bad events, or an account that is
    refused whatever it sends. Unless *is_taken*, or something was since, a `trial` of the rest
    tells which; where that fails, too, nothing else is sent.
    """
    queue = deque([items])
    while queue:
        part = queue.popleft()
        meaning = yield part
        is_taken |= meaning is Meaning.SENT
        if len(part) > 1 and meaning is Meaning.TOO_LARGE:
            queue.extendleft(reversed(halves(part)))
        elif len(part) > 1 and meaning is Meaning.REFUSED:
            spared, was_taken = yield from search(part)
            is_taken |= was_taken
            queue.append(spared)
            if not is_taken:
                rest, is_taken = yield from trial([*chain(*queue)])
                queue = deque([rest] if is_taken else [])
        while queue and not queue[0]:
            queue.popleft()
    return is_taken


def trial(items: Sequence[Item]) -> Steps[Item, tuple[Sequence[Item], bool]]:
    """
    Yield single items, spread over *items*, until one is taken.

    Returns those that were not sent, and whether one was taken.
    """
    tried: set[int] = set()
    is_taken = False
    for index in spread(len(items)):
        tried.add(index)
        is_taken = (yield [items[index]]) is Meaning.SENT
        if is_taken:
            break
    return [item for index, item in enumerate(items) if index not in tried], is_taken


def spread(size: int) -> list[int]:
    """
    Return at most `TRIALS` places among *size*, as far apart as can be.

    >>> spread(3), spread(160)[:3]
    ([0, 1, 2], [9, 19, 29])
    """
    count = min(size, TRIALS)
    return [(number + 1) * size // count - 1 for number in range(count)]


def search(suspects: Sequence[Item]) -> Steps[Item, tuple[Sequence[Item], bool]]:
    """
    Yield parts of *suspects*, which were refused together, down to one culprit alone.

    Returns those that were not sent on the way, and whether anything was taken.
    """
    spared: list[Item] = []
    is_taken = False
    while len(suspects) > 1:
        first, second = halves(suspects)
        if (yield first) is Meaning.SENT:
            suspects, is_taken = second, True
            continue
        spared = [*second, *spared]
        if len(first) == 1:
            return spared, is_taken
        suspects = first
    yield suspects
    return spared, is_taken


def halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Return the first half of *items*, the longer one if need be, and the second."""
    middle = (len(items) + 1) // 2
    return items[:middle], items[middle:]
