"""What makes a datafile unfit: each field of the table, with everything that it must not be."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest

from django_vwo.dialects.optimizely.schema import check_datafile
from django_vwo.engine.errors import DocumentError

Json = dict[str, Any]

TODAY, FULL_STACK_2 = "today", "2.1"
GENERATIONS = (TODAY, FULL_STACK_2)

TEXT = "a string"
LIST = "a list"
OBJECT = "an object"
INTEGER = "an integer"
ANY = "any value"
CONDITIONS = json.dumps(["or", {"name": "plan", "value": "gold", "type": "custom_attribute"}])

ANYTHING: dict[str, tuple[Any, str]] = {
    "null": (None, "None"),
    "bool": (True, "True"),
    "number": (5, "5"),
    "float": (5.0, "5.0"),
    "string": ("[]", "'[]'"),
    "empty list": ([], "a list"),
    "object": ({"a": 1}, "an object"),
    "empty object": ({}, "an object"),
}
"""A value of each type, and how a message shows it."""
EVERYTHING = set(ANYTHING)
TEXTS, LISTS, OBJECTS = {"string"}, {"empty list"}, {"object", "empty object"}


def experiment_fields(path: str, status: tuple[str, set[str]]) -> list[Any]:
    return [
        (path + "id", TEXT, TEXTS, True),
        (path + "key", TEXT, TEXTS, True),
        (path + "layerId", TEXT, TEXTS, True),
        (path + "status", *status, True),
        (path + "audienceIds", LIST, LISTS, True),
        (path + "audienceIds[0]", TEXT, TEXTS, None),
        (path + "audienceConditions", ANY, EVERYTHING, False),
        (path + "forcedVariations", OBJECT, OBJECTS, True),
        (path + "trafficAllocation", LIST, LISTS, True),
        (path + "trafficAllocation[0]", OBJECT, set(), None),
        (path + "trafficAllocation[0].entityId", TEXT, TEXTS, True),
        (path + "trafficAllocation[0].endOfRange", INTEGER, {"number"}, True),
        (path + "variations", LIST, LISTS, True),
        (path + "variations[0]", OBJECT, set(), None),
        (path + "variations[0].id", TEXT, TEXTS, True),
        (path + "variations[0].key", TEXT, TEXTS, True),
        (path + "variations[0].featureEnabled", ANY, EVERYTHING, False),
        (path + "variations[0].variables", LIST, LISTS, False),
        (path + "variations[0].variables[0].id", TEXT, TEXTS, True),
        (path + "variations[0].variables[0].value", ANY, EVERYTHING, True),
    ]


FIELDS: list[tuple[str, str, set[str], bool | None]] = [
    # Where, what is expected, which types are taken, and whether it must be there (None: an item).
    ("accountId", TEXT, TEXTS, True),
    ("projectId", TEXT, TEXTS, True),
    ("revision", TEXT, TEXTS, True),
    ("anonymizeIP", ANY, EVERYTHING, False),
    ("botFiltering", ANY, EVERYTHING, False),
    ("sendFlagDecisions", ANY, EVERYTHING, False),
    ("region", ANY, EVERYTHING, False),
    ("experiments", LIST, LISTS, True),
    ("groups", LIST, LISTS, True),
    ("events", LIST, LISTS, True),
    ("attributes", LIST, LISTS, True),
    ("audiences", LIST, LISTS, True),
    ("featureFlags", LIST, LISTS, False),
    ("rollouts", LIST, LISTS, False),
    *experiment_fields("experiments[0].", (TEXT, TEXTS)),
    ("groups[0]", OBJECT, set(), None),
    ("groups[0].id", TEXT, TEXTS, True),
    ("groups[0].policy", TEXT, TEXTS, True),
    ("groups[0].experiments", LIST, LISTS, True),
    ("groups[0].trafficAllocation", LIST, LISTS, True),
    ("groups[0].trafficAllocation[0].entityId", TEXT, TEXTS, True),
    ("groups[0].trafficAllocation[0].endOfRange", INTEGER, {"number"}, True),
    *experiment_fields("groups[0].experiments[0].", (TEXT, TEXTS)),
    ("events[0].id", TEXT, TEXTS, True),
    ("events[0].key", TEXT, TEXTS, True),
    ("events[0].experimentIds", LIST, LISTS, True),
    ("events[0].experimentIds[0]", TEXT, TEXTS, None),
    ("attributes[0].id", TEXT, TEXTS, True),
    ("attributes[0].key", TEXT, TEXTS, True),
    ("audiences[0].id", TEXT, TEXTS, True),
    ("audiences[0].name", TEXT, TEXTS, True),
    ("audiences[0].conditions", TEXT, TEXTS, True),
    ("rollouts[0].id", TEXT, TEXTS, True),
    ("rollouts[0].experiments", LIST, LISTS, True),
    *experiment_fields("rollouts[0].experiments[0].", (ANY, EVERYTHING)),
    ("featureFlags[0].id", TEXT, TEXTS, True),
    ("featureFlags[0].key", TEXT, TEXTS, True),
    ("featureFlags[0].experimentIds", LIST, LISTS, True),
    ("featureFlags[0].experimentIds[0]", TEXT, {"string"}, None),
    ("featureFlags[0].rolloutId", TEXT, {"string"}, True),
    ("featureFlags[0].variables", LIST, LISTS, True),
    ("featureFlags[0].variables[0].id", TEXT, TEXTS, True),
    ("featureFlags[0].variables[0].key", TEXT, TEXTS, True),
    ("featureFlags[0].variables[0].type", ANY, EVERYTHING, True),
    ("featureFlags[0].variables[0].subType", ANY, EVERYTHING, False),
    ("featureFlags[0].variables[0].defaultValue", ANY, EVERYTHING, True),
]


def experiment(number: int) -> Json:
    return {
        "id": f"{number}",
        "key": f"experiment-{number}",
        "layerId": f"layer-{number}",
        "status": "Running",
        "variations": [
            {
                "id": f"v{number}",
                "key": "a",
                "featureEnabled": True,
                "variables": [{"id": "limit", "value": "5"}],
            }
        ],
        "trafficAllocation": [{"entityId": f"v{number}", "endOfRange": 10_000}],
        "audienceIds": ["1"],
        "audienceConditions": ["or", "1"],
        "forcedVariations": {"Bob": "a"},
    }


def whole(**changes: Any) -> Json:
    """Return a datafile that has every field of the table."""
    limit = {"id": "limit", "key": "limit", "type": "string", "subType": "", "defaultValue": "3"}
    group = {
        "id": "g",
        "policy": "random",
        "experiments": [experiment(20)],
        "trafficAllocation": [{"entityId": "20", "endOfRange": 10_000}],
    }
    flag = {
        "id": "f",
        "key": "feature",
        "experimentIds": ["10", "20", "30"],
        "rolloutId": "r",
        "variables": [limit],
    }
    return {
        "version": "4",
        "accountId": "account",
        "projectId": "project",
        "revision": "7",
        "anonymizeIP": False,
        "botFiltering": True,
        "sendFlagDecisions": True,
        "region": "EU",
        "experiments": [experiment(10)],
        "groups": [group],
        "events": [{"id": "e", "key": "signup", "experimentIds": ["10", "99"]}],
        "attributes": [{"id": "a", "key": "plan"}],
        "audiences": [{"id": "1", "name": "gold", "conditions": CONDITIONS}],
        "featureFlags": [flag],
        "rollouts": [
            {"id": "r", "experiments": [experiment(30)]},
            {"id": "[]", "experiments": [{**experiment(40), "id": "[]"}]},
        ],
        **changes,
    }


def steps_of(path: str) -> list[Any]:
    """Return *path* as keys and indices."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    return [int(part) if part.isdigit() else part for part in parts]


