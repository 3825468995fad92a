"""Calls of the client in Python code, read without running it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .constants import Names, Parts, assignments, names_in, parts_of
from .library import Library
from .receivers import Receiver, dotted_name, imports_package, receiver_of, receivers_in
from .uses import TAKES, Texts, Use

CALLS = {**{name: name for name in TAKES}, **{f"a{name}": name for name in TAKES}}
"""The methods that name campaigns, async twins included."""
CLEAR = frozenset(TAKES) - {"activate", "track"}
"""Those whose names no other library is likely to have."""
PARAMETERS: dict[str, tuple[str, ...]] = {
    "activate": ("campaign_key", "user_id"),
    "get_variation_name": ("campaign_key", "user_id"),
    "is_feature_enabled": ("campaign_key", "user_id"),
    "get_feature_variable_value": ("campaign_key", "variable_key", "user_id"),
    "track": ("campaign_specifier", "user_id", "goal_identifier"),
}
"""In the client's order; the visitor's own client has no ``user_id``."""
VISITOR_TRACK = ("goal_identifier", "campaigns")
DECORATOR = ("goal", "campaigns")


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeUse:
    """A use whose names have not been looked up yet."""

    path: Path
    line: int
    call: str
    campaigns: Parts = ()
    goals: Parts = ()
    variables: Parts = ()
    client: str = ""
    """What it is called on, where another module has to tell that this is a client."""
    bases: tuple[str, ...] = ()
    """Those of a view's class, where they have to tell that it tracks goals."""

    def is_certain(self, library: Library) -> bool:
        """Return whether this is a use, and no call of something else."""
        if self.client:
            return library.is_client(self.client, self.path)
        return not self.bases or library.tracks_goals(self.bases, self.path)

    def looked_up(self, library: Library, shown: str) -> Use:
        """Return the use with its names looked up in *library*, its file called *shown*."""

        def texts(parts: Parts) -> Texts:
            return library.texts(parts, self.path)

        return Use(
            path=shown,
            line=self.line,
            call=self.call,
            campaigns=texts(self.campaigns),
            goals=texts(self.goals),
            variables=texts(self.variables),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """What matters of one Python file."""

    names: Names
    uses: tuple[CodeUse, ...]


def read_module(source: bytes, path: Path) -> Module:
    """Return what matters of a file. Raises `SyntaxError`, or `ValueError`, if it is broken."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
        except (RecursionError, MemoryError):
            raise ValueError("nested too deeply") from None
    return Module(names=names_in(tree), uses=tuple(uses_in(tree, path)))


def uses_in(tree: ast.Module, path: Path) -> Iterator[CodeUse]:
    """Yield the calls of the client in a module."""
    receivers = receivers_in(tree)
    is_ours = imports_package(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from uses_of_mixin(node, path)
        elif isinstance(node, ast.Call):
            called = dotted_name(node.func).rpartition(".")[2]
            if called == "track_goal":
                yield from goal_use(node, path, DECORATOR)
            elif isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
                receiver = receiver_of(node.func.value, receivers)
                call = CALLS[node.func.attr]
                found = uses_of_call(node, call, receiver, path)
                if receiver is Receiver.UNKNOWN and not (is_ours and is_likely(node, call)):
                    client = dotted_name(node.func.value)
                    found = (replace(use, client=client) for use in found if client)
                yield from found


def is_likely(node: ast.Call, call: str) -> bool:
    """Return whether a call looks like one of the client's, whatever it is called on."""
    return call in CLEAR or arguments(node, PARAMETERS[call]).keys() >= set(PARAMETERS[call])


def uses_of_call(node: ast.Call, call: str, receiver: Receiver, path: Path) -> Iterator[CodeUse]:
    """Yield the use that *node* is, unless it lacks what it is about."""
    parameters = PARAMETERS[call]
    if receiver is Receiver.VISITOR:
        parameters = tuple(name for name in parameters if name != "user_id")
    if call == "track" and receiver is Receiver.VISITOR:
        yield from goal_use(node, path, VISITOR_TRACK)
        return
    given = arguments(node, parameters)
    if call == "track":
        yield from goal_use(node, path, parameters)
    elif "campaign_key" in given:
        variables = parts_of(given["variable_key"]) if "variable_key" in given else ()
        yield CodeUse(
            path=path,
            line=node.lineno,
            call=call,
            campaigns=required(given["campaign_key"]),
            variables=variables,
        )


def goal_use(node: ast.Call, path: Path, parameters: tuple[str, ...]) -> Iterator[CodeUse]:
    """Yield the use of a goal in a call that takes *parameters*."""
    given = arguments(node, parameters)
    goal = given.get("goal_identifier") or given.get("goal")
    campaigns = given.get("campaigns") or given.get("campaign_specifier")
    if goal is not None:
        yield CodeUse(
            path=path,
            line=node.lineno,
            call="track",
            campaigns=parts_of(campaigns),
            goals=required(goal),
        )


def arguments(node: ast.Call, parameters: tuple[str, ...]) -> dict[str, ast.expr]:
    """Return the arguments of a call by parameter; what is unpacked stands for all that follow."""
    given: dict[str, ast.expr] = {}
    for index, argument in enumerate(node.args):
        if isinstance(argument, ast.Starred):
            given |= dict.fromkeys(parameters[index:], argument)
            break
        if index < len(parameters):
            given[parameters[index]] = argument
    for keyword in node.keywords:
        if keyword.arg in parameters:
            given[keyword.arg] = keyword.value
        elif keyword.arg is None:  # campaigns may be left out, and then mean them all
            hidden = set(parameters) - given.keys() - {"campaigns"}
            given |= dict.fromkeys(hidden, keyword.value)
    return given


def required(node: ast.expr) -> Parts:
    """Return what an argument may be that cannot be left out."""
    return parts_of(node) or None


def uses_of_mixin(node: ast.ClassDef, path: Path) -> Iterator[CodeUse]:
    """Yield the goal that a view's class has."""
    bases = tuple(filter(None, map(dotted_name, node.bases)))
    values = dict(assignments(node.body))
    if bases and (goal := values.get("goal_identifier")):
        yield CodeUse(
            path=path,
            line=goal.lineno,
            call="track",
            campaigns=parts_of(values.get("goal_campaigns")),
            goals=required(goal),
            bases=bases,
        )
