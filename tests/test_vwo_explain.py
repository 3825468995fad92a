"""``manage.py vwo_explain`` tells what a page would decide, and why; and changes nothing."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from django_vwo.client import get_client
from django_vwo.engine.entities import Visitor
from django_vwo.explaining import VariableError, read_variables
from django_vwo.models import Assignment, Event
from django_vwo.storages.memory import MemoryStorage

from .builders import custom
from .conftest import Configure, Serve
from .documents import DOCUMENT_KEY, ab_test, document, only

pytestmark = pytest.mark.django_db

FOR_GOLD = ab_test(segments={"and": [custom("plan", "lower(GOLD)"), custom("seats", "gt(5)")]})
WHITELIST = [
    {"id": 1, "name": "Control", "weight": 50, "segments": custom("vip", "yes")},
    {"id": 2, "name": "Variation-1", "weight": 50},
]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("vwo_explain", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def failure(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert DOCUMENT_KEY not in str(caught.value)
    return str(caught.value)


# --- Bad input -----------------------------------------------------------------------------------


def test_an_unknown_campaign_is_told_with_those_that_are_known(site: Configure) -> None:
    said = failure("ann@example.com", "pricing-page")
    assert "known: 'pricing-page', 'new-nav', 'dark-mode'" in said
    assert "ann@example.com" not in said


def test_a_paused_campaign_is_told(site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test(status="PAUSED")))
    assert "'pricing-page' is not running" in failure("pricing-page", "ann")


@pytest.mark.parametrize("user", ["", "\udcff"])
def test_a_user_id_that_cannot_be_one_is_told(site: Configure, user: str) -> None:
    assert "user_id (str) cannot be used" in failure("pricing-page", user)


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--var", ["plan"], "--var (number 1) is not of the form NAME=VALUE."),
        ("--var", ["plan=gold", "=5"], "--var (number 2) is not"),
        ("--targeting", ["vip"], "--targeting (number 1) is not"),
        ("--var-json", ["plan"], "--var-json (number 1) is not"),
        ("--var-json", ["plan=gold"], "--var-json: a value is not JSON."),
        ("--var-json", ["plan=" + "[" * 100_000], "--var-json: a value is not JSON."),
        ("--targeting-json", ["vip={"], "--targeting-json: a value is not JSON."),
    ],
)
def test_what_is_no_variable_is_told(
    site: Configure, option: str, given: list[str], said: str
) -> None:
    options = [part for value in given for part in (option, value)]
    assert said in failure("pricing-page", "ann", *options)


def test_a_missing_document_is_told() -> None:
    assert "No settings document is in service" in failure("pricing-page", "ann")


def test_a_file_that_is_none_is_told(site: Configure, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    assert "No such file" in failure("pricing-page", "ann", "--file", str(path))
    path.write_text(json.dumps(document(accountId=99)))
    assert "accountId is '99'" in failure("pricing-page", "ann", "--file", str(path))


def test_a_database_without_tables_is_told(site: Configure) -> None:
    if not connection.features.can_rollback_ddl:
        pytest.skip("this database cannot bring a dropped table back")
    get_client().activate("pricing-page", "ann")  # before the document is looked for
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_vwo_assignment")
        assert "The database cannot be used: " in failure("pricing-page", "ann")
        transaction.set_rollback(True)


class BrokenStorage(MemoryStorage):
    """Reads nothing."""

    def read(self, visitor: Visitor, goal_identifier: str | None = None) -> Any:
        raise ConnectionError(visitor.user_id)


def test_user_storage_that_fails_is_told_without_the_user_id(site: Configure) -> None:
    site(USER_STORAGE={"BACKEND": f"{__name__}.BrokenStorage"})
    said = failure("pricing-page", "ann@example.com")
    assert said.startswith("Nothing could be decided: builtins.ConnectionError at ")
    assert "ann@example.com" not in said
    assert "(bucketed)" in run("pricing-page", "ann@example.com", "--without-storage")


# --- What it tells -------------------------------------------------------------------------------


def test_a_decision_is_told_step_by_step(site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(FOR_GOLD))
    said = run("pricing-page", "Bob", "--var", "plan=gold", "--var-json", "seats=7")
    assert said.splitlines() == [
        "Visitor 8A5EB837980458DB8524FA6C65217F9B, campaign pricing-page, "
        "document VWO['SETTINGS_DOCUMENT']:",
        "Control (bucketed)",
        "  remembered: no",
        "  meets the campaign's segment: yes",
        "    all of: yes",
        "      plan: lower(GOLD), given 'gold': yes",
        "      seats: gt(5), given 7: yes",
        "  bucket 48 of 100 is within 100 % of traffic: yes",
        "  bucket 4736 is in a variation's range: yes",
        "    Control: buckets 1 to 5000: yes",
        "    Variation-1: buckets 5001 to 10000: no",
    ]


def test_the_user_id_is_not_told(site: Configure) -> None:
    assert "ann@example.com" not in run("pricing-page", "ann@example.com")


def test_variables_are_text_unless_they_are_json(site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test(segments=custom("member", "true"))))
    assert "given 'True': no" in run("pricing-page", "ann", "--var", "member=True")
    assert "given True: yes" in run("pricing-page", "ann", "--var-json", "member=true")


def test_whitelisting_reads_targeting_variables(site: Configure) -> None:
    arms = ab_test(variations=WHITELIST, isForcedVariationEnabled=True)
    site(SETTINGS_DOCUMENT=document(arms))
    assert "Control (whitelisted)" in run("pricing-page", "ann", "--targeting", "vip = yes")
    assert "(whitelisted)" not in run("pricing-page", "ann", "--var", "vip=yes")


def test_a_file_is_decided_with_in_place_of_the_document_in_service(
    site: Configure, tmp_path: Path
) -> None:
    path = tmp_path / "next.json"
    path.write_text(json.dumps(document(only("Next"))))
    said = run("pricing-page", "ann", "--file", str(path))
    assert "Next (bucketed)" in said
    assert str(path) in said
    assert get_client().get_variation_name("pricing-page", "ann") is None


def test_what_is_remembered_is_read_and_can_be_left_out(site: Configure) -> None:
    before = get_client().activate("pricing-page", "ann")
    assert f"{before} (remembered)" in run("pricing-page", "ann")
    assert f"{before} (bucketed)" in run("pricing-page", "ann", "--without-storage")


@pytest.mark.django_db(transaction=True)
def test_a_stored_visitor_goes_by_their_key_too(site: Configure) -> None:
    get_client().activate("pricing-page", "ann")
    key = Assignment.objects.get().visitor
    assert run("pricing-page", key.lower()) == run("pricing-page", "ann")
    Assignment.objects.all().delete()
    assert f"Visitor {key}," in run("pricing-page", key)  # by the impression
    Event.objects.all().delete()
    assert f"Visitor {key}," not in run("pricing-page", key)  # it is a user id like any other


def test_nothing_is_changed(site: Configure) -> None:
    with CaptureQueriesContext(connection) as queries:
        run("pricing-page", "ann")
    done = {query["sql"].split()[0] for query in queries.captured_queries}
    assert done - {"SAVEPOINT", "RELEASE"} == {"SELECT"}
    assert not Assignment.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("is_stored", [False, True])
def test_json_tells_the_same_tree(site: Configure, is_stored: bool) -> None:
    site(SETTINGS_DOCUMENT=document(FOR_GOLD))
    if is_stored:
        get_client().activate("pricing-page", "ann", custom_variables={"plan": "gold", "seats": 6})
    told = json.loads(run("pricing-page", "ann", "--json"))
    assert told["reason"] == ("STORED" if is_stored else "SEGMENT_MISMATCH")
    assert told["campaign"] == "pricing-page"
    assert (told["variation"] is None) is not is_stored

    def lines(findings: list[Any], depth: int) -> list[str]:
        found = []
        for finding in findings:
            found.append(f"{'  ' * depth}{finding['text']}: {finding['answer']}")
            found += lines(finding["parts"], depth + 1)
        return found

    assert lines(told["findings"], 1) == run("pricing-page", "ann").splitlines()[2:]


@pytest.mark.parametrize("has_visited", [False, True])
def test_a_page_decides_the_same(site: Configure, serve: Serve, has_visited: bool) -> None:
    site(SETTINGS_DOCUMENT=document(FOR_GOLD), USER_ID=lambda request: "ann")
    said: dict[str, str] = {}

    def view(request: HttpRequest) -> HttpResponse:
        variables = {"plan": "gold", "seats": "7"}
        if has_visited:
            request.vwo.activate("pricing-page", custom_variables=variables)
        said["page"] = str(request.vwo.explain("pricing-page", custom_variables=variables))
        return HttpResponse()

    serve(view)
    assert Browser().get("/").status_code == 200
    told = run("pricing-page", "ann", "--var", "plan=gold", "--var", "seats=7")
    assert told.partition("\n")[2].rstrip("\n") == said["page"]


def test_it_runs_from_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "vwo.json"
    path.write_text(json.dumps(document()))
    command = [*("-m", "django", "vwo_explain", "pricing-page", "nobody"), "--settings"]
    file = ["--file", str(path), "--without-storage"]
    done = subprocess.run(
        [sys.executable, *command, "tests.settings", *file, "--skip-checks"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "(bucketed)" in done.stdout


def test_the_docs_show_what_is_told(
    site: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "using.rst").read_text()
    command, _, rest = page.partition("$ python manage.py vwo_explain ")[2].partition("\n")
    shown = textwrap.dedent(rest.partition("::\n\n")[2].partition("\n\n``request")[0])
    conditions = [custom("seats", "gt(5)"), custom("plan", "lower(GOLD)"), custom("country", "DE")]
    whole = document(ab_test(segments={"and": conditions}))
    (tmp_path / "vwo.json").write_text(json.dumps(whole))
    monkeypatch.chdir(tmp_path)
    site(SETTINGS_DOCUMENT="vwo.json")
    assert run(*shlex.split(command)).strip() == shown.strip()


# --- Variables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["plan", "=", " = gold", "plan: gold"])
def test_a_line_without_name_or_sign_is_refused(text: str) -> None:
    with pytest.raises(VariableError) as caught:
        read_variables(["", "a=b", text])
    assert caught.value.number == 3
    assert text not in repr(caught.value)


def test_a_line_may_have_anything_behind_the_sign() -> None:
    assert read_variables([" a = ", "b===", "c= \N{SNOWMAN} "]) == {"a": "", "b": "==", "c": "☃"}
