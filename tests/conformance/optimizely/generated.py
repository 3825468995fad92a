"""Generated datafiles: every field, alone and together, and how a datafile changes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mmh3

from .chance import ABSENT, Chance, without_absent
from .generated_audiences import Json, audience_fields, audiences
from .official import Generation

USERS = ("Bob", "Ann", "Zoë", "李雷", "user 5", "u6", "u7", "u8", "🦊")
KEYS = ("e0", "e1", "größe", "e 3", "e4", "e5", "e6", "e7")
FLAGS = ("f0", "f1", "fü", "f3")
EVENTS = ("buy", "sign up", "купить")
VARIABLES = ("text", "whole", "half", "yes", "jsön", "odd")
VARIATION_KEYS = ("a", "b", "ç")

VALUES: dict[str, tuple[Any, ...]] = {
    "string": ("blue", "", "ünï", "true"),
    "integer": ("12", "-3", " 7 ", "1_0", "\u0663", "12.5", "", "x", "9" * 30),
    "double": ("1.5", "12", "1e3", "nan", "inf", "-Infinity", "1,5", "", "x"),
    "boolean": ("true", "false", "True", "1", "", "yes"),
    "json": ('{"size": 1}', "[1, null]", '"text"', "null", "{", "", "NaN", "1"),
    "colour": ("red", "true"),
}
ODD_VALUES = (5, 1.5, True, None, ["a"], {"a": 1})


# --- Experiments -----------------------------------------------------------------------------


def variables_of(chance: Chance, types: dict[str, str]) -> list[Json]:
    """Return the values that a variation gives to variables, by the ids of those."""
    return [
        {"id": number, "value": value_of(chance, types[number])}
        for number in chance.some(list(types))
    ]


def value_of(chance: Chance, kind: str) -> Any:
    """Return the text of a variable of a type; it may be that of another."""
    if chance.one_in(40):
        return chance.among(*ODD_VALUES)
    if chance.one_in(10):
        kind = chance.among(*VALUES)
    return chance.among(*VALUES[kind])


def variations(chance: Chance, number: str, types: dict[str, str]) -> list[Json]:
    """Return the variations of the experiment *number*."""
    found = []
    for index, key in enumerate(VARIATION_KEYS[: chance.among(1, 2, 2, 3)], 1):
        enabled = chance.among(ABSENT, True, True, True, False)
        if chance.one_in(12):
            enabled = chance.among(None, 1, 0, "yes", "")
        drawn = {
            "id": f"{number}{index}",
            "key": key,
            "featureEnabled": enabled,
            "variables": variables_of(chance, types) if not chance.one_in(3) else ABSENT,
        }
        if chance.one_in(40):
            drawn["id"] = chance.among(
                f"v{number}{index}", f"{number}{index}\u0661", f"{number}_{index}"
            )
        found.append(without_absent(drawn))
    return found


def bucket_of(user: str, parent: str) -> int:
    """Return the bucket of a user in the experiment or group *parent*."""
    return int(mmh3.hash(f"{user}{parent}", 1, signed=False)) * 10_000 >> 32


def ends_of(chance: Chance, parent: str) -> int:
    """Return where a range may end: anywhere, or right before or after a user."""
    if chance.one_in(3):
        return bucket_of(chance.among(*USERS), parent) + chance.upto(1)
    return chance.upto(10_000)


def allocation(chance: Chance, ids: Sequence[str], parent: str) -> list[Json]:
    """Return the traffic allocation of *parent* to *ids*: mostly all of the traffic, in order."""
    ends = sorted(ends_of(chance, parent) for _ in ids)
    if ends and not chance.one_in(4):
        ends[-1] = 10_000
    found = [{"entityId": number, "endOfRange": end} for number, end in zip(ids, ends, strict=True)]
    if chance.one_in(8):
        found.insert(chance.upto(len(found)), {"entityId": "", "endOfRange": chance.upto(10_000)})
    if chance.one_in(15):
        chance.shuffle(found)
    if chance.one_in(100) and found:
        chance.among(*found)["entityId"] = "nobody"
    if chance.one_in(60):
        found.append({"entityId": chance.among(*ids), "endOfRange": chance.among(0, -5, 20_000)})
    return found if not chance.one_in(60) else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What the experiments of a datafile refer to."""

    types: dict[str, str]
    """The types of variables, by id."""
    audience_ids: list[str]


