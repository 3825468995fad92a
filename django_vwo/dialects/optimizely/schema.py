"""What an Optimizely datafile must look like to be taken at all."""

from __future__ import annotations

from typing import Any

from ...engine.errors import MISSING, Description
from ..base import TODAY
from ..checking import (
    ANYTHING,
    LIST,
    OBJECT,
    STRING,
    TEXT,
    Checks,
    Field,
    Json,
    Rule,
    are_of,
    objects,
    text,
)
from .segments import Conditions, conditions_by_id

VERSIONS = ("2", "3", "4")
INTEGER = Rule("an integer", are_of(int))


def string(key: str) -> Field:
    """Return the field of a string that is never sent or hashed."""
    return Field(key=key, rules=(STRING,))


def anything(key: str) -> Field:
    return Field(key=key, rules=ANYTHING)


def texts(key: str) -> Field:
    return Field(key=key, rules=(LIST,), each=TEXT)


ENTITY = (text("id"), text("key"))
ALLOCATION = objects(
    "trafficAllocation", (text("entityId"), Field(key="endOfRange", rules=(INTEGER,)))
)
VARIATION = (
    *ENTITY,
    objects("variables", (text("id"), anything("value")), is_optional=True),
)
RULE = (
    *ENTITY,
    text("layerId"),
    texts("audienceIds"),
    Field(key="forcedVariations", rules=(OBJECT,)),
    ALLOCATION,
    objects("variations", VARIATION),
    anything("status"),
)
EXPERIMENT = (*RULE[:-1], string("status"))
GROUP = (text("id"), string("policy"), ALLOCATION, objects("experiments", EXPERIMENT))
EVENT = (*ENTITY, texts("experimentIds"))
AUDIENCE = (text("id"), string("name"), string("conditions"))
TYPED_AUDIENCE = (text("id"), anything("name"), anything("conditions"))
ROLLOUT = (text("id"), objects("experiments", RULE))
FLAG = (
    *ENTITY,
    texts("experimentIds"),
    text("rolloutId"),
    objects("variables", (*ENTITY, anything("type"), anything("defaultValue"))),
)
EXPERIMENTS = (
    text("accountId"),
    text("projectId"),
    text("revision"),
    objects("experiments", EXPERIMENT),
    objects("groups", GROUP),
    objects("events", EVENT),
    objects("attributes", ENTITY),
    objects("audiences", AUDIENCE),
)
TYPED_AUDIENCES = objects("typedAudiences", TYPED_AUDIENCE, is_optional=True)
ROLLOUTS = objects("rollouts", ROLLOUT, is_optional=True)
FLAGS = objects("featureFlags", FLAG, is_optional=True)


def check_datafile(document: Any, source: str, generation: str) -> None:
    """
    Raise `DocumentError` unless *document* has all that decisions need, each of its type.

    Keys that are not named here may hold anything. *generation* is "today" or "2.1", which takes
    nearly any version and does not look at typed audiences.
    """
    Check(source, generation).datafile(document)


class Check(Checks):
    """The checks of one datafile."""

    def __init__(self, source: str, generation: str) -> None:
        super().__init__(source)
        self.is_today = generation == TODAY
        self.generation = generation

    def datafile(self, document: Any) -> None:
        self.whole(document)
        self.version(document)
        self.object(document, EXPERIMENTS)
        self.audiences(document)
        self.object(document, (ROLLOUTS, FLAGS))
        self.references(document)

    def version(self, document: Json) -> None:
        version = document.get("version", MISSING)
        if self.is_today and version not in VERSIONS:
            raise self.refuse("version", version, "'2', '3' or '4'")
        if not isinstance(version, str) or version == "1":
            raise self.refuse("version", version, "a string other than '1'")

    def audiences(self, document: Json) -> None:
        if self.is_today:
            self.object(document, (TYPED_AUDIENCES,))
        for conditions in conditions_by_id(document, self.generation).values():
            if conditions.is_text:
                self.conditions(conditions)

    def conditions(self, conditions: Conditions) -> None:
        try:
            conditions.check()
        except RecursionError:
            return  # reported, and evaluated as unknown
        except ValueError as error:
            found = Description(f"not JSON ({error})")
            raise self.refuse(conditions.path, found, "JSON text") from None

    def references(self, document: Json) -> None:
        """Check that the experiments and the rollout of each flag are there."""
        rollouts = document.get("rollouts", [])
        rollout_ids = {rollout["id"] for rollout in rollouts}
        experiment_ids = {
            experiment["id"]
            for owner in (document, *document["groups"], *rollouts)
            for experiment in owner["experiments"]
        }
        for place, flag in enumerate(document.get("featureFlags", [])):
            for index, experiment_id in enumerate(flag["experimentIds"]):
                if experiment_id not in experiment_ids:
                    where = f"featureFlags[{place}].experimentIds[{index}]"
                    raise self.refuse(where, experiment_id, "the id of an experiment")
            rollout_id = flag["rolloutId"]
            if self.is_today and rollout_id and rollout_id not in rollout_ids:
                where = f"featureFlags[{place}].rolloutId"
                raise self.refuse(where, rollout_id, "the id of a rollout, or ''")
