"""Code written for the official SDK: each of its calls is taken, or the docs say what to do."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from django_vwo.client import Client
from tests.builders import campaign, document, feature_test

from .oracle import environment_python

pytestmark = pytest.mark.conformance

INTERFACE = Path(__file__).with_name("sdk_interface.py")
PAGE = (Path(__file__).parents[2] / "docs" / "moving.rst").read_text()
REPLACED = {"flush_events", "get_and_update_settings_file", "set_opt_out"}
"""The methods that `Client` does not have."""
ARGUMENTS = {
    "campaign_key": "",
    "campaign_specifier": "",
    "user_id": "Bob",
    "goal_identifier": "signup",
    "variable_key": "colour",
}
VALUES: dict[str, Any] = {
    "user_agent": "Mozilla/5.0",
    "user_ip_address": "192.0.2.1",
    "goal_type_to_track": "ALL",
    "revenue_value": 5,
}
"""What is given for a keyword; an empty dict for all others."""


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    """Return the official SDK's interface."""
    command = [str(environment_python()), str(INTERFACE)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command))
    return found


def old_column() -> str:
    """Return what the tables of the page have on the left."""
    return "\n".join(re.findall(r"^   \* - (.*)$", PAGE, re.MULTILINE))


def test_each_method_is_there_or_is_replaced(official: dict[str, Any]) -> None:
    missing = {name for name in official["methods"] if not hasattr(Client, name)}
    assert missing == REPLACED
    assert "activate" in official["methods"]


def test_arguments_go_in_the_same_order(official: dict[str, Any]) -> None:
    for name in official["methods"].keys() - REPLACED:
        ours = list(inspect.signature(getattr(Client, name)).parameters.values())[1:]
        positional = [each.name for each in ours if each.kind is each.POSITIONAL_OR_KEYWORD]
        assert positional == official["methods"][name]["parameters"], name


def test_each_keyword_is_taken(official: dict[str, Any]) -> None:
    client = Client(document(campaign(), feature_test()), development_mode=True, raise_errors=True)
    for name in official["methods"].keys() - REPLACED:
        keywords = official["methods"][name]["keywords"]
        assert set(keywords) <= inspect.signature(getattr(Client, name)).parameters.keys(), name
        if name not in ("activate", "push"):  # which a feature test, and nobody's keywords, are for
            keys = {"campaign_key": "feature", "campaign_specifier": "feature"}
            given = {
                **keys,
                "goal_identifier": "signup",
                "variable_key": "colour",
                "user_id": "Bob",
            }
            args = [given[each] for each in official["methods"][name]["parameters"]]
            options = {keyword: VALUES.get(keyword, {}) for keyword in keywords}
            assert getattr(client, name)(*args, **options) is not None, name


@pytest.mark.parametrize("kind", ["methods", "module"])
def test_each_name_is_in_the_table(official: dict[str, Any], kind: str) -> None:
    owner = "instance" if kind == "methods" else "vwo"
    names = official[kind]
    assert [name for name in names if f"``{owner}.{name}" not in old_column()] == []


def test_each_option_of_launch_is_in_the_table(official: dict[str, Any]) -> None:
    launch = official["launch"]
    options = [*launch["parameters"], *launch["keywords"]]
    assert len(options) == 9
    assert [name for name in options if f"``{name}``" not in old_column()] == []


def test_the_table_has_no_call_that_is_not_there(official: dict[str, Any]) -> None:
    named = re.findall(r"``instance\.(\w+)\((.*?)\)``", old_column())
    assert len(named) >= len(official["methods"])
    for name, arguments in named:
        names = [each for each in arguments.split(", ") if each not in ("", "**options")]
        assert set(names) <= {*official["methods"][name]["parameters"]}, name