def experiments(chance: Chance, number: str, key: str, shared: Shared) -> Json:
    """Return the experiment *number*."""
    arms = variations(chance, number, shared.types)
    layer = f"L{number}" if not chance.one_in(20) else chance.among("", "88", "läyer")
    forced = {
        user: chance.among(*VARIATION_KEYS, "gone")
        for user in (chance.some(USERS, 3) if chance.one_in(4) else ())
    }
    return {
        "id": number,
        "key": key,
        "layerId": layer,
        "status": "Running" if not chance.one_in(9) else chance.among("Paused", "running", ""),
        "variations": arms,
        "trafficAllocation": allocation(chance, [arm["id"] for arm in arms], number),
        "forcedVariations": forced,
        **audience_fields(chance, shared.audience_ids),
    }


def groups(chance: Chance, shared: Shared, keys: Iterator[str]) -> Iterator[Json]:
    """Yield groups of one to three experiments."""
    for group_id in chance.among((), ("40",), ("40",), ("40", "50")):
        members = [
            experiments(chance, f"{group_id}{index}", key, shared)
            for index, key in zip(range(chance.among(1, 2, 2, 3)), keys, strict=False)
        ]
        yield {
            "id": group_id,
            "policy": chance.among("random", "random", "random", "overlapping", "odd"),
            "experiments": members,
            "trafficAllocation": allocation(chance, [member["id"] for member in members], group_id),
        }


def rollouts(chance: Chance, shared: Shared) -> Iterator[Json]:
    """Yield rollouts; the last rule of each is for everyone else."""
    for rollout_id in ("60", "61")[: chance.upto(2)]:
        count = chance.among(0, 1, 2, 2, 3, 4)
        rules = [
            experiments(chance, f"{rollout_id}{index}", f"rule {rollout_id}{index}", shared)
            for index in range(count)
        ]
        if rules and not chance.one_in(4):
            rules[-1]["audienceIds"] = []
            rules[-1].pop("audienceConditions", None)
        yield {"id": rollout_id, "experiments": rules}


# --- Flags, events and the rest --------------------------------------------------------------


def variables(chance: Chance) -> list[Json]:
    """Return the variables that flags share, by their numbers."""
    found = []
    for index, key in enumerate(VARIABLES):
        kind = chance.among("string", "integer", "double", "boolean", "json", "string", "colour")
        variable = {"id": f"9{index}", "key": key, "type": kind}
        variable["defaultValue"] = value_of(chance, kind)
        if chance.one_in(4):
            variable["subType"] = chance.among("json", "json", "", None)
            if variable["type"] == "string" and variable["subType"] == "json":
                variable["defaultValue"] = chance.among(*VALUES["json"])
        found.append(variable)
    return found


def flags(
    chance: Chance, owned: list[Json], ids: list[str], rollout_ids: list[str]
) -> Iterator[Json]:
    """Yield feature flags on the experiments *ids* and on rollouts."""
    for index, key in enumerate(FLAGS[: chance.among(0, 1, 2, 3, 3, 4)]):
        yield {
            "id": f"3{index}",
            "key": key,
            "experimentIds": chance.some(ids, 3),
            "rolloutId": chance.among("", *rollout_ids, *rollout_ids, *rollout_ids),
            "variables": chance.sample(owned, chance.among(0, 2, 4, 6)),
        }


def events(chance: Chance, ids: list[str]) -> Iterator[Json]:
    """Yield events of the experiments *ids*."""
    for index, key in enumerate(EVENTS[: chance.among(1, 2, 3)]):
        counted = chance.some(ids) if chance.one_in(3) else chance.sample(ids, len(ids))
        if chance.one_in(60):
            counted = [*counted, "nothing"]
        yield {"id": f"2{index}", "key": key, "experimentIds": counted}


