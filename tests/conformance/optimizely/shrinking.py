"""The smallest play that still disagrees, as far as trying finds it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .generated_plays import Act, Play

TRIALS = 3_000
"""Smaller plays that are tried."""


class Spent(Exception):  # noqa: N818
    """No more trials."""


def shrunk(play: Play, fails: Callable[[Play], bool]) -> Play:
    """Return *play* without what it takes nothing of to fail."""
    left = TRIALS

    def tried(smaller: Play) -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            raise Spent
        return fails(smaller)

    try:
        while True:
            before = play
            for change in (with_fewer_acts, with_fewer_calls, with_less_of_each):
                play = reduced(play, change, tried)
            if play == before:
                return play
    except Spent:
        return play


def reduced(
    play: Play, change: Callable[[Play], Iterator[Play]], fails: Callable[[Play], bool]
) -> Play:
    """Return *play* after each change that it fails with, one after the other."""
    while True:
        smaller = next((each for each in change(play) if fails(each)), None)
        if smaller is None:
            return play
        play = smaller


def with_fewer_acts(play: Play) -> Iterator[Play]:
    """Yield *play* without each of its acts."""
    for number in range(len(play.acts) - 1):
        yield replace(play, acts=play.acts[:number] + play.acts[number + 1 :])


def with_fewer_calls(play: Play) -> Iterator[Play]:
    """Yield *play* without some of the calls of an act: many at first, then one."""
    for number, act in enumerate(play.acts):
        size = len(act.calls)
        while size:
            for start in range(0, len(act.calls), size):
                calls = act.calls[:start] + act.calls[start + size :]
                yield with_act(play, number, replace(act, calls=calls))
            size //= 2


def with_less_of_each(play: Play) -> Iterator[Play]:
    """Yield *play* with a part less of a datafile, of what is told in a call, or of a profile."""
    for number, act in enumerate(play.acts):
        for document in with_less(act.document):
            yield with_act(play, number, replace(act, document=document))
        for index, call in enumerate(act.calls):
            for args in with_less(list(call.args)):
                if len(args) == len(call.args):
                    changed = replace(call, args=tuple(args))
                    calls = (*act.calls[:index], changed, *act.calls[index + 1 :])
                    yield with_act(play, number, replace(act, calls=calls))
    if play.profiles is not None:
        for profiles in with_less(play.profiles):
            yield replace(play, profiles=profiles)
        yield replace(play, profiles=None)


def with_act(play: Play, number: int, act: Act) -> Play:
    """Return *play* with another act in the place of one."""
    return replace(play, acts=(*play.acts[:number], act, *play.acts[number + 1 :]))


def with_less(whole: Any) -> Iterator[Any]:
    """Yield *whole* without each of its parts, the large ones first."""
    for path in sorted(paths(whole), key=len):
        changed = copy.deepcopy(whole)
        owner = changed
        for name in path[:-1]:
            owner = owner[name]
        del owner[path[-1]]
        yield changed


def paths(whole: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where each part of *whole* is."""
    items = whole.items() if isinstance(whole, dict) else ()
    if isinstance(whole, list):
        items = enumerate(whole)
    for name, part in items:
        yield (*path, name)
        yield from paths(part, (*path, name))
