"""``manage.py vwo_settings`` fetches, shows and validates."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from django_vwo.models import SettingsDocument
from django_vwo.sources import current, history

from .conftest import Configure
from .documents import DOCUMENT_KEY, ab_test, document, feature_test, rollout
from .sources.samples import SDK_KEY, Vendor, let_pass, text
from .sources.samples import vendor as listening_vendor

pytestmark = pytest.mark.django_db


@pytest.fixture
def vendor(configure: Configure) -> Iterator[Vendor]:
    with listening_vendor() as running:
        configure(COLLECTOR_URL=running.url)
        yield running


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("vwo_settings", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def failure(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert SDK_KEY not in str(caught.value)
    assert DOCUMENT_KEY not in str(caught.value)
    return str(caught.value)


def test_fetch_puts_the_document_into_service(vendor: Vendor) -> None:
    vendor.body = json.dumps(
        document(ab_test(), rollout(), ab_test("old", status="PAUSED"))
    ).encode()
    told = run("fetch")
    assert f"Fetched from {vendor.url}/server-side/settings. It is in service now." in told
    assert "Account 123456: 3 campaigns, 2 of them running, with 3 goals." in told
    assert SettingsDocument.objects.get().is_active
    assert "It was in service already." in run("fetch")
    assert SettingsDocument.objects.count() == 1


def test_fetch_tells_what_will_not_work(vendor: Vendor) -> None:
    lopsided = [{"id": 1, "name": "Control", "weight": 10}]
    vendor.body = text(ab_test(variations=lopsided)).encode()
    assert "campaigns[0].variations: have weights that sum to 10" in run("fetch")


@pytest.mark.parametrize("action", ["fetch", "refresh"])
def test_what_somebody_took_out_of_service_stays_out(vendor: Vendor, action: str) -> None:
    run(action)
    first = SettingsDocument.objects.get()
    vendor.body = text(ab_test("second")).encode()
    run(action)
    history.activate(first)
    current.refresh()
    told = run(action)
    assert "somebody took it out of service" in told
    assert "starts" not in told


def test_fetch_refuses_the_document_of_another_account(vendor: Vendor) -> None:
    vendor.body = text(accountId=99).encode()
    assert "Refused, and not put into service" in failure("fetch")
    assert "accountId is '99'" in SettingsDocument.objects.get().error


def test_fetch_tells_why_there_is_no_document(vendor: Vendor, configure: Configure) -> None:
    vendor.status = 503
    assert "HTTP 503; expected 200" in failure("fetch")
    configure(SDK_KEY="")
    assert "SDK_KEY" in failure("fetch")
    assert not SettingsDocument.objects.exists()


def test_a_database_without_tables_is_told(vendor: Vendor) -> None:
    if not connection.features.can_rollback_ddl:
        pytest.skip("this database cannot bring a dropped table back")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_vwo_settingsdocument")
        assert "The database cannot be used: " in failure("fetch")
        transaction.set_rollback(True)


def test_show_is_a_table_of_campaigns(vendor: Vendor) -> None:
    vendor.body = json.dumps(document(ab_test(), feature_test(), rollout(40))).encode()
    run("fetch")
    lines = run("show").splitlines()
    assert lines[0].startswith(f"In service: {vendor.url}/server-side/settings, fetched 20")
    assert [" ".join(line.split()) for line in lines[3:]] == [
        "campaign type traffic variations goals",
        "pricing-page A/B test 100 % Control 50 %, Variation-1 50 % signup, checkout, visit",
        "new-nav feature test 100 % On 100 % signup, checkout, visit",
        "dark-mode feature rollout 40 % website 100 %",
    ]


def test_show_as_json_hides_the_key(vendor: Vendor) -> None:
    run("fetch")
    shown = run("show", "--json")
    assert json.loads(shown) == {**json.loads(text()), "sdkKey": "********"}


def test_names_cannot_write_to_the_terminal(site: Configure) -> None:
    evil = [{"id": 1, "name": "evil\x1b[2J\nline \x9b", "weight": 100}]
    site(SETTINGS_DOCUMENT=document(ab_test(variations=evil)))
    assert "evil\\x1b[2J\\nline" in run("show")
    shown = run("show", "--json")
    assert not set("\x1b\x9b") & set(shown)
    assert json.loads(shown)["campaigns"][0]["variations"][0]["name"] == evil[0]["name"]


def test_half_a_character_can_be_shown(site: Configure) -> None:
    halved = document(ab_test(segments={"or": [{"custom_variable": {"\ud800": "é"}}]}))
    site(SETTINGS_DOCUMENT=halved)
    shown = run("show", "--json")
    shown.encode()
    assert "é" in shown
    assert json.loads(shown)["campaigns"] == halved["campaigns"]


def test_show_takes_the_document_of_the_settings(site: Configure, tmp_path: Path) -> None:
    assert "VWO['SETTINGS_DOCUMENT'], not from a database" in run("show")
    assert json.loads(run("show", "--json"))["accountId"] == 123456
    path = tmp_path / "vwo.json"
    path.write_bytes(b"\xef\xbb\xbf" + text().encode())
    site(SETTINGS_DOCUMENT=path)
    assert DOCUMENT_KEY not in run("show", "--json")
    assert f"{path}, not from" in run("show")


def test_show_without_a_document_says_what_to_do() -> None:
    assert "run 'vwo_settings fetch'" in failure("show")


def test_validate_accepts_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "vwo.json"
    path.write_text(text())
    assert "1 of them running" in run("validate", str(path))
    assert not SettingsDocument.objects.exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "empty"),
        ("<html>", "HTML"),
        (text()[:-5], "not JSON"),
        (text(accountId=99), "accountId is '99'; expected '123456'"),
        (text(ab_test(percentTraffic="50%")), "campaigns[0].percentTraffic is '50%'; expected"),
    ],
)
def test_validate_refuses_with_place_and_expectation(
    tmp_path: Path, content: str, expected: str
) -> None:
    path = tmp_path / "vwo.json"
    path.write_text(content)
    told = failure("validate", str(path))
    assert expected in told
    assert "vwo.json" in told


def test_validate_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text().encode())))
    assert "1 of them running" in run("validate")
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    assert "standard input" in failure("validate", "-")


def test_validate_tells_of_a_missing_file() -> None:
    assert "No such file" in failure("validate", "missing.json")


@pytest.mark.parametrize("arguments", [[], ["burn"], ["validate", "a", "b"]])
def test_other_words_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)


def test_a_refusal_exits_with_1(tmp_path: Path) -> None:
    from django.core.management import execute_from_command_line

    path = tmp_path / "vwo.json"
    path.write_text("{}")
    with pytest.raises(SystemExit) as caught:
        execute_from_command_line(["manage.py", "vwo_settings", "validate", str(path)])
    assert caught.value.code == 1


def refresh_task() -> Any:
    pytest.importorskip("celery")
    from django_vwo.tasks import refresh

    return refresh


def test_the_task_fetches_too(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    refresh_task()()
    assert SettingsDocument.objects.get().is_active
    vendor.status = 503
    let_pass(60)
    refresh_task()()
    assert "No settings document could be fetched" in caplog.text
    assert SDK_KEY not in caplog.text


def test_the_task_tells_what_it_lacks(
    vendor: Vendor, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configure(SDK_KEY="")
    refresh_task()()
    assert "without an ACCOUNT_ID and an SDK_KEY" in caplog.text
    assert vendor.paths == []


def test_refresh_tells_what_changed(vendor: Vendor) -> None:
    vendor.validators = {"ETag": '"1"'}
    told = run("refresh")
    assert f"Fetched from {vendor.url}/server-side/settings. It is in service now.\n" in told
    assert "  pricing-page: starts" in told
    assert run("refresh") == f"Unchanged at {vendor.url}/server-side/settings.\n"
    assert vendor.conditions == [{}, {"ETag": '"1"'}]
    vendor.body = text(ab_test(status="PAUSED"), ab_test("second", id=70)).encode()
    vendor.validators = {"ETag": '"2"'}
    told = run("refresh")
    assert "  second: starts" in told
    assert "  pricing-page: no longer runs" in told
    run("fetch")
    assert vendor.conditions[-1] == {}, "whatever is known"


def test_refresh_tells_why_it_failed(vendor: Vendor) -> None:
    run("refresh")
    vendor.body = text(accountId=99).encode()
    assert "Refused, and not put into service: " in failure("refresh")
    vendor.status = 401
    assert "the SDK key is not accepted" in failure("refresh")


def test_an_older_version_is_told(vendor: Vendor) -> None:
    vendor.body = text(version=5).encode()
    run("fetch")
    vendor.body = text(ab_test("old"), version=4).encode()
    assert "version is 4; expected 5 or more" in failure("fetch")
    assert "1 failed in a row, the last at 20" in run("show")


def test_show_tells_how_the_fetches_go(vendor: Vendor, configure: Configure) -> None:
    configure(FETCH_SECONDS=300)
    run("fetch")
    line = run("show").splitlines()[1]
    assert line.startswith("Fetches: last success 20")
    assert ", next due 20" in line
    vendor.status = 503
    failure("fetch")
    failure("fetch")
    assert "  2 failed in a row, the last at 20" in run("show")
    assert "HTTP 503; expected 200" in run("show")


def test_show_tells_why_there_is_no_document(vendor: Vendor) -> None:
    vendor.status = 503
    assert "503" in failure("fetch")
    out = io.StringIO()
    with pytest.raises(CommandError, match="No settings document is in service"):
        call_command("vwo_settings", "show", stdout=out, no_color=True)
    assert "1 failed in a row" in out.getvalue()
    assert "HTTP 503" in out.getvalue()
