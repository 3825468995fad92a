"""User storages for tests: real ones, with something to watch or to suffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from django_vwo.engine.entities import Assignment, Visitor
from django_vwo.storages.base import UserStorage, Writing


class CountingStorage(UserStorage):
    """Keeps count of how it is read."""

    def __init__(self, storage: UserStorage) -> None:
        self.storage = storage
        self.reads: list[str | None] = []
        """The goal that each reader asked for."""

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        self.reads.append(goal_identifier)
        return self.storage.read(visitor, goal_identifier)

    def writing(self) -> AbstractContextManager[Writing]:
        return self.storage.writing()

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        self.storage.add_goals(visitor, keys, goal_identifier)

    def forget(self, visitor: Visitor) -> None:
        self.storage.forget(visitor)


class LaggingStorage(CountingStorage):
    """Shows what was there at the start: nothing."""

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        return {}
