"""Optimizely's audiences: from lists of conditions to a tree that can be evaluated."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ...engine.entities import Segment
from ...engine.segments import All, AnyOf, Never, Not
from ...engine.values import unchanging
from ..base import TODAY
from ..paths import Path, path_text
from .leaves import HasAttributes, Unknown, read_equality, read_leaf

Json = Mapping[str, Any]
Leaves = dict[tuple[Any, ...], Segment]
"""What was read of the conditions of one datafile, which has many of them again and again."""

MAX_DEPTH = 100
"""Deeper trees are not evaluated: they could exhaust a request's stack."""
DECODER = json.JSONDecoder()
TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"

OPERATORS = ("and", "or", "not")
CONTAINERS = (list, dict)

Report = Callable[[str, str], None]
"""Takes a path in the document and what is wrong there."""

ReadPart = Callable[[Any, Path], Segment]
"""Takes what stands at the end of a tree, and its path."""


def read_audiences(document: Json, generation: str, report: Report) -> dict[str, Segment]:
    """
    Return what each audience of a checked *document* asks for, by the audience's id.

    What is wrong in one is reported, not raised, and counts as unknown.
    """
    leaves: Leaves = {}
    return {
        audience_id: read_conditions(conditions, generation, report, leaves)
        for audience_id, conditions in conditions_by_id(document, generation).items()
    }


@unchanging()
class Conditions:
    """The conditions of one audience, as a document has them."""

    path: str
    value: Any
    is_text: bool
    """Whether they are the text of a JSON tree, not the tree itself."""

    def decode(self) -> tuple[Any, list[Json]]:
        """Return tree and objects as `decode` does, with its errors."""
        return decode(self.value) if self.is_text else numbered(self.value)

    def check(self) -> None:
        """Raise what `decode` raises for a text."""
        DECODER.decode(self.value)


def conditions_by_id(document: Json, generation: str) -> dict[str, Conditions]:
    """
    Return the conditions that count for each audience, by the audience's id.

    Of several audiences with one id the last counts, and typed ones before all others.
    """
    keys = ["audiences"]
    if generation == TODAY and "typedAudiences" in document:
        keys.append("typedAudiences")
    return {
        audience["id"]: Conditions(
            f"{key}[{index}].conditions", audience["conditions"], is_text=key == "audiences"
        )
        for key in keys
        for index, audience in enumerate(document[key])
    }


def decode(text: str) -> tuple[Any, list[Json]]:
    """
    Return the tree that *text* holds, with numbers in place of its objects, and those objects.

    Objects are numbered as they close, those within others too: the official SDKs see an operand
    that is an object as its number. Raises `ValueError` unless *text* is JSON, and `RecursionError`
    where it nests too deeply.

    >>> decode('["or", {"name": "plan"}, {"name": "city"}]')
    (['or', 0, 1], [{'name': 'plan'}, {'name': 'city'}])
    """
    objects: list[Json] = []

    def number(found: Json) -> int:
        objects.append(found)
        return len(objects) - 1

    return json.JSONDecoder(object_hook=number).decode(text), objects


def numbered(value: Any) -> tuple[Any, list[Json]]:
    """
    Return what `decode` does, for a tree that is decoded already.

    >>> numbered(["or", {"name": "plan"}, {"name": "city"}])
    (['or', 0, 1], [{'name': 'plan'}, {'name': 'city'}])
    """
    objects: list[Json] = []

    def number(node: Any) -> Any:
        if isinstance(node, list):
            return [number(each) for each in node]
        if isinstance(node, dict):
            objects.append(
                {
                    key: number(each) if isinstance(each, CONTAINERS) else each
                    for key, each in node.items()
                }
            )
            return len(objects) - 1
        return node

    try:
        return number(value), objects
    except RecursionError:  # the decoder goes deeper
        return decode(json.dumps(value))


def read_conditions(
    conditions: Conditions, generation: str, report: Report, leaves: Leaves
) -> Segment:
    """Return what the conditions of one audience ask for."""
    reader = read_leaf if generation == TODAY else read_equality
    try:
        tree, objects = conditions.decode()
    except RecursionError:
        return unknown(conditions.path, TOO_DEEP, report)

    def read_part(node: Any, where: Path) -> Segment:
        try:
            condition = objects[node]
        except (IndexError, TypeError):
            return unknown(where, "is no condition", report)
        try:
            return leaf_of(condition, reader, leaves)
        except ValueError as error:
            return unknown(where, f"cannot be evaluated ({error})", report)

    return Tree(generation, report, read_part).read(tree, conditions.path)


def leaf_of(condition: Json, reader: Callable[[Json], Segment], leaves: Leaves) -> Segment:
    """Return the leaf that *condition* describes, the same for equal ones. Raises `ValueError`."""
    # The type, as True is equal to 1.
    key = (type(condition.get("value")), *condition.items())
    try:
        leaf = leaves.get(key)
    except TypeError:  # a list is no key
        return reader(condition)
    if leaf is None:
        leaf = leaves[key] = reader(condition)
    return leaf


def segment_of(
    experiment: Json, audiences: Mapping[str, Segment], generation: str, path: str, report: Report
) -> Segment | None:
    """Return whom *experiment*, which stands at *path*, is for; None: everybody."""

    def read_part(node: Any, where: Path) -> Segment:
        found = audiences.get(node) if isinstance(node, str) else None
        if found is None:
            return unknown(where, "is no audience of the datafile", report)
        return found

    if generation != TODAY:
        ids = experiment.get("audienceIds") or ()
        where = f"{path}.audienceIds"
        parts = tuple(read_part(each, f"{where}[{index}]") for index, each in enumerate(ids))
        return All((HasAttributes(), AnyOf(parts))) if parts else None
    key = "audienceIds" if experiment.get("audienceConditions") is None else "audienceConditions"
    tree = experiment.get(key)
    if tree is None or tree == []:
        return None
    return Tree(generation, report, read_part).read(tree, f"{path}.{key}")


@unchanging()
class Tree:
    """The reading of one tree of lists that begin with an operator."""

    generation: str
    report: Report
    read_part: ReadPart

    def read(self, node: Any, path: Path, depth: int = 0) -> Segment:
        if depth > MAX_DEPTH:
            return unknown(path, TOO_DEEP, self.report)
        if not isinstance(node, list):
            return self.read_part(node, path)
        operator = node[0] if node and node[0] in OPERATORS else ""
        if not operator and (not node or self.generation != TODAY):
            return self.never(path, "does not begin with an operator")
        if operator == "not":
            return self.read_not(node, path, depth)
        parts = tuple(
            [
                self.read(node[index], (path, index), depth + 1)
                for index in range(1 if operator else 0, len(node))
            ]
        )
        if len(parts) == 1:  # as datafiles have them again and again
            return parts[0]
        return All(parts) if operator == "and" else AnyOf(parts)

    def read_not(self, node: list[Any], path: Path, depth: int) -> Segment:
        if self.generation != TODAY and len(node) != 2:
            return self.never(path, "has not one operand")
        if len(node) < 2:
            return unknown(path, "has no operand", self.report)
        return Not(self.read(node[1], (path, 1), depth + 1))

    def never(self, path: Path, message: str) -> Segment:
        self.report(path_text(path), f"{message}: nobody meets it")
        return Never(f"a list that {message}")


def unknown(path: Path, message: str, report: Report) -> Unknown:
    where = path_text(path)
    report(where, f"{message}: it cannot be told who meets it")
    return Unknown(f"{where}: {message}")
