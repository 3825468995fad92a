"""User storage: who was assigned which variation, and which goals were reached in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ..engine.entities import Assignment, Visitor

Default = TypeVar("Default")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """A decision to remember."""

    key: str
    """The campaign's assignment key."""
    variation: str
    """What the dialect calls the variation here: its name, or its id."""
    replaces: str | None = None
    """The remembered variation that no longer exists; None: there was no assignment."""


class LookUp(dict[str, Assignment]):
    """
    Assignments that are looked up when they are first asked for, goals and all.

    For storages that find one assignment and cannot list them. Its entries are those found so far.
    """

    def __init__(self, find: Callable[[str], Assignment | None]) -> None:
        super().__init__()
        self._find = find
        self._absent: set[str] = set()

    def __missing__(self, key: str) -> Assignment:
        if key not in self._absent:
            found = self._find(key)
            if found is not None:
                self[key] = found
                return found
            self._absent.add(key)
        raise KeyError(key)

    def get(self, key: str, default: Default | None = None) -> Assignment | Default | None:  # type: ignore[override]
        """Return the assignment *key*, looked up if need be, or *default*."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None


class Writing(ABC):
    """What `UserStorage.writing` hands out."""

    @abstractmethod
    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        """
        Remember *new* unless another writer was first.

        Returns the variation that is remembered from now on: that of *new*, or the one that the
        other writer assigned, which the caller is to use instead.
        """

    def add_all(self, visitor: Visitor, new: Sequence[NewAssignment]) -> list[str]:
        """Remember all of *new*, each of another campaign; see `add`."""
        return [self.add(visitor, each) for each in new]


class UserStorage(ABC):
    """
    Keeps assignments. Subclass it and name the class in ``VWO["USER_STORAGE"]["BACKEND"]``;
    it is made with the ``OPTIONS`` that stand beside.

    An assignment is never overwritten while its variation still exists.
    """

    @abstractmethod
    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        """
        Return all of *visitor*'s assignments by assignment key, or a `LookUp` that finds them.

        With *goal_identifier*, their `Assignment.goals` tell whether that goal was reached.
        """

    def read_goal(
        self, visitor: Visitor, goal_identifier: str, known: Mapping[str, Assignment]
    ) -> Mapping[str, Assignment]:
        """
        Return what `read` returns; of the assignments that are *known*, those with that goal do.

        Override it where that is quicker.
        """
        return self.read(visitor, goal_identifier)

    @abstractmethod
    def writing(self) -> AbstractContextManager[Writing]:
        """
        Return a context in which assignments are added together with what the caller records.

        If the block raises, nothing of it is remembered.
        """

    def insist(self, change: Callable[[], Result]) -> Result:
        """Return what *change*, which writes, returns; made anew where that may help."""
        return change()

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        """Remember that the goal was reached in the assignments *keys*, if recording does not."""

    def watch_rollback(self) -> Callable[[], bool] | None:
        """
        Return a function that tells whether what was written until now may be rolled back since.

        None: it is written for good.
        """
        return None

    @abstractmethod
    def forget(self, visitor: Visitor) -> None:
        """Erase everything that is remembered of *visitor*."""


@contextmanager
def together(writing: Writing) -> Iterator[Writing]:
    """Yield *writing*: the context of a storage that has nothing to undo."""
    yield writing
