"""The page of faults names, in each row, tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.rst"
ROWS = 43


def held_by() -> dict[int, list[tuple[str, str]]]:
    """Return the tests of each row: their file and their name."""
    table = PAGE.read_text().split("What no test here can do")[0]
    found = re.split(r"^   \* - (\d+)$", table, flags=re.MULTILINE)[1:]
    return {
        int(number): re.findall(r"\| ``(tests/\S+\.py)``\n\s+\| ``(test_\w+)``", text)
        for number, text in zip(found[::2], found[1::2], strict=True)
    }


@pytest.mark.parametrize("number", range(1, ROWS + 1))
def test_each_row_is_held_by_tests_that_exist(number: int) -> None:
    tests = held_by()[number]

    assert tests
    for file, name in tests:
        assert name in functions(ROOT / file), f"{file} has no {name}"


def functions(path: Path) -> set[str]:
    """Return the names of all functions of a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}
