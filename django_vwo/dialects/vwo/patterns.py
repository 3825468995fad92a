"""
The `regex(x)` operand: `re.search(x, value)` as a yes or no, with a bound on its work.

The matcher of the standard library backtracks, and once started it cannot be stopped. So a
pattern is weighed when it is compiled, and a search takes the first road that is open:

1. `re` itself, if the most steps it could take on a value of that length fit `DIRECT_BUDGET`.
2. An automaton, which follows all ways through the pattern at once, a character at a time. Its
   answer is the same, as `re` still says what one character or assertion matches. It gives up
   after `AUTOMATON_BUDGET` steps.
3. "No": the automaton gave up; or the pattern has none, for it is too large or holds what only
   backtracking can do (lookaround, backreferences, conditionals), and the value is too long.

Steps are counted, not timed: the same pattern and value have the same answer everywhere.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any
from weakref import WeakValueDictionary

from ...engine.errors import VWOError, shorten

DIRECT_BUDGET = 10_000_000
"""Steps that `re` may take in one search, as weighed: some 25 ms at worst."""

AUTOMATON_BUDGET = 100_000
"""Steps that an automaton may take in one search: some 50 ms at worst."""

DIRECT_LENGTHS = [25 << doubling for doubling in range(13)]
"""The lengths of value that a pattern is weighed for, 25 to 102,400 characters."""

MIN_DIRECT_LENGTH = 100
"""Characters that `re` must be able to search if there is no automaton."""

MAX_CHARACTERS = 2_000
MAX_PARENTHESES = 100
MAX_AUTOMATON_SIZE = 5_000
MAX_RANGES_SIZE = 500_000
"""Characters in all ranges like `[a-z]` together. `re` compiles these one by one, to U+FFFF."""

_REPEATS = (_parser.MAX_REPEAT, _parser.MIN_REPEAT)
_LOOKS = (_parser.ASSERT, _parser.ASSERT_NOT)
_BACKTRACKING = (*_LOOKS, _parser.GROUPREF, _parser.GROUPREF_EXISTS)
_ASSERTIONS = (_parser.AT, _parser.FAILURE)
_CHARACTERS = (_parser.ANY, _parser.IN, _parser.LITERAL, _parser.NOT_LITERAL)


class PatternError(VWOError, ValueError):
    """A regular expression is not valid, or its work cannot be bounded."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text, self.reason = self.args

    def __str__(self) -> str:
        return f"the regular expression {shorten(self.text)} is refused: {self.reason}."


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Pattern:
    """A regular expression that is safe to search for."""

    text: str

    regex: re.Pattern[str] = field(compare=False, repr=False)

    direct_length: int = field(compare=False)
    """Values of up to this many characters are searched by *regex*."""

    automaton: "Automaton | None" = field(compare=False, repr=False)
    """Searches longer values; where there is none, they do not match."""

    def search(self, value: str) -> bool:
        """Return whether the pattern is found in *value*; `False` if that is too much work."""
        if len(value) <= self.direct_length:
            return self.regex.search(value) is not None
        return self.automaton is not None and self.automaton.search(value) is True

    def __reduce__(self) -> tuple[Any, ...]:
        # An automaton is too deep to be copied or pickled.
        return compile_pattern, (self.text,)


_in_use: "WeakValueDictionary[str, Pattern]" = WeakValueDictionary()
"""Patterns by text, as long as some document has them: mostly the one that is loaded next, too."""


def compile_pattern(text: str) -> Pattern:
    r"""
    Return the pattern that *text* stands for, in the syntax of `re`.

    Raises `PatternError`, after bounded work, if *text* is not valid, is too large, holds a
    possessive repeat or an atomic group (`re` itself fails on some: python/cpython#101955), or
    has no automaton and needs too much backtracking even for values of 100 characters.

    >>> compile_pattern(r"(\w+\s?)*!").search("no end of words " * 100)
    False
    """
    pattern = _in_use.get(text)
    if pattern is None:
        pattern = _in_use[text] = _compile(text)
    return pattern


def _compile(text: str) -> Pattern:
    try:
        tree = _parse(text)
        # Before what `re.compile(text)` does with its own, equal tree: it refuses unknown parts.
        direct_length = _direct_length(tree)
        regex = _compiler.compile(tree)
        automaton = _automaton(tree, direct_length)
    # `re` warns of doubtful syntax, and `python -W error` makes that an exception.
    except (re.error, ValueError, OverflowError, RecursionError, Warning) as error:
        raise PatternError(text, str(error)) from error
    return Pattern(text, regex, direct_length, automaton)


