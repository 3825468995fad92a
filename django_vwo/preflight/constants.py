"""Texts that Python code gives a name to, so that a name in a call can be read."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .receivers import Receiver, dotted_name, imports_package, receivers_in


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the code, dotted or not, that may stand for texts."""

    dotted: str


Parts = tuple[str | Name, ...] | None
"""What an expression may be, names not looked up yet; None: it is nothing that can be read."""


def parts_of(node: ast.expr | None) -> Parts:
    """Return the texts and names that *node* may be: a text, some, one of two, or none at all."""
    match node:
        case None | ast.Constant(value=None):
            return ()
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return joined([parts_of(item) for item in items])
        case ast.IfExp(body=one, orelse=other):
            return joined([parts_of(one), parts_of(other)])
        case ast.Name() | ast.Attribute():
            dotted = dotted_name(node)
            return (Name(dotted),) if dotted else None
    return None


def joined(found: list[Parts]) -> Parts:
    texts: list[str | Name] = []
    for parts in found:
        if parts is None:
            return None
        texts += parts
    return tuple(texts)


@dataclass(slots=True)
class Names:
    """What the names of one module stand for."""

    constants: dict[str, Parts] = field(default_factory=dict)
    """By name, ``Class.NAME`` included; only what is given a value once."""
    imports: dict[str, str] = field(default_factory=dict)
    """Local name to the dotted one that it was imported as, relative ones with their dots."""
    clients: frozenset[str] = frozenset()
    """The names that are given a client of this package."""
    bases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By name of a class, the dotted names of those that it is made from."""


def names_in(tree: ast.Module) -> Names:
    """Return what the names of a module stand for, as far as they are bound once and simply."""
    counts = Counter(bound_names(tree))
    found = Names()
    for name, value in assignments(tree.body):
        if counts[name] == 1:
            found.constants[name] = parts_of(value)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and counts[node.name] == 1:
            found.bases[node.name] = tuple(filter(None, map(dotted_name, node.bases)))
            found.constants |= attributes_of(node)
    for name, dotted in imported(tree):
        if counts[name] <= 1:
            found.imports[name] = dotted
    if imports_package(tree):
        given = receivers_in(tree).items()
        found.clients = frozenset(name for name, kind in given if kind is Receiver.CLIENT)
    return found


def attributes_of(node: ast.ClassDef) -> dict[str, Parts]:
    """Return what a class's attributes stand for, ``Class.NAME`` each; a choice, its value."""
    is_choices = any(dotted_name(base).endswith("Choices") for base in node.bases)
    pairs = list(assignments(node.body))
    once = Counter(name for name, _ in pairs)
    return {
        f"{node.name}.{name}": parts_of(value_of(value) if is_choices else value)
        for name, value in pairs
        if once[name] == 1
    }


def value_of(choice: ast.expr) -> ast.expr:
    """Return the value of a choice that may have a label."""
    return choice.elts[0] if isinstance(choice, ast.Tuple) and choice.elts else choice


def assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name that a statement of *body* gives a value, and the value."""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def bound_names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that is bound anywhere in the module but as a class's attribute."""
    attributes = {
        id(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        for target in ast.walk(statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if id(node) not in attributes:
                yield name
            case ast.arg(arg=name) | ast.ClassDef(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname) if asname or "." not in name:
                yield asname or name


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each imported name with what it was imported as."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole, first = alias.name, alias.name.partition(".")[0]
                yield (alias.asname, whole) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            for alias in node.names:
                separator = "." if node.module else ""
                yield alias.asname or alias.name, f"{source}{separator}{alias.name}"
