"""``manage.py vwo_import_assignments`` moves the records of VWO's own SDKs into the database."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from django_vwo.client import Client, get_client
from django_vwo.models import Assignment, Event, EventKind, EventStatus, LedgerEntry
from django_vwo.outbox.drain import drain
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.importing import Given, Tally, import_records
from django_vwo.storages.sdk import SDKStorage

from .backends import SiteStorage
from .collector import Collector
from .conftest import Configure
from .documents import ab_test, document, only
from .outbox.samples import in_threads, route

pytestmark = pytest.mark.django_db(transaction=True)

ANN = {"userId": "ann", "campaignKey": "pricing-page", "variationName": "Variation-1"}
BOB = {**ANN, "userId": "bob", "variationName": "Control", "goalIdentifiers": "signup_vwo_visit"}


def as_list(records: Sequence[Any]) -> str:
    return json.dumps(records, indent=2)


def as_lines(records: Sequence[Any]) -> str:
    return "\n".join(json.dumps(record) for record in records) + "\n\n"


def as_csv(records: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*ANN, "goalIdentifiers"])
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


class Import:
    """What one run wrote."""

    def __init__(self, path: Path, *options: str) -> None:
        out, errors = io.StringIO(), io.StringIO()
        self.failure = ""
        try:
            call_command("vwo_import_assignments", str(path), *options, stdout=out, stderr=errors)
        except CommandError as error:
            self.failure = str(error)
        self.out, self.errors = out.getvalue(), errors.getvalue()


Run = Callable[..., Import]


@pytest.fixture
def run(site: Configure, tmp_path: Path) -> Run:
    """Return a function that imports a text."""

    def from_text(text: str | bytes, *options: str) -> Import:
        path = tmp_path / "records"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Import(path, *options)

    return from_text


def assignments() -> dict[str, str]:
    return dict(Assignment.objects.values_list("user_id", "variation"))


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is not a JSON list, JSON lines or CSV"),
        ("[{]", "is not a JSON list, JSON lines or CSV"),
        ("[" * 100_000, "is not a JSON list, JSON lines or CSV"),
        (b"\xff\xfe{", "is not a JSON list, JSON lines or CSV, in UTF-8"),
        ('"' + "x" * 200_000, "is not a JSON list, JSON lines or CSV"),
        ("name,colour\nann,red\n", "the first line has to name the columns, by commas: userId"),
        ("userId;campaignKey;variationName\nann;pricing-page;Control\n", "by commas: userId, "),
        ("ann,pricing-page,Control\nbob,pricing-page,Control\n", "by commas: userId, "),
    ],
    ids=["cut off", "broken", "deep", "no UTF-8", "huge", "other columns", "semicolons", "none"],
)
def test_a_file_that_cannot_be_read_is_told(run: Run, text: str | bytes, said: str) -> None:
    assert said in run(text).failure
    assert assignments() == {}


def test_a_missing_file_is_told(site: Configure, tmp_path: Path) -> None:
    assert "No such file" in Import(tmp_path / "nowhere").failure
    assert "Is a directory" in Import(tmp_path).failure


def test_a_missing_document_is_told(tmp_path: Path) -> None:
    assert "No settings document is in service. Run" in Import(tmp_path / "records").failure


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"userId": None}, "userId is missing"),
        ({"userId": ""}, "userId is missing"),
        ({"userId": 5}, "userId is missing, or is no text"),
        ({"userId": "secret-id\udcff"}, "userId is not Unicode"),
        ({"campaignKey": None}, "campaignKey is missing"),
        ({"campaignKey": "x" * 256}, "campaignKey is longer than 255 characters"),
        ({"variationName": ["Control"]}, "variationName is missing, or is no text"),
        ({"variationName": "x" * 256}, "variationName is longer than 255 characters"),
        ({"variationName": "a\0b"}, "variationName is longer than 255 characters, or has a NUL"),
        ({"goalIdentifiers": 5}, "goalIdentifiers is no text"),
        ({"goalIdentifier": ["signup"]}, "goalIdentifier is no text"),
    ],
    ids=str,
)
def test_a_bad_record_is_refused_and_the_rest_imported(
    run: Run, changes: dict[str, Any], why: str
) -> None:
    done = run(as_lines([ANN, {**ANN, "userId": "secret-id", **changes}, BOB]))
    assert f"Line 2: {why}" in done.errors
    assert done.failure == "1 records were refused."
    assert assignments() == {"ann": "Variation-1", "bob": "Control"}
    assert "secret-id" not in done.errors + done.out


@pytest.mark.parametrize("line", ["{", "{nonsense}", "5", "null", '"text"', "[" * 50_000, "[1]"])
def test_a_line_that_is_no_record_is_refused(run: Run, line: str) -> None:
    done = run(f"{json.dumps(ANN)}\n{line}\n{json.dumps(BOB)}\n")
    assert done.errors.startswith("Line 2: is ")
    assert set(assignments()) == {"ann", "bob"}


def test_very_many_refusals_are_counted_rather_than_told(run: Run) -> None:
    done = run(as_list([5] * 1_000))
    assert done.failure == "1,000 records were refused."
    assert done.errors.count("is no object") == 20


@pytest.mark.parametrize("row", ["x" * 200_000, '"' + "x" * 200_000, f'"{"x" * 200_000}"', "bob"])
def test_a_csv_row_that_cannot_be_read_is_refused_and_the_rest_imported(run: Run, row: str) -> None:
    header = "userId,campaignKey,variationName"
    done = run(f"{header}\nann,pricing-page,Control\n{row},,\nzoë,pricing-page,Control\n")
    assert done.errors.startswith("Line 3: ")
    assert done.failure == "1 records were refused."
    assert set(assignments()) == {"ann", "zoë"}


@pytest.mark.parametrize(
    "lines",
    [
        ["", "\t", json.dumps(ANN), "", "5"],
        ["", "", "userId,campaignKey,variationName", "ann,pricing-page,Control", "bob"],
    ],
    ids=["JSON lines", "CSV"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=repr)
def test_blank_lines_count(run: Run, lines: list[str], end: str) -> None:
    assert run(end.join(lines)).errors.startswith("Line 5: ")


def test_an_empty_file_is_nothing(run: Run) -> None:
    for text in ("", "[]", "userId,campaignKey,variationName\n", " \n"):
        assert run(text).out.startswith("0 assignments imported")


def test_a_database_without_tables_is_told(run: Run) -> None:
    if not connection.features.can_rollback_ddl:
        pytest.skip("this database cannot bring a dropped table back")
    get_client().activate("pricing-page", "ann")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_vwo_ledgerentry")
        assert "The database cannot be used: " in run(as_list([BOB])).failure
        transaction.set_rollback(True)


# --- Importing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [as_list, as_lines, as_csv])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
def test_records_are_imported_from_each_form(
    run: Run, written: Callable[[Any], str], mark: str
) -> None:
    done = run(mark + written([ANN, BOB]))
    assert (done.failure, done.errors) == ("", "")
    assert done.out.startswith("2 assignments imported, 0 known before, 0 left as they are")
    assert "2 goals known as reached" in done.out
    assert assignments() == {"ann": "Variation-1", "bob": "Control"}


def test_who_was_imported_goes_on_as_before(run: Run) -> None:
    run(as_list([ANN, BOB]))
    vwo = get_client()
    assert vwo.activate("pricing-page", "ann") == "Variation-1"
    assert vwo.activate("pricing-page", "bob") == "Control"
    assert not Event.objects.exists()
    assert vwo.track("pricing-page", "bob", "signup") == {"pricing-page": False}
    assert vwo.track("pricing-page", "bob", "visit") == {"pricing-page": True}  # may repeat
    assert vwo.track("pricing-page", "ann", "signup") == {"pricing-page": True}
    assert list(Event.objects.values_list("user_id", "goal_identifier").order_by("id")) == [
        ("bob", "visit"),
        ("ann", "signup"),
    ]


def test_importing_twice_changes_nothing(run: Run) -> None:
    first, second = (run(as_list([ANN, BOB])) for _time in range(2))
    assert "2 assignments imported, 0 known before" in first.out
    assert "0 assignments imported, 2 known before" in second.out
    assert (Assignment.objects.count(), LedgerEntry.objects.count()) == (2, 2)


def test_what_is_remembered_already_stays(run: Run) -> None:
    site = get_client()
    mine = site.activate("pricing-page", "ann")
    other = {"Control": "Variation-1", "Variation-1": "Control"}[mine or ""]
    done = run(as_list([{**ANN, "variationName": other, "goalIdentifiers": "signup"}]))
    assert "0 assignments imported, 0 known before, 1 left as they are" in done.out
    assert assignments() == {"ann": mine}
    assert site.track("pricing-page", "ann", "signup") == {"pricing-page": True}


def test_of_two_records_for_one_place_the_first_counts(run: Run) -> None:
    done = run(as_lines([ANN, {**ANN, "variationName": "Control"}, ANN]))
    assert "1 assignments imported, 1 known before, 1 left as they are" in done.out
    assert assignments() == {"ann": "Variation-1"}


def test_a_dry_run_tells_the_same_and_does_nothing(run: Run) -> None:
    text = as_lines([ANN, BOB, ANN, {**BOB, "variationName": "Variation-1"}, 5])
    dry, wet = run(text, "--dry-run"), None
    assert not Assignment.objects.exists()
    assert not LedgerEntry.objects.exists()
    wet = run(text)
    assert dry.out.replace("would be ", "") == wet.out
    assert dry.errors == wet.errors


def test_a_dry_run_of_several_batches_counts_as_the_import_does(run: Run) -> None:
    ids = [f"visitor {number % 700}" for number in range(1_400)]
    names = ["Control"] * 900 + ["Variation-1"] * 500
    pairs = zip(ids, names, strict=True)
    text = as_lines([{**ANN, "userId": each, "variationName": name} for each, name in pairs])
    dry, wet = run(text, "--dry-run"), run(text)
    assert wet.out.startswith("700 assignments imported, 200 known before, 500 left as they are")
    assert dry.out.replace("would be ", "") == wet.out


@pytest.mark.parametrize("spelling", ["goalIdentifier", "goal_identifier"])
def test_goals_are_read_in_the_words_of_each_sdk(run: Run, spelling: str) -> None:
    run(as_list([{**ANN, spelling: "signup"}]))
    assert get_client().track("pricing-page", "ann", "signup") == {"pricing-page": False}


def test_a_variation_that_is_gone_is_decided_anew(run: Run, site: Configure) -> None:
    run(as_list([{**ANN, "variationName": "Gone", "goalIdentifiers": "signup"}]))
    site(SETTINGS_DOCUMENT=document(only("New"), ab_test("other", id=2)))
    assert get_client().activate("pricing-page", "ann") == "New"
    assert get_client().track("pricing-page", "ann", "signup") == {"pricing-page": True}


def test_any_user_id_can_be_imported(run: Run) -> None:
    user_ids = ["a\0b", "李雷 🦊", "x" * 5_000, " ann ", "ANN"]
    run(as_list([{**ANN, "userId": user_id} for user_id in user_ids]))
    for user_id in user_ids:
        assert get_client().get_variation_name("pricing-page", user_id) == "Variation-1"


def test_many_records_go_in_steps_and_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "django_vwo.management.commands.vwo_import_assignments"
    monkeypatch.setattr(f"{command}.PROGRESS", 1_000)
    done = run(as_lines([{**ANN, "userId": f"visitor {number}"} for number in range(2_600)]))
    assert done.out.splitlines()[:2] == ["1,000 records …", "2,000 records …"]
    assert Assignment.objects.count() == 2_600


@pytest.fixture
def kept(site: Configure) -> SiteStorage:
    """Return the records of a site on which a visitor was shown a variation and signed up."""
    kept = SiteStorage()
    vwo = Client(document(), storage=SDKStorage(kept), recorder=OutboxRecorder())
    vwo.activate("pricing-page", "ann")
    vwo.track("pricing-page", "ann", "signup")
    return kept


def ends() -> list[tuple[str, str]]:
    """Return what became of each event, in order."""
    events = Event.objects.order_by("id")
    return [(EventKind(event.kind).name, EventStatus(event.status).name) for event in events]


def test_a_conversion_that_waits_is_sent_after_the_import(
    run: Run, kept: SiteStorage, collector: Collector
) -> None:
    run(as_list(list(kept.records.values())))
    assert LedgerEntry.objects.count() == 1
    assert drain(time.monotonic() + 60, route=route(collector)).sent == 2
    assert ends() == [("IMPRESSION", "SENT"), ("CONVERSION", "SENT")]


def test_a_conversion_that_failed_can_be_sent_again_after_the_import(
    run: Run, kept: SiteStorage, collector: Collector
) -> None:
    Event.objects.update(status=EventStatus.DEAD, due_at=None)
    run(as_list(list(kept.records.values())))
    call_command("vwo_deliver", "--resend", stdout=io.StringIO())
    assert drain(time.monotonic() + 60, route=route(collector)).sent == 2
    assert ends() == [("IMPRESSION", "SENT"), ("CONVERSION", "SENT")]


def test_of_several_conversions_that_wait_one_is_sent(
    run: Run, kept: SiteStorage, collector: Collector
) -> None:
    first = Event.objects.get(kind=EventKind.CONVERSION)
    for status, due_at in ((EventStatus.DEAD, None), (EventStatus.PENDING, first.due_at)):
        first.pk, first.uuid, first.status, first.due_at = None, uuid4(), status, due_at
        first.save()
    run(as_list(list(kept.records.values())))
    drain(time.monotonic() + 60, route=route(collector))
    assert [status for _kind, status in ends()] == ["SENT", "SENT", "DEAD", "DUPLICATE"]


def test_a_conversion_that_was_cancelled_is_not_sent(run: Run, kept: SiteStorage) -> None:
    Event.objects.update(status=EventStatus.CANCELLED, due_at=None)
    run(as_list(list(kept.records.values())))
    uuids = Event.objects.values_list("uuid", flat=True)
    assert LedgerEntry.objects.get().event_uuid not in uuids


def test_two_imports_at_once_do_not_undo_each_other() -> None:
    ids = [f"{number:032X}" for number in range(300)]
    given = [Given(each, each, "pricing-page", "Control", ("signup",)) for each in ids]
    tallies = Tally(), Tally()
    in_threads(
        lambda: import_records(given, tallies[0]),
        lambda: import_records(given[::-1], tallies[1]),
    )
    assert [tally.total for tally in tallies] == [300, 300]
    assert (Assignment.objects.count(), LedgerEntry.objects.count()) == (300, 300)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
def test_a_list_is_read_from_standard_input(
    site: Configure, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(mark + as_list([ANN])))
    assert "1 assignments imported" in Import(Path("-")).out