def _parse(text: str) -> Any:
    """Return the tree of *text*, if it is small enough."""
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it has {len(text)} characters, at most {MAX_CHARACTERS} are accepted")
    if text.count("(") > MAX_PARENTHESES:
        raise ValueError(f"it has more than {MAX_PARENTHESES} opening parentheses")
    tree = _parser.parse(text)
    if "[" not in text:
        return tree
    sets = [members for op, members in _walk(tree) if op is _parser.IN]
    ranges = [ends for members in sets for op, ends in members if op is _parser.RANGE]
    if sum(max(0, min(high, 0xFFFF) - low) for low, high in ranges) > MAX_RANGES_SIZE:
        raise ValueError(f"its ranges hold more than {MAX_RANGES_SIZE} characters together")
    return tree


def _automaton(tree: Any, direct_length: int) -> "Automaton | None":
    """Return the automaton of *tree*, or `None` if it is not needed or cannot be had."""
    if direct_length == DIRECT_LENGTHS[-1]:
        return None
    try:
        return Automaton(tree)
    except _NoAutomatonError as error:
        if direct_length >= MIN_DIRECT_LENGTH:
            return None
        raise ValueError(
            f"to search {MIN_DIRECT_LENGTH} characters may take `re` more than {DIRECT_BUDGET} "
            f"steps, and there is no other way as {error}"
        ) from error


# How much work a pattern is for `re`. An item of a tree is a pair, opcode and argument.


def _walk(items: Any) -> Iterator[tuple[Any, Any]]:
    for op, argument in items:
        yield op, argument
        for part in _parts(op, argument):
            yield from _walk(part)


def _parts(op: Any, argument: Any) -> list[Any]:
    """Return the patterns inside an item; a character or an assertion has none."""
    if op in _CHARACTERS or op in _ASSERTIONS or op is _parser.GROUPREF:
        return []
    if op is _parser.BRANCH:
        return list(argument[1])
    if op is _parser.GROUPREF_EXISTS:
        return [argument[1], argument[2] or []]
    if op in _REPEATS or op in _LOOKS or op is _parser.SUBPATTERN:
        return [argument[-1]]
    raise ValueError(f"{str(op).lower().replace('_', ' ')} is not supported")


def _direct_length(tree: Any) -> int:
    """Return the greatest of `DIRECT_LENGTHS` at which `re` keeps to its budget; 0 if none is."""
    if _steps(tree, DIRECT_LENGTHS[-1]) <= DIRECT_BUDGET:  # as most do
        return DIRECT_LENGTHS[-1]
    found = bisect_right(DIRECT_LENGTHS, DIRECT_BUDGET, key=lambda length: _steps(tree, length))
    return DIRECT_LENGTHS[found - 1] if found else 0


def _steps(tree: Any, length: int) -> int:
    """Return the most steps that `re.search` may take on a value of *length* characters."""
    _, steps = _weigh(tree, length)
    anchors = [(_parser.AT, _parser.AT_BEGINNING_STRING)]
    if not tree.state.flags & re.MULTILINE:
        anchors.append((_parser.AT, _parser.AT_BEGINNING))
    if tree and tree[0] in anchors:
        return length + 1 + steps
    return (length + 1) * steps


def _weigh(items: Any, length: int) -> tuple[int, int]:
    """
    Return in how many ways *items* match at one place, and the steps to try all of these.

    Both are upper bounds for a value of *length* characters, cut off above the budget.
    Each way through an item makes the matcher try all that follows once more.
    """
    ways = steps = 1
    for op, argument in items:
        if op is _parser.LITERAL:  # as most are; in one way, by one step
            steps += ways
            continue
        item_ways, item_steps = _weigh_item(op, argument, length)
        steps += ways * item_steps
        ways = min(ways * item_ways, DIRECT_BUDGET + 1)
    return ways, min(steps, DIRECT_BUDGET + 1)


def _weigh_item(op: Any, argument: Any, length: int) -> tuple[int, int]:
    if op is _parser.IN:
        return 1, len(argument)
    if op is _parser.GROUPREF:
        return 1, length + 1
    weights = [_weigh(part, length) for part in _parts(op, argument)]
    ways, steps = max(1, sum(ways for ways, _ in weights)), 1 + sum(steps for _, steps in weights)
    if op in _REPEATS:
        least, most, body = argument
        rounds = _rounds(least, most, body.getwidth()[0], length)
        tries = rounds + 1 if ways == 1 else (ways ** (min(rounds, 64) + 1) - 1) // (ways - 1)
        return max(1, tries - least), tries * steps
    return (1 if op in _LOOKS else ways), steps


