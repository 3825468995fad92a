"""User storage for tests, scripts and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from ..engine.entities import NOTHING, Assignment, Visitor
from .base import NewAssignment, UserStorage, Writing


class MemoryStorage(UserStorage):
    """Keeps assignments in this process."""

    def __init__(self) -> None:
        self.assignments: dict[str, Mapping[str, Assignment]] = {}
        """User id to assignment key to assignment."""
        self.lock = Lock()

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        return self.assignments.get(visitor.user_id, NOTHING)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        writing = MemoryWriting(self)
        try:
            yield writing
        except BaseException:
            writing.undo()
            raise

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        with self.lock:
            assignments = dict(self.read(visitor))
            for key in keys:
                if found := assignments.get(key):
                    goals = found.goals | {goal_identifier}
                    assignments[key] = Assignment(found.variation, goals)
            self.assignments[visitor.user_id] = assignments

    def forget(self, visitor: Visitor) -> None:
        with self.lock:
            self.assignments.pop(visitor.user_id, None)


class MemoryWriting(Writing):
    """Writes at once, and remembers how to undo it."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.storage = storage
        self.added: list[tuple[Visitor, str, Assignment, Assignment | None]] = []
        """Visitor, assignment key, the assignment now and the one before."""

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        with self.storage.lock:
            before = self.storage.read(visitor).get(new.key)
            if before and before.variation != new.replaces:
                return before.variation
            now = Assignment(new.variation)
            self.put(visitor, new.key, now)
        self.added.append((visitor, new.key, now, before))
        return new.variation

    def undo(self) -> None:
        """Take back what was added, unless somebody else has changed it since."""
        with self.storage.lock:
            for visitor, key, now, before in reversed(self.added):
                if self.storage.read(visitor).get(key) is now:
                    self.put(visitor, key, before)

    def put(self, visitor: Visitor, key: str, assignment: Assignment | None) -> None:
        """Set an assignment, or delete it, in a new mapping: readers keep the one they have."""
        assignments = {**self.storage.read(visitor)}
        assignments.pop(key, None)
        if assignment:
            assignments[key] = assignment
        self.storage.assignments[visitor.user_id] = assignments
