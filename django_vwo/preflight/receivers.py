"""On what a method is called in Python code: on a client of this package, or on something else."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import Enum


def dotted_name(node: ast.expr) -> str:
    """Return ``a.b.c`` for an expression that is no more than that, else ""."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(names)])


class Receiver(Enum):
    """On what a method is called."""

    VISITOR = 1
    """The client of a request, which knows who visits."""
    CLIENT = 2
    """The process's client, or one built by hand."""
    UNKNOWN = 3


MAKERS = {"get_client": Receiver.CLIENT, "Client": Receiver.CLIENT, "client_of": Receiver.VISITOR}


def imports_package(tree: ast.Module) -> bool:
    """Return whether a module imports anything of this package."""
    package = __name__.partition(".")[0]
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.partition(".")[0] == package for name in names):
            return True
    return False


def receivers_in(tree: ast.Module) -> Mapping[str, Receiver]:
    """Return which names, and attributes, the module gives a client to."""
    found: dict[str, Receiver] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[target], value=value):
                pass
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pass
            case ast.NamedExpr(target=target, value=value):
                pass
            case _:
                continue
        name = dotted_name(target)
        receiver = receiver_of(value, {})
        if name and receiver is not Receiver.UNKNOWN:
            found[name] = receiver if found.get(name, receiver) is receiver else Receiver.UNKNOWN
    return found


def receiver_of(node: ast.expr, receivers: Mapping[str, Receiver]) -> Receiver:
    """Return what *node* is, as far as its looks tell."""
    if isinstance(node, ast.NamedExpr):
        node = node.value
    if isinstance(node, ast.Call):
        return MAKERS.get(dotted_name(node.func).rpartition(".")[2], Receiver.UNKNOWN)
    name = dotted_name(node)
    if name in receivers:
        return receivers[name]
    is_visitor = name == "vwo" or (isinstance(node, ast.Attribute) and node.attr == "vwo")
    return Receiver.VISITOR if is_visitor else Receiver.UNKNOWN
