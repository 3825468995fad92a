"""What every user storage promises."""

from __future__ import annotations

from contextlib import suppress

import pytest

from django_vwo.client import Client
from django_vwo.engine.entities import Assignment, Visitor
from django_vwo.recorders.base import Recorder
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.base import NewAssignment, UserStorage
from django_vwo.storages.memory import MemoryStorage
from tests.documents import ab_test, document, only

from .conftest import visitor

NEARLY_PRICING = (
    *("PRICING", "pricing ", " pricing", "pricing\t"),
    *("pricíng", "pricing\N{COMBINING ACUTE ACCENT}"),
)
KEYS = ("one", "two", "pricing", "pricing-page", *NEARLY_PRICING)


def remember(
    storage: UserStorage,
    key: str,
    variation: str,
    replaces: str | None = None,
    of: Visitor | None = None,
) -> str:
    """Return what *storage* remembers after it was told of an assignment."""
    with storage.writing() as writing:
        return writing.add(of or visitor(), NewAssignment(key, variation, replaces))


def remembered(storage: UserStorage, of: Visitor | None = None) -> dict[str, str]:
    """Return the variations by assignment key, as a new call finds them."""
    found = storage.read(of or visitor())
    keys = {*KEYS, *found}  # some storages find what is asked for, and list nothing
    return {key: found[key].variation for key in keys if key in found}


def client(storage: UserStorage, *campaigns: dict[str, object]) -> Client:
    recorder: Recorder = OutboxRecorder()
    if isinstance(storage, MemoryStorage):
        recorder = MemoryRecorder()
    given = document(*campaigns) if campaigns else document()
    return Client(given, storage=storage, recorder=recorder, raise_errors=True)


def test_a_stranger_has_no_assignments(storage: UserStorage) -> None:
    assert remembered(storage) == {}


def test_what_was_added_is_read(storage: UserStorage) -> None:
    assert remember(storage, "one", "Control") == "Control"
    assert remember(storage, "two", "Variation-1") == "Variation-1"
    assert remembered(storage) == {"one": "Control", "two": "Variation-1"}


def test_visitors_are_kept_apart(storage: UserStorage) -> None:
    remember(storage, "one", "Control")
    remember(storage, "one", "Variation-1", of=visitor("bob"))
    assert remembered(storage) == {"one": "Control"}
    assert remembered(storage, visitor("bob")) == {"one": "Variation-1"}


def test_the_first_writer_wins(storage: UserStorage) -> None:
    remember(storage, "one", "Control")
    assert remember(storage, "one", "Variation-1") == "Control"
    assert remembered(storage) == {"one": "Control"}


def test_a_variation_that_is_gone_is_replaced(storage: UserStorage) -> None:
    remember(storage, "one", "Gone")
    assert remember(storage, "one", "Control", replaces="Gone") == "Control"
    assert remembered(storage) == {"one": "Control"}


def test_of_two_replacements_the_first_wins(storage: UserStorage) -> None:
    remember(storage, "one", "Gone")
    remember(storage, "one", "Control", replaces="Gone")
    assert remember(storage, "one", "Variation-1", replaces="Gone") == "Control"
    assert remembered(storage) == {"one": "Control"}


def test_what_is_to_be_replaced_may_have_been_forgotten(storage: UserStorage) -> None:
    assert remember(storage, "one", "Control", replaces="Gone") == "Control"
    assert remembered(storage) == {"one": "Control"}


def test_forgetting_leaves_other_visitors_alone(storage: UserStorage) -> None:
    remember(storage, "one", "Control")
    remember(storage, "one", "Control", of=visitor("bob"))
    storage.forget(visitor())
    assert remembered(storage) == {}
    assert remembered(storage, visitor("bob")) == {"one": "Control"}


def test_who_was_forgotten_can_be_assigned_anew(storage: UserStorage) -> None:
    remember(storage, "one", "Control")
    storage.forget(visitor())
    assert remember(storage, "one", "Variation-1") == "Variation-1"


@pytest.mark.parametrize("other", NEARLY_PRICING)
def test_assignment_keys_equal_only_themselves(storage: UserStorage, other: str) -> None:
    remember(storage, "pricing", "Control")
    assert remember(storage, other, "Variation-1") == "Variation-1"
    assert remembered(storage) == {"pricing": "Control", other: "Variation-1"}


@pytest.mark.parametrize("other", ["CONTROL", "Control ", "Contröl"])
def test_variations_equal_only_themselves(storage: UserStorage, other: str) -> None:
    remember(storage, "one", "Control")
    assert remember(storage, "one", "New", replaces=other) == "Control"
    assert remembered(storage) == {"one": "Control"}