def changed(path: str, value: Any) -> Json:
    """Return a whole datafile with *value* at *path*, where no flag names anything else."""
    document = copy.deepcopy(whole())
    if "featureFlags" not in path:
        document["featureFlags"] = []
    *way, last = steps_of(path)
    owner: Any = document
    for step in way:
        owner = owner[step]
    owner[last] = value
    return document


def without(path: str) -> Json:
    document = changed(path, None)
    *way, last = steps_of(path)
    owner: Any = document
    for step in way:
        owner = owner[step]
    del owner[last]
    return document


def refusal(document: Any, generation: str = TODAY) -> str:
    with pytest.raises(DocumentError) as caught:
        check_datafile(document, "datafile", generation)
    return str(caught.value)


def values(*, are_taken: bool) -> Iterable[Any]:
    for path, expected, taken, _ in FIELDS:
        for name, (value, shown) in ANYTHING.items():
            is_lacking = isinstance(value, dict) and expected is OBJECT and not taken
            if (name in taken) is are_taken and not is_lacking:
                yield pytest.param(path, expected, value, shown, id=f"{path} {name}")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_whole_datafile_is_taken(generation: str) -> None:
    check_datafile(whole(), "datafile", generation)


@pytest.mark.parametrize(("path", "expected", "value", "shown"), [*values(are_taken=False)])
def test_wrong_types_are_refused_with_place_and_expectation(
    path: str, expected: str, value: Any, shown: str
) -> None:
    said = f"datafile: {path} is {shown}; expected {expected}."

    assert [refusal(changed(path, value), each) for each in GENERATIONS] == [said, said]


