"""What a VWO settings document must look like to be taken at all."""

from __future__ import annotations

import math
from typing import Any

from ...engine.errors import MISSING, Description
from ..checking import Checks, Json, join


def check_document(document: Any, source: str) -> None:
    """
    Raise `DocumentError` unless *document* has all that decisions need, each of its type.

    Keys that are not named here may hold anything, and goals are not looked into.
    """
    Check(source).document(document)


class Check(Checks):
    """The checks of one document; each method takes a value and its path."""

    def document(self, document: Any) -> None:
        self.whole(document)
        self.id(document, "version")
        self.id(document, "accountId")
        for path, campaign in self.objects(document, "campaigns"):
            self.campaign(campaign, path)
        if "groups" in document:
            for path, group in self.by_digits(document, "groups"):
                self.group(group, path)
        if "campaignGroups" in document:
            for path, group_id in self.by_digits(document, "campaignGroups"):
                self.number_at(path, group_id)

    def campaign(self, campaign: Json, path: str) -> None:
        self.id(campaign, "id", path)
        self.text(campaign, "key", path)
        self.text(campaign, "status", path)
        self.number(
            campaign, "percentTraffic", path, "a number from 0 to 100 (percent of visitors)"
        )
        self.items(campaign, "goals", path)
        for where, variation in self.objects(campaign, "variations", path):
            self.variation(variation, where)
        for key in ("type", "name"):
            if key in campaign:
                self.text(campaign, key, path)
        if "segments" in campaign:
            self.object(campaign, "segments", path)
        if "isBucketingSeedEnabled" in campaign:
            self.flag(campaign, "isBucketingSeedEnabled", path)
        self.variables(campaign, path)

    def variation(self, variation: Json, path: str) -> None:
        self.id(variation, "id", path)
        self.text(variation, "name", path)
        if not isinstance(variation.get("weight"), str):
            self.number(variation, "weight", path, "a number (percent of the campaign's visitors)")
        if "isFeatureEnabled" in variation:
            self.flag(variation, "isFeatureEnabled", path)
        self.variables(variation, path)

    def variables(self, owner: Json, path: str) -> None:
        if "variables" not in owner:
            return
        for where, variable in self.objects(owner, "variables", path):
            self.id(variable, "id", where)
            self.text(variable, "key", where)
            self.text(variable, "type", where)
            value = variable.get("value", MISSING)
            if not isinstance(value, str | bool | int | float | dict):
                raise self.refuse(f"{where}.value", value, "a number, string, bool or object")

    def group(self, group: Any, path: str) -> None:
        if not isinstance(group, dict):
            raise self.refuse(path, group, "an object")
        if "name" in group:
            self.text(group, "name", path)
        if "et" in group:
            self.number(group, "et", path, "1 (random) or 2 (advanced)")
        for key in ("campaigns", "p"):
            if key in group:
                self.numbers(group, key, path)
        members = group.get("campaigns", [])
        if len(set(members)) != len(members):
            found = Description("a list with repetitions")
            raise self.refuse(f"{path}.campaigns", found, "distinct numbers")
        if "wt" in group:
            for campaign_id, weight in self.object(group, "wt", path).items():
                self.number_at(f"{path}.wt.{campaign_id}", weight)

    def id(self, owner: Json, key: str, path: str = "") -> None:
        value = owner.get(key, MISSING)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.refuse(join(path, key), value, "a number or a string")
        self.encodable(join(path, key), value)

    def flag(self, owner: Json, key: str, path: str) -> None:
        if not isinstance(owner[key], bool):
            raise self.refuse(join(path, key), owner[key], "true or false")

    def number(self, owner: Json, key: str, path: str, expected: str) -> None:
        self.number_at(join(path, key), owner.get(key, MISSING), expected)

    def number_at(self, path: str, value: Any, expected: str = "a number") -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
            raise self.refuse(path, value, expected)

    def numbers(self, owner: Json, key: str, path: str) -> None:
        if not isinstance(owner[key], list):
            raise self.refuse(join(path, key), owner[key], "a list of numbers")
        for index, value in enumerate(owner[key]):
            self.number_at(f"{join(path, key)}[{index}]", value)

    def items(self, owner: Json, key: str, path: str = "") -> list[Any]:
        return [] if owner.get(key, MISSING) == {} else super().items(owner, key, path)

    def by_digits(self, owner: Json, key: str) -> list[tuple[str, Any]]:
        found = []
        for number, value in self.object(owner, key).items():
            if not (number.isascii() and number.isdigit()):
                raise self.refuse(f"a key of {key}", number, "digits")
            found.append((f"{key}.{number}", value))
        return found


def is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
