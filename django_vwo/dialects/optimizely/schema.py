"""What an Optimizely datafile must look like to be taken at all."""

from __future__ import annotations

from typing import Any

from ...engine.errors import MISSING, Description
from ..base import TODAY
from ..checking import Checks, Json, join
from .segments import Conditions, conditions_by_id

VERSIONS = ("2", "3", "4")


def check_datafile(document: Any, source: str, generation: str) -> None:
    """
    Raise `DocumentError` unless *document* has all that decisions need, each of its type.

    Keys that are not named here may hold anything. *generation* is "today" or "2.1", which takes
    nearly any version and does not look at typed audiences.
    """
    Check(source, generation).datafile(document)


class Check(Checks):
    """The checks of one datafile; each method takes a value and its path."""

    def __init__(self, source: str, generation: str) -> None:
        super().__init__(source)
        self.is_today = generation == TODAY
        self.generation = generation
        self.experiment_ids: set[str] = set()
        self.rollout_ids: set[str] = set()

    def datafile(self, document: Any) -> None:
        self.whole(document)
        self.version(document)
        for key in ("accountId", "projectId", "revision"):
            self.text(document, key)
        self.experiments(document)
        for path, group in self.objects(document, "groups"):
            self.group(group, path)
        for path, event in self.objects(document, "events"):
            self.identity(event, path)
            self.texts(event, "experimentIds", path)
        for path, attribute in self.objects(document, "attributes"):
            self.identity(attribute, path)
        self.audiences(document)
        for path, rollout in self.optional(document, "rollouts"):
            self.text(rollout, "id", path)
            self.rollout_ids.add(rollout["id"])
            self.experiments(rollout, path, is_rule=True)
        for path, flag in self.optional(document, "featureFlags"):
            self.flag(flag, path)

    def version(self, document: Json) -> None:
        version = document.get("version", MISSING)
        if self.is_today and version not in VERSIONS:
            raise self.refuse("version", version, "'2', '3' or '4'")
        if not isinstance(version, str) or version == "1":
            raise self.refuse("version", version, "a string other than '1'")

    def experiments(self, owner: Json, path: str = "", *, is_rule: bool = False) -> None:
        for where, experiment in self.objects(owner, "experiments", path):
            self.identity(experiment, where)
            self.text(experiment, "layerId", where)
            self.texts(experiment, "audienceIds", where)
            self.object(experiment, "forcedVariations", where)
            self.allocation(experiment, where)
            for place, variation in self.objects(experiment, "variations", where):
                self.variation(variation, place)
            if is_rule:
                self.present(experiment, "status", where)
            else:
                self.string(experiment, "status", where)
            self.experiment_ids.add(experiment["id"])

    def variation(self, variation: Json, path: str) -> None:
        self.identity(variation, path)
        for where, variable in self.optional(variation, "variables", path):
            self.text(variable, "id", where)
            self.present(variable, "value", where)

    def allocation(self, owner: Json, path: str) -> None:
        for where, each in self.objects(owner, "trafficAllocation", path):
            self.text(each, "entityId", where)
            end = each.get("endOfRange", MISSING)
            if isinstance(end, bool) or not isinstance(end, int):
                raise self.refuse(join(where, "endOfRange"), end, "an integer")

    def group(self, group: Json, path: str) -> None:
        self.text(group, "id", path)
        self.string(group, "policy", path)
        self.allocation(group, path)
        self.experiments(group, path)

    def audiences(self, document: Json) -> None:
        for path, audience in self.objects(document, "audiences"):
            self.text(audience, "id", path)
            self.string(audience, "name", path)
            self.string(audience, "conditions", path)
        if self.is_today:
            for path, audience in self.optional(document, "typedAudiences"):
                self.text(audience, "id", path)
                self.present(audience, "name", path)
                self.present(audience, "conditions", path)
        for conditions in conditions_by_id(document, self.generation).values():
            if conditions.is_text:
                self.conditions(conditions)

    def conditions(self, conditions: Conditions) -> None:
        try:
            conditions.decode()
        except RecursionError:
            return  # reported, and evaluated as unknown
        except ValueError as error:
            found = Description(f"not JSON ({error})")
            raise self.refuse(conditions.path, found, "JSON text") from None

    def flag(self, flag: Json, path: str) -> None:
        self.identity(flag, path)
        self.texts(flag, "experimentIds", path)
        self.text(flag, "rolloutId", path)
        for where, variable in self.objects(flag, "variables", path):
            self.identity(variable, where)
            self.present(variable, "type", where)
            self.present(variable, "defaultValue", where)
        for index, experiment_id in enumerate(flag["experimentIds"]):
            if experiment_id not in self.experiment_ids:
                where = f"{path}.experimentIds[{index}]"
                raise self.refuse(where, experiment_id, "the id of an experiment")
        rollout_id = flag["rolloutId"]
        if self.is_today and rollout_id and rollout_id not in self.rollout_ids:
            raise self.refuse(f"{path}.rolloutId", rollout_id, "the id of a rollout, or ''")

    def identity(self, owner: Json, path: str) -> None:
        self.text(owner, "id", path)
        self.text(owner, "key", path)

    def texts(self, owner: Json, key: str, path: str) -> None:
        for index, value in enumerate(self.items(owner, key, path)):
            self.text_at(f"{join(path, key)}[{index}]", value)

    def string(self, owner: Json, key: str, path: str) -> None:
        """Raise `DocumentError` unless there is a string, which is never sent or hashed."""
        value = owner.get(key, MISSING)
        if not isinstance(value, str):
            raise self.refuse(join(path, key), value, "a string")

    def present(self, owner: Json, key: str, path: str) -> None:
        if key not in owner:
            raise self.refuse(join(path, key), MISSING, "any value")

    def optional(self, owner: Json, key: str, path: str = "") -> list[tuple[str, Json]]:
        return self.objects(owner, key, path) if key in owner else []
