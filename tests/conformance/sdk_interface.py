"""
The interface of the official SDK as JSON: run with the Python of its own environment.

Its methods take their keywords as `**kwargs`, so these are read from its source: whatever a
function gets out of `kwargs` by name.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import vwo
from vwo.vwo import VWO

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def wrapped(method: Any) -> Callable[..., Any]:
    """Return the function that the SDK's wrapper around *method* calls."""
    cells = [cell.cell_contents for cell in method.__closure__]
    return next(content for content in cells if inspect.isfunction(content))


def described(function: Callable[..., Any]) -> dict[str, list[str]]:
    """Return the parameters of *function*, in order, and the keywords that it reads beside."""
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind in POSITIONAL]
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {
        "parameters": [name for name in names if name != "vwo_instance"],
        "keywords": sorted(
            {ast.literal_eval(node.args[0]) for node in ast.walk(tree) if reads_keyword(node)}
        ),
    }


def reads_keyword(node: ast.AST) -> bool:
    """Return whether *node* is `kwargs.get(...)`."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "kwargs.get"


def interface() -> dict[str, Any]:
    """Return everything that a site can call."""
    methods = {name: method for name, method in vars(VWO).items() if not name.startswith("_")}
    return {
        "methods": {name: described(wrapped(method)) for name, method in methods.items()},
        "launch": described(vwo.launch),
        "module": sorted(
            name
            for name, value in vars(vwo).items()
            if not name.startswith("_") and not inspect.ismodule(value)
        ),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(interface()))
