"""The docs, held against the code."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from django_vwo.conf import AppSettings
from tests.conformance.differences import DIFFERENCES
from tests.conformance.optimizely.differences import DIFFERENCES as FROM_OPTIMIZELY

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROW = re.compile(r"^   \* - \*\*(.+?)\*\*$(.+?)^     - ``(tests/.+?)``$", re.MULTILINE | re.DOTALL)


def told_differences() -> list[tuple[str, str]]:
    """Return the name of each difference that the docs tell, and the test that holds it."""
    text = (DOCS / "differences.rst").read_text()
    return [(name, test) for name, _, test in ROW.findall(text)]


@pytest.mark.parametrize("name", [item.name.upper() for item in fields(AppSettings)])
def test_every_setting_has_a_line(name: str) -> None:
    assert f"``{name}``" in (DOCS / "settings.rst").read_text()


def test_what_the_suite_excuses_is_told() -> None:
    told = told_differences()[: len(DIFFERENCES)]
    assert sorted(told) == sorted((each.name, each.held_by) for each in DIFFERENCES)
    told = told_differences()[-len(FROM_OPTIMIZELY) :]
    excused = [(each.name.replace("`", ""), each.held_by) for each in FROM_OPTIMIZELY]
    assert sorted(told) == sorted(excused)


@pytest.mark.parametrize("told", told_differences(), ids=[name for name, _ in told_differences()])
def test_a_test_holds_each_difference(told: tuple[str, str]) -> None:
    path, _, name = told[1].partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_row_of_differences_is_read() -> None:
    text = (DOCS / "differences.rst").read_text()
    assert len(told_differences()) == text.count("   * - **")
