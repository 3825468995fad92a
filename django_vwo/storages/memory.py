"""User storage for tests, scripts and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Lock

from ..engine.entities import NOTHING, Assignment, Visitor
from .base import NewAssignment, UserStorage, Writing, together


class MemoryStorage(UserStorage, Writing):
    """Keeps assignments in this process."""

    def __init__(self) -> None:
        self.assignments: dict[str, dict[str, Assignment]] = {}
        """User id to assignment key to assignment."""
        self._lock = Lock()

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        return self.assignments.get(visitor.user_id, NOTHING)

    def writing(self) -> AbstractContextManager[Writing]:
        return together(self)

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        with self._lock:
            assignments: dict[str, Assignment] = {**self.assignments.get(visitor.user_id, {})}
            found = assignments.get(new.key)
            if found and found.variation != new.replaces:
                return found.variation
            assignments[new.key] = Assignment(new.variation)
            self.assignments[visitor.user_id] = assignments
            return new.variation

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        with self._lock:
            assignments = dict(self.assignments.get(visitor.user_id, NOTHING))
            for key in keys:
                if found := assignments.get(key):
                    goals = found.goals | {goal_identifier}
                    assignments[key] = Assignment(found.variation, goals)
            self.assignments[visitor.user_id] = assignments

    def forget(self, visitor: Visitor) -> None:
        with self._lock:
            self.assignments.pop(visitor.user_id, None)
