"""``manage.py vwo_settings check`` tells what a document would do, and changes nothing."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line
from django.db import connection, transaction
from django.test import TestCase

from django_vwo.client import get_client
from django_vwo.models import Assignment, SettingsDocument
from tests.conftest import Configure
from tests.documents import DOCUMENT_KEY, ab_test, document, feature_test
from tests.sources.samples import SDK_KEY

pytestmark = pytest.mark.django_db

VISITORS = [f"visitor-{number}" for number in range(40)]
VIEWS = """
def pricing(request):
    request.vwo.activate("pricing-page")
    request.vwo.activate("tset")
    request.vwo.activate(f"{request.path}")
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return a folder with a view and a template."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "views.py").write_text(VIEWS)
    (folder / "page.html").write_text('{% vwo_variable "new-nav" "color" %}{% vwo_track "visit" %}')
    return folder


def saved(tmp_path: Path, *campaigns: dict[str, Any], **changes: Any) -> str:
    path = tmp_path / "new.json"
    path.write_text(json.dumps(document(*campaigns, **changes)))
    return str(path)


def run(*arguments: object, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    call_command("vwo_settings", "check", *map(str, arguments), stdout=out, no_color=True)
    text = out.getvalue()
    assert SDK_KEY not in text
    assert DOCUMENT_KEY not in text
    assert "visitor-" not in text
    return text


def remember() -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        for user_id in VISITORS:
            get_client().activate("pricing-page", user_id)


def test_everything_is_told_and_nothing_is_stored(
    site: Configure, tmp_path: Path, code: Path
) -> None:
    remember()
    new = [
        ab_test(variations=[{"id": 1, "name": "Control", "weight": 80}], percentTraffic=50),
        feature_test(),
        ab_test("later", status="PAUSED"),
    ]
    text = run(saved(tmp_path, *new), "--source", code)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "Account 123456: 3 campaigns, 2 of them running, with 3 goals.",
        "campaigns[0].variations: have weights that sum to 80, not to 100",
        "pricing-page: traffic 100 % -> 50 %",
        "pricing-page: Variation-1 is gone",
        "dark-mode: is gone",
        "later: is new, and not running",
        "campaign visitors keep theirs none any more",
        "pricing-page: 20.0% of those admitted get no variation: "
        "the weights cover 80.0% of the buckets",
    ):
        assert line in lines, text
    assert "Variation-1 -> none" in text
    for line in (
        "views.py:4: activate: there is no campaign 'tset'",
        "views.py:5: activate: which campaign cannot be read from the code",
        "page.html:1: {% vwo_variable %}: the campaign 'new-nav' has no variable 'color'",
        "2 goals that no code names: signup, checkout",
    ):
        assert any(each.endswith(line) for each in lines), text
    assert not SettingsDocument.objects.exists()
    assert Assignment.objects.count() == len(VISITORS)


def test_a_document_that_is_in_service_worries_nobody(site: Configure, tmp_path: Path) -> None:
    text = run(saved(tmp_path), "--source", tmp_path, "--strict")
    assert "It means the same as what is in service, from VWO['SETTINGS_DOCUMENT']." in text
    assert "The user storage is empty." in text
    assert "mismatch" not in text


def test_where_nothing_is_in_service_all_starts(tmp_path: Path) -> None:
    text = run(saved(tmp_path), "--source", tmp_path)
    assert "No document is in service." in text
    assert "dark-mode: starts: feature rollout" in text


def test_visitors_that_keep_the_old_mix_are_told(site: Configure, tmp_path: Path) -> None:
    remember()
    weights = [
        {"id": n, "name": name, "weight": w}
        for n, name, w in ((1, "Control", 5), (2, "Variation-1", 95))
    ]
    text = run(saved(tmp_path, ab_test(variations=weights)), "--source", tmp_path)
    assert "pricing-page: sample ratio mismatch (p " in text
    assert "weights: Control 5.0 %, Variation-1 95.0 %" in text
    assert "after as many new visitors again: Control" in text


@pytest.mark.parametrize(
    "storage",
    [None, {"BACKEND": "django_vwo.storages.memory.MemoryStorage"}],
    ids=["stateless", "elsewhere"],
)
def test_sites_without_a_table_of_visitors_simulate_them(
    site: Configure, tmp_path: Path, storage: dict[str, str] | None
) -> None:
    site(USER_STORAGE=storage)
    weights = [
        {"id": n, "name": name, "weight": w}
        for n, name, w in ((1, "Control", 20), (2, "Variation-1", 80))
    ]
    text = run(saved(tmp_path, ab_test(variations=weights)), "--source", tmp_path)
    assert "As if nobody were remembered" in text
    cells = " ".join(text.split())
    assert "pricing-page 30.0% computed Control -> Variation-1 30.0%" in cells
    assert "nobody changes variation" in run(saved(tmp_path), "--source", tmp_path)


def test_a_database_that_cannot_be_read_is_told_of(site: Configure, tmp_path: Path) -> None:
    if not connection.features.can_rollback_ddl:
        pytest.skip("this database cannot bring a dropped table back")
    get_client()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_vwo_assignment")
        text = run(saved(tmp_path), "--source", tmp_path)
        assert "The user storage cannot be read: django.db.utils." in text
        transaction.set_rollback(True)