@pytest.mark.parametrize(
    "user_id",
    ["x" * 10_000, "a\0b", "\N{GRINNING FACE}" * 50, "ALICE", "alice ", "älice", "' OR 1=1 --"],
    ids=["10,000 characters", "NUL", "emoji", "upper case", "blank", "accent", "SQL"],
)
def test_any_user_id_is_one_visitor(storage: UserStorage, user_id: str) -> None:
    remember(storage, "one", "Control")
    remember(storage, "one", "Variation-1", of=visitor(user_id))
    assert remembered(storage) == {"one": "Control"}
    assert remembered(storage, visitor(user_id)) == {"one": "Variation-1"}


def test_a_goal_is_known_once_it_was_reached(goal_storage: UserStorage) -> None:
    storage = goal_storage
    vwo = client(storage)
    vwo.activate("pricing-page", "alice")
    assert storage.read(visitor(), "signup")["pricing-page"].goals == frozenset()
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": True}
    assert storage.read(visitor(), "signup")["pricing-page"].goals == {"signup"}
    assert "checkout" not in storage.read(visitor(), "checkout")["pricing-page"].goals
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": False}


def test_of_known_assignments_a_goal_is_told_by_itself(goal_storage: UserStorage) -> None:
    storage = goal_storage
    vwo = client(storage, ab_test("one", id=1), ab_test("two", id=2))
    for key in ("one", "two"):
        vwo.activate(key, "alice")
    known = dict(storage.read(visitor())) or {"one": Assignment("Control")}
    assert vwo.track("one", "alice", "signup")
    told = storage.read_goal(visitor(), "signup", known)
    assert told["one"] == storage.read(visitor(), "signup")["one"]
    assert told["one"].goals == {"signup"}
    assert "two" not in told or not told["two"].goals
    for goal_identifier, of in (("checkout", visitor()), ("signup", visitor("bob"))):
        found = storage.read_goal(of, goal_identifier, known)
        assert not any(each.goals & {goal_identifier} for each in found.values())


def test_a_goal_of_another_variation_is_none_of_the_known_one(storage: UserStorage) -> None:
    vwo = client(storage, only("Gone"))
    vwo.activate("pricing-page", "alice")
    vwo.track("pricing-page", "alice", "signup")
    known = {"pricing-page": Assignment("Control")}
    told = storage.read_goal(visitor(), "signup", known).get("pricing-page")
    assert told is None or told.variation != "Control"


def test_a_goal_is_reached_by_one_visitor_alone(storage: UserStorage) -> None:
    vwo = client(storage)
    for user_id in ("alice", "bob"):
        vwo.activate("pricing-page", user_id)
    vwo.track("pricing-page", "alice", "signup")
    assert vwo.track("pricing-page", "bob", "signup")


def test_goals_are_known_campaign_by_campaign(goal_storage: UserStorage) -> None:
    vwo = client(goal_storage, ab_test("one", id=1), ab_test("two", id=2))
    for key in ("one", "two"):
        vwo.activate(key, "alice")
    assert vwo.track("one", "alice", "signup") == {"one": True}
    assert vwo.track(None, "alice", "signup") == {"one": False, "two": True}


def test_a_replacement_drops_the_goals(storage: UserStorage) -> None:
    before, after = client(storage, only("Gone")), client(storage, only("Control"))
    before.activate("pricing-page", "alice")
    before.track("pricing-page", "alice", "signup")
    assert after.activate("pricing-page", "alice") == "Control"
    assert storage.read(visitor(), "signup")["pricing-page"].goals == frozenset()
    assert after.track("pricing-page", "alice", "signup") == {"pricing-page": True}


def test_a_goal_that_may_repeat_is_tracked_each_time(storage: UserStorage) -> None:
    vwo = client(storage)
    vwo.activate("pricing-page", "alice")
    assert [bool(vwo.track(None, "alice", "visit")) for _ in range(3)] == [True] * 3


def test_an_assignment_outlives_a_change_of_weights(storage: UserStorage) -> None:
    variations = [{"id": number, "name": f"V{number}", "weight": 0} for number in (1, 2)]
    given = []
    for winner in (0, 1):
        weighted = [{**each, "weight": 100 * (n == winner)} for n, each in enumerate(variations)]
        given.append(
            client(storage, ab_test(variations=weighted)).activate("pricing-page", "alice")
        )
    assert given == ["V1", "V1"]


class RecordingError(Exception):
    pass


@pytest.mark.parametrize("replaces", [None, "Gone"], ids=["a first one", "a replacement"])
def test_nothing_is_remembered_of_what_could_not_be_recorded(
    storage: UserStorage, replaces: str | None
) -> None:
    if replaces:
        remember(storage, "one", replaces)
    before = remembered(storage)
    with suppress(RecordingError), storage.writing() as writing:
        writing.add(visitor(), NewAssignment("one", "Control", replaces))
        raise RecordingError
    assert remembered(storage) == before
