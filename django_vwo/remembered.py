"""A visitor's assignments, read from user storage when first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from .engine.entities import Assignment, Visitor
from .storages.base import LookUp, UserStorage

Default = TypeVar("Default")


class Remembered(Mapping[str, Assignment]):
    """
    The assignments of one visitor by assignment key, as one request or call sees them.

    What is decided in the meantime is told with `learn` and `learn_goal`. If the caller rolls that
    back, everything is read anew.
    """

    _assignments: Mapping[str, Assignment] | None = None
    _known_goals: frozenset[str] = frozenset()
    _watches: tuple[Callable[[], bool], ...] = ()
    """Each tells whether something that was learned may be rolled back."""

    def __init__(self, storage: UserStorage, visitor: Visitor) -> None:
        self.storage = storage
        self.visitor = visitor

    @property
    def assignments(self) -> Mapping[str, Assignment]:
        """What is known; read if nothing is."""
        if self._watches:
            self._unlearn()
        if self._assignments is None:
            self._assignments = self.storage.read(self.visitor)
        return self._assignments

    def __getitem__(self, key: str) -> Assignment:
        return self.assignments[key]

    def get(self, key: str, default: Default | None = None) -> Assignment | Default | None:  # type: ignore[override]
        return self.assignments.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self.assignments

    def __iter__(self) -> Iterator[str]:
        return iter(self.assignments)

    def __len__(self) -> int:
        return len(self.assignments)

    def know_goal(self, goal_identifier: str, key: str) -> None:
        """
        Make sure that `Assignment.goals` tells of *goal_identifier*.

        If the assignment *key* is not known, all are read again: another request may have made it.
        """
        if self._watches:
            self._unlearn()
        known = self._assignments or {}
        if goal_identifier in self._known_goals or isinstance(known, LookUp):
            return
        if key in known:
            read = self.storage.read_goal(self.visitor, goal_identifier, known)
        else:
            read = self.storage.read(self.visitor, goal_identifier)
        if isinstance(read, LookUp):
            self._assignments = read
            return
        merged = {each: merge(found, known.get(each)) for each, found in read.items()}
        self._assignments = {**known, **merged}
        self._known_goals |= {goal_identifier}

    def learn(self, key: str, variation: str) -> None:
        """Take note that the campaign *key* has assigned *variation*."""
        self._put_all({key: Assignment(variation)})
        self._watch()

    def expect(self, key: str, variation: str) -> None:
        """Take note of what the campaign *key* is about to assign; `learn` or `reread` follows."""
        self._put_all({key: Assignment(variation)})

    def reread(self) -> None:
        """Forget everything: it is read anew when it is next asked for."""
        self._assignments = None
        self._known_goals = frozenset()

    def learn_goal(self, keys: Sequence[str], goal_identifier: str) -> None:
        """Have it remembered that the goal was reached in the assignments *keys*."""
        self.storage.add_goals(self.visitor, keys, goal_identifier)
        known = self.assignments
        goals = frozenset({goal_identifier})
        found = {key: assignment for key in keys if (assignment := known.get(key))}
        self._put_all(
            {key: Assignment(each.variation, each.goals | goals) for key, each in found.items()}
        )
        self._watch()

    def _put_all(self, new: Mapping[str, Assignment]) -> None:
        assignments = self.assignments
        if isinstance(assignments, LookUp):
            assignments.update(new)
        else:
            self._assignments = {**assignments, **new}

    def _watch(self) -> None:
        if is_rolled_back := self.storage.watch_rollback():
            self._watches = (*self._watches, is_rolled_back)

    def _unlearn(self) -> None:
        """Forget everything if some of what was learned was rolled back."""
        if any(is_rolled_back() for is_rolled_back in self._watches):
            self.reread()
            self._watches = ()


def merge(found: Assignment, known: Assignment | None) -> Assignment:
    """Return *found* with the goals that were known of it before."""
    if known is None or known.variation != found.variation:
        return found
    return Assignment(found.variation, found.goals | known.goals)