def known_attributes(chance: Chance) -> list[Json]:
    """Return the attributes that the service knows."""
    names = chance.some(("plan", "age", "beta", "version", "größe", "$opt_user_agent"))
    if chance.one_in(2):
        names = ["plan", "age", "beta", "version"]
    if chance.one_in(12):
        names.append("$opt_bucketing_id")
    return [{"id": f"8{index}", "key": name} for index, name in enumerate(names)]


def heads(chance: Chance, generation: Generation) -> Json:
    """Return the fields of a datafile that are no lists."""
    drawn: Json = {
        "version": chance.among("2", "3", "4", "4"),
        "accountId": chance.among("12001", "", "é"),
        "projectId": chance.among("111001", "p"),
        "revision": chance.among("42", "", "7.1"),
        "anonymizeIP": chance.among(ABSENT, True, True, False, False, None, "yes", 1, {"a": []}),
        "botFiltering": chance.among(ABSENT, ABSENT, True, False, None, "yes", 1),
        "sendFlagDecisions": chance.among(ABSENT, True, True, False, None, 1, "no"),
        "region": chance.among(ABSENT, ABSENT, "US", "EU", "eu", None, "", "XX", 5),
        "sdkKey": chance.among(ABSENT, "k"),
        "variables": chance.among(ABSENT, []),
    }
    if not generation.is_today and chance.one_in(20):
        drawn["version"] = "9"
    return without_absent(drawn)


def documents(chance: Chance, generation: Generation) -> Json:
    """Return a datafile; a rare one is odd in a way that its schema does not exclude."""
    document = usual_documents(chance, generation)
    if chance.one_in(5):
        chance.among(*ODDITIES)(chance, document)
    if not generation.is_today:
        without_replaced(document)
    return document


def without_replaced(document: Json) -> None:
    """Let no flag name an experiment that another one with its key has replaced."""
    last = {each["key"]: each["id"] for each in all_experiments(document)}
    for flag in document["featureFlags"]:
        flag["experimentIds"] = [each for each in flag["experimentIds"] if each in last.values()]


def usual_documents(chance: Chance, generation: Generation) -> Json:
    """Return a datafile that is not too odd."""
    owned = variables(chance)
    lists = audiences(chance, generation)
    shared = Shared(
        types={variable["id"]: variable["type"] for variable in owned},
        audience_ids=audience_ids(lists),
    )
    keys = iter(KEYS)
    plain = [
        experiments(chance, f"1{index}", key, shared)
        for index, key in zip(range(chance.among(0, 1, 2, 2, 3)), keys, strict=False)
    ]
    grouped = list(groups(chance, shared, keys))
    rolled = list(rollouts(chance, shared))
    ids = [each["id"] for each in plain]
    ids += [each["id"] for group in grouped for each in group["experiments"]]
    rules = [each["id"] for rollout in rolled for each in rollout["experiments"]]
    rollout_ids = [each["id"] for each in rolled]
    return {
        **heads(chance, generation),
        "experiments": plain,
        "groups": grouped,
        "events": list(events(chance, ids + rules[: chance.upto(1)])),
        "attributes": known_attributes(chance),
        **lists,
        "rollouts": rolled,
        "featureFlags": list(flags(chance, owned, ids, rollout_ids)),
    }


def all_experiments(document: Json) -> Iterator[Json]:
    """Yield the experiments of a datafile, wherever they are, in the order of the SDKs."""
    yield from document.get("experiments", ())
    for owner in (*document.get("rollouts", ()), *document.get("groups", ())):
        yield from owner["experiments"]


def audience_ids(document: Json) -> list[str]:
    """Return the ids of the audiences of a datafile."""
    lists = (document.get(name, ()) for name in ("audiences", "typedAudiences"))
    return sorted({each["id"] for audiences in lists for each in audiences})


# --- Oddities --------------------------------------------------------------------------------


def lists_of_entities(document: Json) -> dict[str, list[Json]]:
    """Return the entities of a datafile that have keys, by kind."""
    found = list(all_experiments(document))
    return {
        "experiments": found,
        "variations": [arm for each in found for arm in each["variations"]],
        "featureFlags": document["featureFlags"],
        "variables": [each for flag in document["featureFlags"] for each in flag["variables"]],
        "events": document["events"],
        "attributes": document["attributes"],
    }


