"""In which parts a batch is sent, so that one bad event costs few requests: pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import TypeVar

from .outcome import Meaning

Item = TypeVar("Item")
Plan = Generator[Sequence[Item], Meaning, None]


def parts(items: Sequence[Item]) -> Plan[Item]:
    """
    Yield which of *items* to send next; take what came of it.

    All of them first. What is too large is halved. Of what is refused, the culprit is searched, and
    the last part of the search is that one event alone; the others are sent afterwards. Of *n*
    items with one culprit, that takes at most ``log2(n) + 4`` requests.
    """
    queue = deque([items])
    while queue:
        part = queue.popleft()
        meaning = yield part
        if len(part) > 1 and meaning is Meaning.TOO_LARGE:
            queue.extendleft(reversed(halves(part)))
        elif len(part) > 1 and meaning is Meaning.REFUSED:
            spared = yield from search(part)
            queue.extend([spared] if spared else [])


def search(suspects: Sequence[Item]) -> Generator[Sequence[Item], Meaning, Sequence[Item]]:
    """
    Yield parts of *suspects*, which were refused together, down to one culprit alone.

    Returns those that were not sent on the way.
    """
    spared: list[Item] = []
    while len(suspects) > 1:
        first, second = halves(suspects)
        if (yield first) is Meaning.SENT:
            suspects = second
            continue
        spared = [*second, *spared]
        if len(first) == 1:
            return spared
        suspects = first
    yield suspects
    return spared


def halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Return the first half of *items*, the longer one if need be, and the second."""
    middle = (len(items) + 1) // 2
    return items[:middle], items[middle:]
