"""What a request keeps of user storage, and when it asks again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

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
        remembered.know_goal("signup", "test")
        remembered.get("test")
    assert storage.asked == ["signup"]

    remembered.reread()
    remembered.know_goal("signup", "test")
    assert storage.asked == ["signup", "signup"]


def test_what_is_learned_changes_nothing_that_the_storage_gave_away() -> None:
    storage = Told()
    storage.assignments["Bob"] = {"one": Assignment("A")}
    remembered = Remembered(storage, Visitor("Bob"))

    remembered.expect("two", "B")

    assert dict(remembered) == {"one": Assignment("A"), "two": Assignment("B")}
    assert storage.assignments["Bob"] == {"one": Assignment("A")}


class Aside(Told):
    """Tells of a goal by itself."""

    def read_goal(
        self, visitor: Visitor, goal_identifier: str, known: Mapping[str, Assignment]
    ) -> Mapping[str, Assignment]:
        self.asked.append(f"{goal_identifier} alone")
        return {"one": Assignment("A", frozenset({goal_identifier}))}


def test_where_assignments_are_known_a_goal_is_asked_about_by_itself() -> None:
    storage = Aside()
    storage.assignments["Bob"] = {"one": Assignment("A"), "two": Assignment("B")}
    remembered = Remembered(storage, Visitor("Bob"))

    assert remembered["two"] == Assignment("B")
    for goal_identifier in ("signup", "order", "signup"):
        remembered.know_goal(goal_identifier, "one")

    assert storage.asked == [None, "signup alone", "order alone"]
    assert dict(remembered) == {
        "one": Assignment("A", frozenset({"signup", "order"})),
        "two": Assignment("B"),
    }
    assert storage.assignments["Bob"]["one"] == Assignment("A")


@pytest.mark.parametrize("known", [{}, {"two": Assignment("B")}])
def test_an_assignment_of_another_request_is_found_with_the_goal(
    known: dict[str, Assignment],
) -> None:
    storage = Aside()
    storage.assignments["Bob"] = known
    remembered = Remembered(storage, Visitor("Bob"))
    assert dict(remembered) == known

    storage.assignments["Bob"] = {**known, "one": Assignment("A")}
    remembered.know_goal("signup", "one")

    assert storage.asked == [None, "signup"]
    assert dict(remembered) == {**known, "one": Assignment("A")}
