"""What is asked of each side: rows of the table, and the calls of each, from the document alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from documents import CITIES, DEVICES, NUMBERS, PLANS

Json = dict[str, Any]
SHARED_GOAL = "shared"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of the table."""

    name: str
    label: str
    does: str
    """What the sides do: a name in their `ROWS`."""
    has_storage: bool = False


ROWS = (
    Row(name="variation", label="variation of one campaign", does="variation"),
    Row(name="activate", label="activate", does="activate"),
    Row(name="feature", label="is a feature on", does="feature"),
    Row(name="variable", label="feature variable", does="variable"),
    Row(name="stored", label="activate, variation stored", does="activate", has_storage=True),
    Row(name="track", label="track, one campaign", does="track"),
    Row(name="shared", label="track, a goal of every tenth", does="track"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What a document has that can be called, in its order."""

    tests: Sequence[str]
    """Keys of running tests that are no features."""
    features: Sequence[tuple[str, str]]
    """Keys of running features, each with one of a variable."""
    goals: Sequence[tuple[str | None, str]]
    """A campaign to track, None for all, and a goal that is its alone."""


def vwo_targets(document: Json) -> Targets:
    """Return what can be called on a document of VWO's."""
    running = [each for each in document["campaigns"] if each["status"] == "RUNNING"]
    tests = [each for each in running if each["type"] == "VISUAL_AB"]
    features = [each for each in running if each["type"] != "VISUAL_AB"]
    return Targets(
        tests=[each["key"] for each in tests],
        features=[(each["key"], variable_of(each)) for each in features],
        goals=[(each["key"], each["goals"][0]["identifier"]) for each in tests],
    )


def variable_of(campaign: Json) -> str:
    owner = campaign if "variables" in campaign else campaign["variations"][-1]
    return str(owner["variables"][0]["key"])


def optimizely_targets(datafile: Json) -> Targets:
    """Return what can be called on a datafile of Optimizely's."""
    grouped = [each for group in datafile["groups"] for each in group["experiments"]]
    running = sorted(
        (each for each in datafile["experiments"] + grouped if each["status"] == "Running"),
        key=lambda each: int(each["id"]),
    )
    flagged = {each for flag in datafile["featureFlags"] for each in flag["experimentIds"]}
    tests = [each for each in running if each["id"] not in flagged]
    of_one = {event["experimentIds"][0]: event["key"] for event in reversed(datafile["events"])}
    return Targets(
        tests=[each["key"] for each in tests],
        features=[(each["key"], each["variables"][0]["key"]) for each in datafile["featureFlags"]],
        goals=[(None, of_one[each["id"]]) for each in tests],
    )


def calls(row: Row, targets: Targets, first: int, count: int) -> list[list[Any]]:
    """Return the arguments of *count* calls; the visitors are those from number *first* on."""
    visitors = [(f"user-{number}", facts(number)) for number in range(first, first + count)]
    found = zip(spread(row, targets, count), visitors, strict=True)
    return [[*target, *visitor] for target, visitor in found]


def spread(row: Row, targets: Targets, count: int) -> Iterator[tuple[Any, ...]]:
    """Yield *count* targets of a row's calls, taken evenly from all over the document."""
    choices: dict[str, Callable[[], Sequence[tuple[Any, ...]]]] = {
        "track": lambda: targets.goals,
        "shared": lambda: [(None, SHARED_GOAL)],
        "feature": lambda: [(key,) for key, _ in targets.features],
        "variable": lambda: targets.features,
    }
    found = choices.get(row.name, lambda: [(key,) for key in targets.tests])()
    for place in range(count):
        yield found[int((place * GOLDEN) % 1 * len(found))]


GOLDEN = 0.6180339887498949
"""Multiples of it fall evenly between 0 and 1, however many there are."""


def facts(number: int) -> Json:
    """Return what is known of a visitor."""
    random = Random(number)
    return {
        "plan": random.choice(PLANS),
        "city": random.choice(CITIES),
        "device": random.choice(DEVICES),
        **{name: random.randint(1, 80) for name in NUMBERS},
        "email": random.choice(("ann@example.com", "bob@example.org", "kim@college.edu")),
        "page": f"/shop/{random.randint(0, 600)}",
        "version": f"{random.randint(1, 4)}.{random.randint(0, 9)}.0",
        "is_member": random.random() < 0.5,
    }