@pytest.mark.parametrize(("path", "_", "value", "__"), [*values(are_taken=True)])
def test_right_types_are_taken(path: str, _: str, value: Any, __: str) -> None:
    for generation in GENERATIONS:
        check_datafile(changed(path, value), "datafile", generation)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("path", "expected", "_", "is_needed"),
    [row for row in FIELDS if row[3] is not None],
    ids=[row[0] for row in FIELDS if row[3] is not None],
)
def test_what_is_missing(
    path: str, expected: str, _: set[str], is_needed: bool, generation: str
) -> None:
    if is_needed:
        said = refusal(without(path), generation)
        assert said == f"datafile: {path} is missing; expected {expected}."
    else:
        check_datafile(without(path), "datafile", generation)


@pytest.mark.parametrize("value", [None, True, 5, "sdk-key", [], [{}]], ids=str)
def test_a_datafile_is_an_object(value: Any) -> None:
    assert "; expected an object." in refusal(value)
    assert "sdk-key" not in refusal(value)


# --- Versions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_known_versions_are_taken(version: str, generation: str) -> None:
    check_datafile(whole(version=version), "datafile", generation)


@pytest.mark.parametrize("version", ["", "0", "5", "4.0", "04", " 4", "x"])
def test_unknown_versions_are_refused_today_alone(version: str) -> None:
    said = f"datafile: version is {version!r}; expected '2', '3' or '4'."

    assert refusal(whole(version=version)) == said
    check_datafile(whole(version=version), "datafile", FULL_STACK_2)


@pytest.mark.parametrize("version", ["1", 1, 4, 4.0, None, True, ["4"], {}], ids=repr)
def test_versions_that_no_generation_takes(version: Any) -> None:
    assert refusal(whole(version=version)).endswith("; expected '2', '3' or '4'.")
    assert refusal(whole(version=version), FULL_STACK_2).endswith(
        "; expected a string other than '1'."
    )


def test_a_datafile_has_a_version() -> None:
    assert refusal(without("version")) == (
        "datafile: version is missing; expected '2', '3' or '4'."
    )
    assert "version is missing" in refusal(without("version"), FULL_STACK_2)


# --- Audiences ---------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("text", ["", " ", "or", "[", "['or']", "[] []", "1" + "0" * 5000])
def test_conditions_that_are_no_json_are_refused(text: str, generation: str) -> None:
    said = refusal(changed("audiences[0].conditions", text), generation)

    assert said.startswith("datafile: audiences[0].conditions is not JSON (")
    assert said.endswith("); expected JSON text.")


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    "text", ["null", "[]", "{}", '"x"', "5", "NaN", '["AND", 1]', "[" * 100_000 + "]" * 100_000]
)
def test_any_json_is_taken_for_conditions(text: str, generation: str) -> None:
    check_datafile(changed("audiences[0].conditions", text), "datafile", generation)


