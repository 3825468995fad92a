"""User storage: who was assigned which variation, and which goals were reached in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from ..engine.entities import Assignment, Visitor


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """A decision to remember."""

    key: str
    """The campaign's assignment key."""
    variation: str
    """Name of the variation."""
    replaces: str | None = None
    """Name of the remembered variation that no longer exists; None: there was no assignment."""


class Writing(ABC):
    """What `UserStorage.writing` hands out."""

    @abstractmethod
    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        """
        Remember *new* unless another writer was first.

        Returns the name of the variation that is remembered from now on: that of *new*, or the one
        that the other writer assigned, which the caller is to use instead.
        """


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
        Return all of *visitor*'s assignments by assignment key.

        With *goal_identifier*, their `Assignment.goals` tell whether that goal was reached.
        """

    @abstractmethod
    def writing(self) -> AbstractContextManager[Writing]:
        """
        Return a context in which assignments are added together with what the caller records.

        If the block raises, nothing of it is remembered.
        """

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
