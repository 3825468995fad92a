"""Generated plays: what users do on a site, and how its datafile changes meanwhile."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.conformance.oracle import Call

from .chance import Chance
from .generated import (
    EVENTS,
    FLAGS,
    USERS,
    VARIABLES,
    VARIATION_KEYS,
    Json,
    all_experiments,
    changed,
    documents,
)
from .generated_audiences import any_value, attributes
from .official import Generation

CALLS_IN_AN_ACT = 40
TYPED = ("boolean", "double", "integer", "string")
OPTIONS = ("DISABLE_DECISION_EVENT", "IGNORE_USER_PROFILE_SERVICE", "EXCLUDE_VARIABLES")
METHODS = (
    *(["activate"] * 22),
    *(["get_variation"] * 10),
    *(["is_feature_enabled"] * 18),
    *(["get_enabled_features"] * 3),
    *(["variable"] * 14),
    *(["track"] * 26),
    *(["set_forced_variation"] * 5),
    *(["get_forced_variation"] * 3),
)
METHODS_OF_TODAY = (*(["decide"] * 18), *(["get_all_feature_variables"] * 5))

OPTIONAL = {*METHODS, "get_all_feature_variables"} - {
    "set_forced_variation",
    "get_forced_variation",
}
"""Methods that can do without their last argument."""

ODD_USERS = ("", None, 5, 0, True, 1.5, [], ["Bob"], {}, {"a": 1}, ("Bob",), b"Bob", "\ud800")
ODD_ATTRIBUTES = ([], "", 0, False, (), "plan", ["plan"], 5, True, (("plan", "gold"),))
ODD_KEYS = ("", None, 5, "gone", "E0", [], {}, True)
REVENUES = (5, 0, -7, 10**20, 10**400, 5.0, "5", True, None, math.inf, [5])
NUMBERS = (
    *(5, -1.5, 0, 1e308, 10**20, "12.5", " 7 ", "1_0", "x", "", "1,5", "nan", "inf", "-1e400"),
    *(True, False, None, math.inf, math.nan, [1], {"a": 1}, 10**400),
)
TAGS = (
    *("blue", None, 5, ["a", (1, 2)], math.nan, {5}),
    *({"value": None, "a": {"tags": None}}, [{"value": None, "b": 1}], {5: {"revenue": None}}),
)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Calls on one datafile."""

    document: Json
    calls: tuple[Call, ...]


@dataclass(frozen=True, kw_only=True)
class Play:
    """Acts whose users are the same: a user profile service, if there is one, is carried over."""

    acts: tuple[Act, ...]
    profiles: Json | None
    """What the service holds at first; `None` if there is no such service."""
    is_continued: bool = False
    """Whether one SDK performs all acts, as its datafile changes; else each has a new one."""