def with_namesakes(chance: Chance, document: Json) -> None:
    """Give one entity the key of another."""
    kinds = lists_of_entities(document)
    entities = chance.among(kinds["experiments"], kinds["experiments"], *kinds.values())
    if len(entities) > 1:
        one, other = chance.sample(entities, 2)
        other["key"] = one["key"]
        if entities is kinds["experiments"] and one["variations"]:
            one["forcedVariations"] = {
                user: chance.among(*one["variations"])["key"] for user in chance.some(USERS)
            }


def with_shared_variations(chance: Chance, document: Json) -> None:
    """Let the rules of a flag have the same variations, as one flag's rules may."""
    known = {each["id"]: each for each in all_experiments(document)}
    for flag in document["featureFlags"]:
        rules = [known[number] for number in flag["experimentIds"]]
        for each in rules[1:]:
            each["variations"] = rules[0]["variations"]
            arms = [arm["id"] for arm in each["variations"]]
            each["trafficAllocation"] = allocation(chance, arms, each["id"])


def with_odd_keys(chance: Chance, document: Json) -> None:
    """Give some entities keys that are hardly any."""
    for kind, entities in lists_of_entities(document).items():
        if entities and kind not in ("variations", "featureFlags") and chance.one_in(3):
            chance.among(*entities)["key"] = chance.among("", "", " ")


def with_odd_ids(chance: Chance, document: Json) -> None:
    """Give a variation an id that is hardly one."""
    for each in all_experiments(document):
        if each["variations"] and chance.one_in(3):
            arm = chance.among(*each["variations"])
            arm["id"] = chance.among("x{}", " {}", "{} ", "0{}").format(each["id"])


def with_repeated_experiments(chance: Chance, document: Json) -> None:
    """Let events and flags name experiments twice."""
    for each in [*document["events"], *document["featureFlags"]]:
        each["experimentIds"] = [*each["experimentIds"], *each["experimentIds"][:1]]


def with_unknown_fields(chance: Chance, document: Json) -> None:
    """Let everything have a field that nobody knows."""
    for entities in [[document], *lists_of_entities(document).values()]:
        for each in entities:
            each["futureField"] = chance.among(None, 5, "x", [], {})


ODDITIES = (
    *(with_namesakes, with_namesakes, with_odd_keys, with_odd_keys, with_odd_ids),
    *(with_shared_variations, with_repeated_experiments, with_unknown_fields),
)


# --- Changes ---------------------------------------------------------------------------------


def changed(chance: Chance, document: Json) -> Json:
    """Return *document* after its owner has worked on it."""
    after = copy.deepcopy(document)
    after["revision"] = f"{document['revision']}+"
    for each in all_experiments(after):
        if chance.one_in(2):
            change(chance, each, audience_ids(after))
    if chance.one_in(4):
        after["events"] = list(events(chance, [each["id"] for each in all_experiments(after)]))
    if chance.one_in(4):
        after["attributes"] = known_attributes(chance)
    if chance.one_in(6):
        loose = [each for group in after["groups"] for each in group["experiments"]]
        after.update(groups=[], experiments=[*after["experiments"], *loose])
    return after


def change(chance: Chance, experiment: Json, audience_ids: list[str]) -> None:
    """Change one experiment."""
    kind = chance.among("status", "weights", "audience", "variation", "keys")
    if kind == "status":
        experiment["status"] = chance.among("Running", "Paused")
    if kind == "audience":
        experiment.pop("audienceConditions", None)
        experiment.update(audience_fields(chance, audience_ids))
    if kind == "variation" and len(experiment["variations"]) > 1:
        experiment["variations"].pop(chance.upto(len(experiment["variations"]) - 1))
    if kind == "keys":
        for arm in experiment["variations"]:
            arm["key"] = f"{arm['key']}'" if chance.one_in(3) else arm["key"]
    if kind in ("weights", "variation"):
        arms = [arm["id"] for arm in experiment["variations"]]
        experiment["trafficAllocation"] = allocation(chance, arms, experiment["id"])
