"""The page on moving from VWO's own SDKs: its code works, and what it names exists."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import get_commands, load_command_class
from django.test import RequestFactory

from django_vwo.client import Client
from django_vwo.conf import read_settings
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.sdk import SDKStorage
from django_vwo.visitors import RequestClient

from .documents import document
from .services import REDIS_URL, require_service

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "moving.rst").read_text()
BLOCK = re.compile(r"^( *)\.\. code-block:: (\w+)\n\n((?:\1 {3}.*\n|\n)+)", re.MULTILINE)
NEW_CALL = re.compile(r"``request\.(vwo\.\w+\(.*?\))``")
COMMAND = re.compile(r"(?:``|\$ python )manage\.py ([^`\n]*)")


def blocks(language: str) -> list[str]:
    """Return the page's code blocks in *language*."""
    found = [(name, text) for _indent, name, text in BLOCK.findall(PAGE)]
    return [textwrap.dedent(text).strip() for name, text in found if name == language]


def block_with(words: str) -> str:
    [found] = [block for block in blocks("python") if words in block]
    return found


def run(code: str, **names: Any) -> dict[str, Any]:
    """Return the names that *code* leaves."""
    exec(compile(code, "moving.rst", "exec"), names)
    return names


def test_the_settings_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VWO_SDK_KEY", "a-key")
    code = block_with('"USER_ID": "mysite').replace("mysite.visitors.visitor_id", "json.loads")
    first = run(f"import os\n{code}")["VWO"]
    for words in ('VWO["USER_STORAGE"] = None', "SDKStorage"):
        read_settings(run(block_with(words), VWO=first)["VWO"])


def test_the_ids_are_those_that_the_site_has() -> None:
    visitor_id = run(block_with("def visitor_id"))["visitor_id"]
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert visitor_id(request) is None
    request.COOKIES["visitor_id"] = "abc"
    assert visitor_id(request) == "abc"
    request.user = User(pk=42)
    assert visitor_id(request) == "user-42"


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_the_storage_in_redis_goes_on_with_the_sdks_keys() -> None:
    require_service(REDIS_URL)
    storage = run(block_with("class UserStorage"))["UserStorage"]
    user_id, key = f"test {uuid4()}", "pricing-page"
    with storage().redis as server:
        try:
            server.set(
                f"{key}:{user_id}", f'{{"campaignKey": "{key}", "variationName": "Control"}}'
            )
            vwo = Client(document(), storage=SDKStorage(storage), recorder=MemoryRecorder())
            assert vwo.activate(key, user_id) == "Control"
            assert vwo.track(key, user_id, "signup") == {key: True}
            assert vwo.track(key, user_id, "signup") == {key: False}
            assert b'"goalIdentifiers": "signup"' in server.get(f"{key}:{user_id}")
        finally:
            server.delete(f"{key}:{user_id}")


def test_each_new_call_can_be_made() -> None:
    calls = NEW_CALL.findall(PAGE)
    assert len(calls) >= 8
    for call in calls:
        node = ast.parse(call, mode="eval").body
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Attribute)
        method = getattr(RequestClient, node.func.attr)
        inspect.signature(method).bind("self", *node.args)


def test_each_command_exists_and_takes_its_options() -> None:
    commands = COMMAND.findall(PAGE)
    assert {command.split()[0] for command in commands} == {
        *("vwo_settings", "vwo_deliver", "vwo_explain", "vwo_import_assignments"),
        "vwo_import_events",
    }
    for command in commands:
        name, *arguments = shlex.split(command)
        if arguments:
            parser = load_command_class(get_commands()[name], name).create_parser("", name)
            parser.parse_args(arguments)


def test_each_setting_exists() -> None:
    named = set(re.findall(r'VWO\["(\w+)"\]', PAGE))
    assert len(named) >= 6
    read_settings({"ACCOUNT_ID": "1"})  # which refuses unknown keys
    lines = (DOCS / "settings.rst").read_text()
    assert [name for name in named if f"``{name}``" not in lines] == []