def test_json_has_all_of_it(site: Configure, tmp_path: Path, code: Path) -> None:
    remember()
    new = saved(tmp_path, ab_test(variations=[{"id": 1, "name": "Control", "weight": 100}]))
    found = json.loads(run(new, "--json", "--source", code))
    assert found["document"]["running"] == ["pricing-page"]
    assert found["in_service"] == "VWO['SETTINGS_DOCUMENT']"
    assert {
        "kind": "VARIATION_GONE",
        "campaign": "pricing-page",
        "text": "Variation-1 is gone",
    } in (found["changes"])
    fates = found["remembered_visitors"]["pricing-page"]
    assert fates["total"] == len(VISITORS)
    assert {each["fate"] for each in fates["fates"]} == {"KEPT", "MOVED"}
    assert len(fates["examples"]["MOVED"][0]) == 32
    assert found["splits"][0]["variations"] == [{"name": "Control", "weight": 100, "share": 1}]
    assert found["is_lacking"] is True
    assert {each["verdict"] for each in found["code"]["findings"]} == {"LACKING", "UNREAD"}
    assert found["code"]["unused_goals"] == ["signup", "checkout"]


def status(*arguments: object) -> int:
    """Return the exit status of a check that fails."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return caught.value.returncode


def test_the_exit_status_says_how_it_went(site: Configure, tmp_path: Path, code: Path) -> None:
    new = saved(tmp_path)
    assert status(new, "--source", code, "--strict") == 2
    assert "there is no campaign 'tset'" in run(new, "--source", code)
    (code / "views.py").write_text("request.vwo.activate(key)")
    (code / "page.html").unlink()
    run(new, "--source", code, "--strict")
    (code / "views.py").write_text('request.vwo.activate("later")')
    paused = saved(tmp_path, ab_test(), ab_test("later", status="PAUSED"))
    run(paused, "--source", code, "--strict")
    other_type = saved(tmp_path, {**feature_test(), "key": "later"})
    assert status(other_type, "--source", code, "--strict") == 2
    assert status(saved(tmp_path, accountId=99), "--source", code) == 1
    assert status(tmp_path / "missing.json") == 1
    assert status(new, "--source", tmp_path / "missing") == 1


def test_the_exit_status_reaches_the_shell(site: Configure, tmp_path: Path, code: Path) -> None:
    arguments = ["check", saved(tmp_path), "--source", str(code), "--strict"]
    with pytest.raises(SystemExit) as caught:
        execute_from_command_line(["manage.py", "vwo_settings", *arguments])
    assert caught.value.code == 2


@pytest.mark.parametrize("content", ["", "<html>", "{}", '{"a": ', "[]", "\ufeff null"])
def test_what_cannot_be_used_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "new.json"
    path.write_text(content)
    with pytest.raises(CommandError, match=r"new\.json"):
        run(path)


def test_standard_input_is_read(
    site: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(document())))
    assert "It means the same" in run("-", "--source", tmp_path)


def test_names_cannot_write_to_the_terminal(site: Configure, tmp_path: Path) -> None:
    text = run(saved(tmp_path, ab_test("evil\x1b[2J\nline")), "--source", tmp_path)
    assert "\x1b" not in text
    assert "evil\\x1b[2J\\nline" in text


def test_a_terminal_sees_a_bar(
    site: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    remember()
    run(saved(tmp_path), "--source", tmp_path, out=Terminal())
    assert "100%" in capsys.readouterr().err


def test_simulated_shares_are_whole_percents_of_so_many_visitors(
    site: Configure, tmp_path: Path
) -> None:
    members = [ab_test(f"test-{number}", id=number) for number in (1, 2)]
    new = saved(
        tmp_path,
        *members,
        groups={"7": {"name": "", "campaigns": [1, 2]}},
        campaignGroups={"1": 7, "2": 7},
    )
    counted = r"10,000 simulated, [45],\d\d\d entered"
    split = rf"test-1 +\d\d% .*Control \d\d%, Variation-1 \d\d% +{counted}"
    assert re.search(split, run(new, "--source", tmp_path))
    site(USER_STORAGE=None)
    assert re.search(r"test-1 +\d\d% +10,000 simulated ", run(new, "--source", tmp_path))
    (found, _) = json.loads(run(new, "--json", "--source", tmp_path))["splits"]
    assert found["simulated_visitors"] == 10_000


def test_of_many_campaigns_that_no_code_names_the_first_are_told(
    site: Configure, tmp_path: Path
) -> None:
    new = saved(tmp_path, *(ab_test(f"test-{n}", id=n, goals=[]) for n in range(25)))
    text = run(new, "--source", tmp_path)
    assert "25 campaigns that no code names: test-0, " in text
    assert "test-19 and 5 more\n" in text
    found = json.loads(run(new, "--source", tmp_path, "--json"))
    assert len(found["code"]["unused_campaigns"]) == 25


def test_a_thousand_campaigns_are_checked(site: Configure, tmp_path: Path) -> None:
    many = [ab_test(f"test-{number}", id=number) for number in range(1_000)]
    text = run(saved(tmp_path, *many), "--source", tmp_path)
    assert text.count("computed") == 1_000