def _rounds(least: int, most: int, width: int, length: int) -> int:
    """Return how often *length* characters can repeat what takes at least *width* of them."""
    # Once it has its least, `re` ends a repeat on a round that took no character.
    return min(most, length // width if width else least + length + 1)


@dataclass(eq=False, slots=True)
class _State:
    """A place in the pattern: what it takes to go on from here, and where to."""

    targets: "list[_State]"

    reads: re.Pattern[str] | None = None
    """Must match the next character, which is used up."""

    asserts: int | None = None
    """Index of the assertion that must hold here."""


class _NoAutomatonError(Exception):
    """A pattern cannot have an automaton."""


class Automaton:
    """A pattern whose ways are followed all at once, without backtracking."""

    def __init__(self, tree: Any) -> None:
        self._size = 0
        self._assertions: list[re.Pattern[str]] = []
        self._end = _State([])
        self._start = self._chain(tree, tree.state.flags, self._end)

    def search(self, value: str, budget: int = AUTOMATON_BUDGET) -> bool | None:
        """
        Return whether the pattern is found in *value*, or `None` if *budget* does not suffice.

        The states at one place, its character and the assertions that hold there decide on the
        states at the next place. What was worked out once is looked up from then on.
        """
        known: dict[tuple[frozenset[_State], str, tuple[bool, ...]], frozenset[_State]] = {}
        same: dict[frozenset[_State], frozenset[_State]] = {}
        states: frozenset[_State] = frozenset()
        for place in range(len(value) + 1):
            holding = tuple([test.match(value, place) is not None for test in self._assertions])
            situation = states, value[place : place + 1], holding
            budget -= 1 + len(holding)
            if situation not in known:
                states, steps = self._advance(*situation)
                budget -= steps
                # Of equal sets one is kept, as looking up another would compare the two.
                known[situation] = same.setdefault(states, states)
            states = known[situation]
            if self._end in states:
                return True
            if budget < 0:
                return None
        return False

    def _advance(
        self, states: frozenset[_State], character: str, holding: tuple[bool, ...]
    ) -> tuple[frozenset[_State], int]:
        """Return the states after *character*, or the end if it is reached, and the steps."""
        waiting = [self._start, *states]
        reached = set(waiting)
        following: set[_State] = set()
        while waiting:
            state = waiting.pop()
            if state.reads is not None:
                if state.reads.match(character):
                    following.update(state.targets)
            elif state.asserts is None or holding[state.asserts]:
                waiting += [target for target in state.targets if target not in reached]
                reached.update(state.targets)
        steps = 1 + len(reached) + len(following)
        return frozenset([self._end] if self._end in reached else following), steps

    def _chain(self, items: Any, flags: int, then: _State) -> _State:
        """Return the state where *items* begin, which lead on to *then*."""
        self._size += 1 + len(items)
        if self._size > MAX_AUTOMATON_SIZE:
            raise _NoAutomatonError(f"it has more than {MAX_AUTOMATON_SIZE} parts")
        for op, argument in reversed(list(items)):
            then = self._link(op, argument, flags, then)
        return then

    def _link(self, op: Any, argument: Any, flags: int, then: _State) -> _State:
        if op in _BACKTRACKING:
            raise _NoAutomatonError("it looks around or refers back")
        if op in _REPEATS:
            least, most, body = argument
            return self._repeat(least, most, body, flags, then)
        if op is _parser.BRANCH:
            entries = [self._chain(part, flags, then) for part in argument[1]]
            return _State(list(dict.fromkeys(entries)))
        if op is _parser.SUBPATTERN:
            _, added, dropped, part = argument
            if added & _parser.TYPE_FLAGS:  # `re` looks for the first character with the others
                raise _NoAutomatonError("it switches between ASCII and Unicode")
            return self._chain(part, _compiler._combine_flags(flags, added, dropped), then)
        test = _single(op, tuple(argument) if op is _parser.IN else argument, flags)
        if op in _CHARACTERS:
            return _State([then], reads=test)
        if test not in self._assertions:
            self._assertions.append(test)
        return _State([then], asserts=self._assertions.index(test))

    def _repeat(self, least: int, most: int, body: Any, flags: int, then: _State) -> _State:
        entry = then
        if most == _parser.MAXREPEAT:
            entry = _State([then])
            entry.targets.append(self._chain(body, flags, entry))
        else:
            for _ in range(most - least):
                entry = _State([self._chain(body, flags, entry), then])
        for _ in range(least):
            entry = self._chain(body, flags, entry)
        return entry


@lru_cache(maxsize=1_000)
def _single(op: Any, argument: Any, flags: int) -> re.Pattern[str]:
    """Return the regular expression of one character or assertion, as it is under *flags*."""
    state = _parser.State()
    state.flags = flags
    compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(state, [(op, argument)]))
    return compiled
