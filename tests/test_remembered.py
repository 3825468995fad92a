"""What a request keeps of user storage, and when it asks again."""

from __future__ import annotations

from collections.abc import Mapping

from django_vwo.engine.entities import Assignment, Visitor
from django_vwo.remembered import Remembered
from django_vwo.storages.memory import MemoryStorage


class Told(MemoryStorage):
    """Notes which goal it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str | None] = []

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        self.asked.append(goal_identifier)
        return super().read(visitor, goal_identifier)


def test_a_goal_is_asked_about_once_and_again_after_all_was_forgotten() -> None:
    storage = Told()
    remembered = Remembered(storage, Visitor("Bob"))

    for _ in range(2):
        remembered.know_goal("signup")
        remembered.get("test")
    assert storage.asked == ["signup"]

    remembered.reread()
    remembered.know_goal("signup")
    assert storage.asked == ["signup", "signup"]


def test_what_is_learned_changes_nothing_that_the_storage_gave_away() -> None:
    storage = Told()
    storage.assignments["Bob"] = {"one": Assignment("A")}
    remembered = Remembered(storage, Visitor("Bob"))

    remembered.expect("two", "B")

    assert dict(remembered) == {"one": Assignment("A"), "two": Assignment("B")}
    assert storage.assignments["Bob"] == {"one": Assignment("A")}