class Author:
    """Writes the calls of an act."""

    def __init__(self, chance: Chance, generation: Generation) -> None:
        self.chance, self.generation = chance, generation
        self.users = chance.sample(USERS, 4)
        self.people = {user: attributes(chance) for user in self.users}
        self.document: Json = {}
        self.forced: list[tuple[Any, Any]] = []
        self.keys: list[str] = []

    def act(self, document: Json) -> Act:
        """Return an act on *document*."""
        self.document = document
        self.keys = [each["key"] for each in all_experiments(document)] or ["e0"]
        self.types = {
            (repr(flag["key"]), repr(variable["key"])): variable["type"]
            for flag in document["featureFlags"]
            for variable in flag["variables"]
        }
        return Act(document=document, calls=tuple(self.calls()))

    def calls(self) -> Iterator[Call]:
        """Yield what the users do."""
        methods = [*METHODS, *(METHODS_OF_TODAY if self.generation.is_today else ())]
        for _ in range(CALLS_IN_AN_ACT):
            yield self.call(self.chance.among(*methods))

    def call(self, method: str) -> Call:
        """Return one call of *method*."""
        chance = self.chance
        user = chance.among(*self.users)
        told = self.told(user)
        if chance.one_in(60):
            user = chance.among(*ODD_USERS)
        args = getattr(self, f"for_{method}")(user, told)
        if method in OPTIONAL and args[-1] is None and chance.one_in(2):
            args = args[:-1]
        return Call(method=self.getter(*args[:2]) if method == "variable" else method, args=args)

    def told(self, user: str) -> Any:
        """Return the attributes that a call tells of a user: mostly what they are."""
        chance = self.chance
        if chance.one_in(40):
            return chance.among(*ODD_ATTRIBUTES)
        if chance.one_in(8):
            return chance.among(None, {}, attributes(chance))
        found = dict(self.people[user])
        if chance.one_in(12):
            found[chance.among("plan", "age", "beta", "version")] = any_value(chance)
        if chance.one_in(100):
            found[chance.among(5, None, True)] = chance.among("gold", 0)
        return found

    def key(self, *keys: str) -> Any:
        """Return one of *keys*, or rarely what is none."""
        return self.chance.among(*ODD_KEYS) if self.chance.one_in(40) else self.chance.among(*keys)

    def getter(self, flag: Any, key: Any) -> str:
        """Return the name of a method that gets a variable: mostly that of its type."""
        kinds = [f"_{kind}" for kind in TYPED]
        fitting = self.types.get((repr(flag), repr(key)))
        if fitting in TYPED and not self.chance.one_in(4):
            return f"get_feature_variable_{fitting}"
        if self.generation.is_today:
            kinds += ["_json", "", "", ""]
        return f"get_feature_variable{self.chance.among(*kinds)}"

    # --- The arguments of each method ---

    def for_activate(self, user: Any, told: Any) -> tuple[Any, ...]:
        return self.key(*self.keys), user, told

    for_get_variation = for_activate

    def for_is_feature_enabled(self, user: Any, told: Any) -> tuple[Any, ...]:
        return self.flag(), user, told

    for_get_all_feature_variables = for_is_feature_enabled

    def for_get_enabled_features(self, user: Any, told: Any) -> tuple[Any, ...]:
        return user, told

    def for_variable(self, user: Any, told: Any) -> tuple[Any, ...]:
        flag = self.flag()
        keys = [key for owner, key in self.types if owner == repr(flag)]
        return flag, self.key(*map(ast.literal_eval, keys), *VARIABLES[:1]), user, told

    def for_track(self, user: Any, told: Any) -> tuple[Any, ...]:
        keys = [each["key"] for each in self.document["events"]]
        return self.key(*keys, *keys, *EVENTS), user, told, self.tags()

    def for_set_forced_variation(self, user: Any, told: Any) -> tuple[Any, ...]:
        variation = self.chance.among(*VARIATION_KEYS[:2], *VARIATION_KEYS, "a'", None)
        experiment = self.key(*self.keys)
        self.forced.append((experiment, user))
        return experiment, user, self.key(variation)

    def for_get_forced_variation(self, user: Any, told: Any) -> tuple[Any, ...]:
        if self.forced and not self.chance.one_in(4):
            return self.chance.among(*self.forced)
        return self.key(*self.keys), user

    def for_decide(self, user: Any, told: Any) -> tuple[Any, ...]:
        options = [] if self.chance.one_in(2) else self.chance.some(OPTIONS)
        return self.flag(), user, told, options

    def flag(self) -> Any:
        keys = [each["key"] for each in self.document["featureFlags"]]
        return self.key(*keys, *keys, *keys, *FLAGS)

    def tags(self) -> Any:
        """Return the tags of an event."""
        chance = self.chance
        if chance.one_in(3):
            return chance.among(None, None, {}, [], "", 0, "revenue", ["value"], 5)
        found: Json = {}
        if chance.one_in(2):
            found["revenue"] = chance.among(*REVENUES, 5, 5)
        if chance.one_in(2):
            found["value"] = chance.among(*NUMBERS, 1.5, 1.5)
        if chance.one_in(3):
            found[chance.among("colour", "größe", "tags", "decisions")] = chance.among(*TAGS)
        if chance.one_in(80):
            found[chance.among(5, None, True)] = "odd"
        items = list(found.items())
        chance.shuffle(items)
        return dict(items)


# --- Profiles --------------------------------------------------------------------------------


def profiles(chance: Chance, document: Json, users: Sequence[str]) -> Json:
    """Return what a user profile service holds of some users already."""
    return {user: profile(chance, user, document) for user in chance.some(users)}


def profile(chance: Chance, user: str, document: Json) -> Any:
    """Return the profile of a user: mostly a good one of some experiments."""
    stored: Json = {}
    for each in all_experiments(document):
        if chance.one_in(1 if user in each["forcedVariations"] else 4):
            arms = [arm["id"] for arm in each["variations"]]
            stored[each["id"]] = {"variation_id": chance.among(*arms, *arms, "gone")}
    whole: Json = {"user_id": user, "experiment_bucket_map": stored}
    if chance.one_in(12):
        return {**whole, "more": 5}
    if chance.one_in(12):
        return without_one(chance, whole)
    if chance.one_in(40):
        whole["experiment_bucket_map"] = chance.among(None, [], "", ["1"], "10", 5)
    elif chance.one_in(30) and stored:
        stored[chance.among(*stored)] = chance.among({}, {"variation_id": None}, None, "101", [])
    elif chance.one_in(40):
        return chance.among({}, [], "", "user_id", 5, ["user_id", "experiment_bucket_map"])
    return whole


def without_one(chance: Chance, whole: Json) -> Json:
    """Return *whole* without one of its fields."""
    kept = dict(whole)
    del kept[chance.among(*kept)]
    return kept


# --- Plays -----------------------------------------------------------------------------------


def plays(seed: int, generation: Generation) -> Play:
    """Return the play of a seed, always the same one."""
    chance = Chance(f"{seed} {generation.name}")
    author = Author(chance, generation)
    document = documents(chance, generation)
    acts = [author.act(document)]
    while chance.one_in(2) and len(acts) < 3:
        document = changed(chance, document)
        acts.append(author.act(document))
    held = profiles(chance, acts[0].document, author.users) if not chance.one_in(3) else None
    is_continued = generation.is_today and not chance.one_in(3)
    return Play(acts=tuple(acts), profiles=held, is_continued=is_continued)


def shortened(play: Play, acts: int, calls: int) -> Play:
    """Return *play* up to a call of an act."""
    kept = [*play.acts[:acts], replace(play.acts[acts], calls=play.acts[acts].calls[:calls])]
    return replace(play, acts=tuple(kept))