def test_conditions_that_do_not_count_are_not_looked_at() -> None:
    first = {"id": "1", "name": "", "conditions": "no JSON"}
    second = {**first, "conditions": "[]"}
    typed = {"id": "1", "name": "", "conditions": []}

    for generation in GENERATIONS:
        check_datafile(whole(audiences=[first, second]), "datafile", generation)
        refusal(whole(audiences=[second, first]), generation)
    check_datafile(whole(audiences=[first], typedAudiences=[typed]), "datafile", TODAY)
    refusal(whole(audiences=[first], typedAudiences=[typed]), FULL_STACK_2)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (None, "typedAudiences is None; expected a list."),
        ({}, "typedAudiences is an object; expected a list."),
        ([5], "typedAudiences[0] is 5; expected an object."),
        ([{"name": "", "conditions": []}], "typedAudiences[0].id is missing; expected a string."),
        (
            [{"id": 5, "name": "", "conditions": []}],
            "typedAudiences[0].id is 5; expected a string.",
        ),
        (
            [{"id": "1", "conditions": []}],
            "typedAudiences[0].name is missing; expected any value.",
        ),
        (
            [{"id": "1", "name": ""}],
            "typedAudiences[0].conditions is missing; expected any value.",
        ),
    ],
    ids=str,
)
def test_typed_audiences_are_looked_at_today_alone(typed: Any, said: str) -> None:
    assert refusal(whole(typedAudiences=typed)) == f"datafile: {said}"
    check_datafile(whole(typedAudiences=typed), "datafile", FULL_STACK_2)


@pytest.mark.parametrize("conditions", [None, True, 5, "no JSON", [], {}, ["or", 5]], ids=str)
def test_typed_conditions_are_of_any_shape(conditions: Any) -> None:
    typed = [{"id": "1", "name": None, "conditions": conditions}]

    check_datafile(whole(typedAudiences=typed), "datafile", TODAY)


# --- What is named elsewhere -------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_flag_names_experiments_that_there_are(generation: str) -> None:
    broken = whole()
    broken["featureFlags"][0]["experimentIds"] = ["20", "99"]

    assert refusal(broken, generation) == (
        "datafile: featureFlags[0].experimentIds[1] is '99'; expected the id of an experiment."
    )


def test_a_flag_names_a_rollout_that_there_is_today() -> None:
    broken = whole()
    broken["featureFlags"][0]["rolloutId"] = "99"

    assert refusal(broken) == (
        "datafile: featureFlags[0].rolloutId is '99'; expected the id of a rollout, or ''."
    )
    check_datafile(broken, "datafile", FULL_STACK_2)
    broken["featureFlags"][0]["rolloutId"] = ""
    check_datafile(broken, "datafile", TODAY)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("experiments[0].status", "Cancelled"),
        ("groups[0].policy", "first come"),
        ("events[0].experimentIds", ["99"]),
        ("experiments[0].audienceIds", ["99"]),
        ("experiments[0].trafficAllocation[0].entityId", "nothing"),
        ("experiments[0].trafficAllocation[0].endOfRange", -(10**30)),
        ("experiments[0].forcedVariations", {"Bob": 5}),
        ("unknown", {"a": [None]}),
    ],
)
def test_values_that_lead_nowhere_are_taken(path: str, value: Any, generation: str) -> None:
    check_datafile(changed(path, value), "datafile", generation)


# --- Text that no visitor can have -------------------------------------------------------------


FREE_TEXTS = ("status", "policy", "name", "conditions")
NAMES = [row[0] for row in FIELDS if row[1] is TEXT and not row[0].endswith(FREE_TEXTS)]


@pytest.mark.parametrize("path", NAMES)
def test_ids_and_keys_with_a_lone_surrogate_are_refused(path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        check_datafile(changed(path, "half a character: \ud800"), "datafile", TODAY)
    assert (caught.value.path, caught.value.expected) == (path, "text without lone surrogates")
    str(caught.value).encode()
