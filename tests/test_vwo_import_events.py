"""``manage.py vwo_import_events`` records conversions that happened elsewhere."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from django_vwo import transport
from django_vwo.client import get_client
from django_vwo.importing import importer
from django_vwo.importing.drafts import Draft
from django_vwo.importing.importer import Importer
from django_vwo.importing.lines import Line
from django_vwo.management.commands import vwo_import_events
from django_vwo.models import Assignment, Event, EventKind, EventStatus, LedgerEntry
from django_vwo.outbox.drain import drain
from django_vwo.outbox.site import drain_site
from django_vwo.recorders.outbox import OutboxRecorder, restored_time
from django_vwo.sources.current import current

from .backends import SiteStorage
from .collector import Collector
from .conftest import Configure
from .datafiles import audience, datafile, event, exactly, experiment
from .documents import ab_test, document, only, rollout
from .outbox.samples import in_threads, route

pytestmark = pytest.mark.django_db(transaction=True)

NOON = "2026-03-01T12:30:15Z"
AT_NOON = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
Row = Mapping[str, Any]


def row(user_id: str = "ann", goal: str = "signup", at: str = NOON, **others: Any) -> Row:
    return {"user_id": user_id, "goal": goal, "time": at, **others}


def as_csv(rows: Sequence[Row]) -> str:
    """Return a file of *rows*, with every column that one of them has."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(name for each in rows for name in each)))
    writer.writeheader()
    for each in rows:
        texts = {
            name: json.dumps(value) if isinstance(value, dict) else value
            for name, value in each.items()
        }
        writer.writerow(texts)
    return out.getvalue()


class Import:
    """What one run wrote."""

    def __init__(self, path: Path | str, *options: str, out: Any = None) -> None:
        out, errors = out or io.StringIO(), io.StringIO()
        self.failure, self.status = "", 0
        try:
            call_command("vwo_import_events", str(path), *options, stdout=out, stderr=errors)
        except CommandError as error:
            self.failure, self.status = str(error), error.returncode
        self.out, self.errors = out.getvalue(), errors.getvalue()

    @property
    def said(self) -> str:
        return self.out + self.errors + self.failure


Run = Callable[..., Import]


@pytest.fixture
def site(configure: Configure) -> Configure:
    """Put a document into service in which one campaign has the goals; return `configure`."""
    configure(SETTINGS_DOCUMENT=document(ab_test(), rollout()))
    return configure


@pytest.fixture
def run(site: Configure, tmp_path: Path) -> Run:
    """Return a function that imports rows, or a text."""

    def imported(given: Sequence[Row] | str | bytes, *options: str) -> Import:
        path = tmp_path / "conversions.csv"
        content = given if isinstance(given, str | bytes) else as_csv(given)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Import(path, *options)

    return imported


@pytest.fixture
def activated(site: Configure) -> str:
    """Show Ann and Bob the pricing page's test; return Ann's variation."""
    get_client().activate("pricing-page", "bob")
    return get_client().activate("pricing-page", "ann") or ""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running
        transport.forget_session()


def conversions() -> list[Event]:
    return list(Event.objects.filter(kind=EventKind.CONVERSION).order_by("id"))


def reached() -> list[tuple[str, str]]:
    return [(event.user_id, event.goal_identifier) for event in conversions()]


# --- Bad input -----------------------------------------------------------------------------------


def test_a_file_that_cannot_be_opened_is_told(site: Configure, tmp_path: Path) -> None:
    assert "No such file" in Import(tmp_path / "nowhere").failure
    assert "Is a directory" in Import(tmp_path).failure


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ann;signup;2026-03-01\n", "the first line has to name the columns; it lacks user_id and"),
        ("user_id,goal,time,colour\n", "not known: 'colour'; known are user_id, goal, event,"),
        (b"\x00\x01\x02", "no text in UTF-8"),
        ("user_id,goal,time".encode("utf-16"), "no text in UTF-8"),
    ],
)
def test_a_file_without_the_columns_is_told(run: Run, text: str | bytes, said: str) -> None:
    done = run(text)
    assert said in done.failure
    assert done.status == 1
    assert "0 lines recorded" in done.out


def test_a_missing_document_is_told(tmp_path: Path) -> None:
    assert "No settings document is in service. Run" in Import(tmp_path / "file").failure


def test_a_file_without_lines_is_nothing(run: Run) -> None:
    for text in ("", "user_id,goal,time\n"):
        done = run(text)
        assert (done.failure, done.errors) == ("", "")
        assert done.out.startswith("0 lines recorded (0 conversions), 0 already imported")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row("secret-id", ""), "goal is missing"),
        (row("secret-id", at="soon"), "time is neither"),
        (row("secret-id", at="1999-01-01"), "time is before 2000"),
        (row("secret-id", at="2199-01-01"), "time is in the future"),
        (row("secret-id", revenue="12,50"), "revenue is no number"),
        (row("secret-id", revenue="1e300"), "revenue is too large"),
        (row("secret-id", attributes="[]"), "attributes is no JSON object"),
        (row("secret-id", tags="{"), "tags is no JSON object"),
        (row("secret-id", "sign-up"), "no running campaign has the goal that was given (7 char"),
        (row("secret-id", "secret-id"), "no running campaign has the goal that was given (9 char"),
        (row("secret-id", campaign="nope"), "no campaign has the key that was given (4 characters"),
        (row("secret-id", campaign="new-nav2"), "no campaign has the key that was given (8 chara"),
        (row("secret-id", "visit", campaign="dark-mode"), "campaign 'dark-mode' does not have the"),
    ],
    ids=str,
)
def test_a_bad_line_is_named_and_the_rest_recorded(
    run: Run, activated: str, bad: Row, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = run([row("ann"), bad, row("bob")])
    assert done.errors.startswith(f"Line 3: {why}")
    assert done.failure == "1 lines were refused."
    assert done.status == 1
    assert reached() == [("ann", "signup"), ("bob", "signup")]
    assert "secret-id" not in done.said + caplog.text


def test_refused_lines_are_told_in_order_and_all_written_to_a_file(
    run: Run, activated: str, tmp_path: Path
) -> None:
    rows = [row("ann", "visit", at="never" if number % 2 else NOON) for number in range(1_000)]
    rows[500] = row("ann", "nothing")
    path = tmp_path / "refused.csv"
    done = run(rows, "--refused", str(path))
    assert done.failure == "501 lines were refused."
    assert done.errors.count("Line ") == 20
    found = list(csv.DictReader(path.read_text().splitlines()))
    lines = [int(each["line"]) for each in found]
    assert len(lines) == 501
    assert lines == sorted(lines)
    assert lines[0] == 3
    assert found[250]["reason"].startswith("no running campaign has the goal")


def test_refusals_do_not_go_where_the_lines_come_from(run: Run, tmp_path: Path) -> None:
    done = run([row()], "--refused", str(tmp_path / "conversions.csv"))
    assert done.failure == "--refused names the file that is to be imported."
    assert (tmp_path / "conversions.csv").read_text() == as_csv([row()]).replace("\r\n", "\n")
    assert "No such file" in run([row()], "--refused", str(tmp_path / "no" / "file")).failure


def test_an_unknown_time_zone_is_told(run: Run) -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        assert "is no time zone" in run([row()], f"--time-zone={name}").failure


def test_a_site_without_an_outbox_is_told(run: Run, site: Configure) -> None:
    site(RECORDER={"BACKEND": "django_vwo.recorders.memory.MemoryRecorder"})
    assert "VWO['RECORDER'] is not the outbox" in run([row()]).failure


# --- Recording -----------------------------------------------------------------------------------


def test_a_conversion_is_recorded_as_if_it_were_tracked(run: Run, activated: str) -> None:
    done = run(
        [
            row(
                goal="checkout",
                campaign="pricing-page",
                revenue="12.50",
                attributes={"plan": "gold"},
                tags={"sku": "a"},
            )
        ]
    )
    assert (done.failure, done.errors) == ("", "")
    assert done.out == (
        "1 lines recorded (1 conversions), 0 already imported, 0 not counted, 0 refused.\n"
    )
    (event,) = conversions()
    assert restored_time(event.occurred_at) == AT_NOON
    assert (event.campaign_key, event.variation_name) == ("pricing-page", activated)
    assert (event.goal_id, event.goal_identifier, event.revenue) == ("22", "checkout", 12.5)
    assert event.extra["revenue"] == 12.5
    assert event.extra["properties"] == {"sku": "a"}
    assert event.status == EventStatus.PENDING
    assert event.due_at is not None


def test_what_was_imported_is_delivered(run: Run, activated: str, collector: Collector) -> None:
    run([row("ann"), row("bob", "checkout", revenue="5")])
    assert drain(time.monotonic() + 60, route=route(collector)).sent == 4
    sent = {
        (entry["g"], entry["sId"], entry.get("r"))
        for entry in collector.entries
        if entry["eT"] == 2
    }
    assert sent == {(21, int(AT_NOON.timestamp()), None), (22, int(AT_NOON.timestamp()), 5)}


def test_times_without_offset_are_of_the_sites_zone_or_the_one_given(
    run: Run, activated: str, settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    timezone.get_default_timezone.cache_clear()
    run([row("ann", at="2026-03-01T21:30:15")])
    run([row("bob", at="2026-03-01 13:30:15")], "--time-zone", "Europe/Berlin")
    assert [restored_time(event.occurred_at) for event in conversions()] == [AT_NOON] * 2


def test_a_goal_of_several_campaigns_counts_in_each(run: Run, site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test("a", id=1), ab_test("b", id=2), ab_test("c", id=3)))
    for key in ("a", "b"):
        get_client().activate(key, "ann")
    done = run([row()])
    assert "1 lines recorded (2 conversions)" in done.out
    assert [event.campaign_key for event in conversions()] == ["a", "b"]
    assert run([row()]).out.startswith("0 lines recorded (0 conversions), 1 already imported")


def test_a_visitor_who_was_never_shown_a_campaign_is_not_counted(run: Run, activated: str) -> None:
    done = run([row("ann"), row("carl"), row("dora", campaign="pricing-page")])
    assert done.failure == ""
    assert "2 not counted, 0 refused" in done.out
    assert "  2 not counted: the visitor was never shown this campaign\n" in done.out
    assert reached() == [("ann", "signup")]


def test_the_reasons_are_told(run: Run, site: Configure, caplog: pytest.LogCaptureFixture) -> None:
    paused = ab_test("old", id=3, status="PAUSED", goals=[{"id": 9, "identifier": "old"}])
    rollout = ab_test(
        "dark-mode", id=9, type="FEATURE_ROLLOUT", goals=[{"id": 8, "identifier": "dark"}]
    )
    site(SETTINGS_DOCUMENT=document(ab_test(), paused, rollout))
    get_client().activate("pricing-page", "ann")
    get_client().track("pricing-page", "ann", "signup")
    rows = [row(), row(goal="checkout"), row(goal="old"), row(campaign="old"), row(goal="dark")]
    done = run([*rows, row(goal="checkout", revenue="0")])
    assert done.failure == ""
    assert "6 not counted" in done.out
    for told in (
        "1 not counted: the goal was reached before",
        "2 not counted: a revenue goal without a revenue",
        "2 not counted: the campaign is not running",
        "1 not counted: the goal is not tracked in its campaign",
    ):
        assert told in done.out
    assert caplog.text == ""


def test_without_the_gate_a_visitor_is_assigned_as_by_track(run: Run, site: Configure) -> None:
    site(REQUIRE_ACTIVATION=False)
    run([row("carl"), row("carl", "checkout", revenue="1")])
    assert Assignment.objects.get().user_id == "carl"
    variation = get_client().get_variation_name("pricing-page", "carl")
    events = Event.objects.order_by("id")
    assert [EventKind(event.kind).name for event in events] == [
        *("IMPRESSION", "CONVERSION", "CONVERSION")
    ]
    assert {event.variation_name for event in events} == {variation}
    assert len({event.uuid for event in events}) == 3
    assert "2 already imported" in run([row("carl"), row("carl", "checkout", revenue="1")]).out


def test_without_the_gate_a_variation_that_is_gone_is_replaced(run: Run, site: Configure) -> None:
    site(REQUIRE_ACTIVATION=False, SETTINGS_DOCUMENT=document(only("Old")))
    get_client().activate("pricing-page", "ann")
    site(SETTINGS_DOCUMENT=document(only("New")))
    assert "2 lines recorded" in run([row("ann"), row("bob")]).out
    found = Assignment.objects.order_by("user_id").values_list("user_id", "variation")
    assert list(found) == [("ann", "New"), ("bob", "New")]


def test_without_user_storage_each_line_counts_once(run: Run, site: Configure) -> None:
    site(USER_STORAGE=None)
    rows = [row("carl", at=f"2026-03-01T12:30:{second}") for second in (10, 11)]
    assert "2 lines recorded" in run(rows).out
    assert "2 already imported" in run(rows).out
    assert not Assignment.objects.exists()


def test_another_user_storage_is_asked_and_told(run: Run, site: Configure) -> None:
    site(
        USER_STORAGE={
            "BACKEND": "django_vwo.storages.sdk.SDKStorage",
            "OPTIONS": {"storage": "tests.test_vwo_import_events.site_storage"},
        }
    )
    site_storage.records.clear()
    get_client().activate("pricing-page", "ann")
    done = run([row(), row(at="2026-03-01"), row("carl")])
    assert "1 lines recorded (1 conversions), 0 already imported, 2 not counted" in done.out
    assert site_storage.get("ann", "pricing-page")["goalIdentifiers"] == "signup"  # type: ignore[index]
    assert get_client().track(None, "ann", "signup") == {"pricing-page": False}


site_storage = SiteStorage()


def test_a_storage_that_fails_costs_the_line(run: Run, site: Configure) -> None:
    site(
        USER_STORAGE={
            "BACKEND": "django_vwo.storages.sdk.SDKStorage",
            "OPTIONS": {"storage": "tests.test_vwo_import_events.BrokenStorage"},
        }
    )
    done = run([row("secret-id"), row("secret-id", "visit")])
    assert done.errors.startswith("Line 2: failed: ")
    assert done.failure == "2 lines were refused."
    assert "secret-id" not in done.said


class BrokenStorage(SiteStorage):
    """Fails, and says of whom."""

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        raise RuntimeError(user_id)


# --- Activated elsewhere -------------------------------------------------------------------------


def test_activated_elsewhere_is_decided_as_the_other_service_did(run: Run, site: Configure) -> None:
    names = {
        user_id: get_client().explain("pricing-page", user_id).variation
        for user_id in ("ann", "bob", "carl", "dora", "emil")
    }
    done = run([row(user_id) for user_id in names], "--activated-elsewhere")
    assert "5 lines recorded (5 conversions)" in done.out
    assert {event.user_id: event.variation_name for event in conversions()} == {
        user_id: variation.name for user_id, variation in names.items() if variation
    }
    assert not Event.objects.exclude(kind=EventKind.CONVERSION).exists()
    assert not Assignment.objects.exists()
    assert "the visitor was never shown" in run([row("fred")]).out


def test_activated_elsewhere_keeps_what_is_remembered_here(run: Run, site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(only("Old")))
    get_client().activate("pricing-page", "ann")
    arms = [{"id": 9, "name": "Old", "weight": 0}, {"id": 10, "name": "New", "weight": 100}]
    site(SETTINGS_DOCUMENT=document(ab_test(variations=arms)))
    run([row("ann"), row("bob")], "--activated-elsewhere")
    assert [event.variation_name for event in conversions()] == ["Old", "New"]


def test_activated_elsewhere_counts_a_goal_once(
    run: Run, site: Configure, collector: Collector
) -> None:
    first, later = [row("carl")], [row("carl", at="2026-03-02"), row("carl", at="2026-03-03")]
    run([*first, *later[:1]], "--activated-elsewhere")
    assert len(conversions()) == 1
    done = run(first + later, "--activated-elsewhere")
    assert "1 already imported, 2 not counted" in done.out
    drain(time.monotonic() + 60, route=route(collector))
    Event.objects.all().delete()
    done = run(first + later, "--activated-elsewhere")
    assert "1 already imported, 2 not counted" in done.out
    assert "2 not counted: the goal was reached before" in done.out


def test_activated_elsewhere_still_asks_for_the_segment(run: Run, site: Configure) -> None:
    segment = {"or": [{"custom_variable": {"plan": "gold"}}]}
    site(SETTINGS_DOCUMENT=document(ab_test(segments=segment)))
    rows = [row("carl", attributes={"plan": "gold"}), row("dora", attributes={"plan": "free"})]
    done = run(rows, "--activated-elsewhere")
    assert reached() == [("carl", "signup")]
    assert "1 not counted: outside the campaign's segment" in done.out


# --- Twice ---------------------------------------------------------------------------------------

TWO = [row("ann"), row("bob", "visit"), row("bob", "visit", at="2026-03-01T12:30:16Z")]


def test_importing_twice_records_once(run: Run, activated: str) -> None:
    assert "3 lines recorded" in run(TWO).out
    before = {event.uuid for event in conversions()}
    assert "0 lines recorded (0 conversions), 3 already imported, 0 not" in run(TWO).out
    assert {event.uuid for event in conversions()} == before


def test_a_file_that_overlaps_another_goes_on_from_there(run: Run, activated: str) -> None:
    run(TWO[:2])
    done = run([row("ann", "visit"), *TWO])
    assert "2 lines recorded (2 conversions), 2 already imported" in done.out
    assert len(conversions()) == 4


def test_identical_lines_are_one_conversion_but_for_their_ids(run: Run, activated: str) -> None:
    same = row("bob", "visit")
    assert "1 lines recorded (1 conversions), 2 already imported" in run([same] * 3).out
    rows = [row("ann", "visit", id=name) for name in ("a", "b", "a", "")]
    assert "3 lines recorded (3 conversions), 1 already imported" in run(rows).out
    moved = [row("ann", "visit", at="2026-02-01", id=name) for name in ("a", "b", "c")]
    assert "1 lines recorded (1 conversions), 2 already imported" in run(moved).out


def test_a_batch_does_not_see_less_than_a_file(
    run: Run, activated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(*each) for each in (("ann",), ("ann", "visit"), ("bob",), ("ann",))] * 3
    rows.append(row("bob", at="2026-02-01"))
    whole = run(rows, "--dry-run").out
    monkeypatch.setattr(vwo_import_events, "BATCH", 1)
    assert run(rows, "--dry-run").out == whole
    assert run(rows).out == whole.replace("would be ", "")
    assert "3 would be recorded" not in whole


@pytest.mark.parametrize("goal", ["signup", "visit"])
def test_what_was_delivered_and_pruned_is_not_imported_again(
    run: Run, activated: str, collector: Collector, goal: str
) -> None:
    run([row(goal=goal)])
    drain(time.monotonic() + 60, route=route(collector))
    assert LedgerEntry.objects.filter(event_uuid=conversions()[0].uuid).count() == 1
    Event.objects.all().delete()
    assert "0 lines recorded (0 conversions), 1 already imported" in run([row(goal=goal)]).out
    assert "1 would be recorded" not in run([row(goal=goal)], "--dry-run").out


def test_what_was_cancelled_can_be_imported_again(run: Run, activated: str) -> None:
    run([row()])
    Event.objects.filter(kind=EventKind.CONVERSION).update(
        status=EventStatus.CANCELLED, due_at=None
    )
    assert "1 lines recorded" in run([row()]).out


def test_a_conversion_that_the_site_tracked_counts_before(run: Run, activated: str) -> None:
    get_client().track("pricing-page", "ann", "signup")
    assert "1 not counted: the goal was reached before" in run([row()]).out
    run([row("bob")])
    assert get_client().track("pricing-page", "bob", "signup") == {"pricing-page": False}


def test_a_dry_run_tells_the_same_and_writes_nothing(run: Run, activated: str) -> None:
    rows = [*TWO, row("carl"), row("ann", at="2026-02-01"), TWO[1], row("ann", "nothing")]
    before = Event.objects.count(), LedgerEntry.objects.count()
    dry = run(rows, "--dry-run")
    assert (Event.objects.count(), LedgerEntry.objects.count()) == before
    wet = run(rows)
    assert dry.out.replace("would be ", "") == wet.out
    assert (dry.errors, dry.failure) == (wet.errors, wet.failure)


def test_two_imports_at_once_record_each_line_once(
    site: Configure, activated: str, collector: Collector
) -> None:
    lines = [
        Line(number=n, last=n, user_id="ann", goal="visit", time=AT_NOON + timedelta(hours=n))
        for n in range(200)
    ]
    importers = [Importer(is_activated_elsewhere=False) for _ in range(2)]
    current()

    def work(mine: Importer, order: Sequence[Line]) -> None:
        for start in range(0, len(order), 20):
            mine.add(order[start : start + 20])

    in_threads(lambda: work(importers[0], lines), lambda: work(importers[1], lines[::-1]))
    assert sum(each.tally.recorded for each in importers) == 200
    assert sum(each.tally.known for each in importers) == 200
    assert len({event.uuid for event in conversions()}) == len(conversions()) == 200
    drain(time.monotonic() + 60, route=route(collector))
    assert Event.objects.filter(status=EventStatus.SENT).count() == 202


def test_an_import_that_lost_the_race_records_nothing(
    run: Run, activated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_out = importer.Drafter.work_out

    def slow(self: Any, drafts: Sequence[Draft], known: Any) -> None:
        work_out(self, drafts, known)
        monkeypatch.setattr(importer.Drafter, "work_out", work_out)
        run(TWO)

    monkeypatch.setattr(importer.Drafter, "work_out", slow)
    assert "0 lines recorded (0 conversions), 3 already imported" in run(TWO).out
    assert len(conversions()) == 3


def test_messages_of_a_visitor_tell_different_milliseconds(run: Run, activated: str) -> None:
    run([row("ann", goal, id=name) for goal in ("visit", "signup") for name in "abc"])
    run([row("ann", "visit", id="d")])
    moments = [restored_time(event.occurred_at) for event in conversions()]
    assert moments == [AT_NOON + timedelta(milliseconds=number) for number in range(5)]


# --- Batches -------------------------------------------------------------------------------------


def many(count: int, user_ids: int = 50) -> list[Row]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        row(f"visitor {number % user_ids}", "visit", str(start + timedelta(minutes=number)))
        for number in range(count)
    ]


def test_a_batch_takes_few_queries(
    site: Configure, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(50):
        get_client().activate("pricing-page", f"visitor {number}")
    lines = [
        Line(
            number=number,
            last=number,
            user_id=f"visitor {number % 50}",
            goal="visit",
            time=AT_NOON + timedelta(minutes=number),
        )
        for number in range(400)
    ]
    mine = Importer(is_activated_elsewhere=False)
    mine.add(lines[:1])
    most = 16 if connection.vendor != "sqlite" else 30  # which inserts fewer rows at once
    with django_assert_max_num_queries(most):
        mine.add(lines)
    assert mine.tally.recorded == 400


def test_what_the_database_refuses_costs_its_line(
    run: Run, activated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = OutboxRecorder.record

    def refuse(self: OutboxRecorder, events: Sequence[Any]) -> None:
        record(self, events)
        if any(event.revenue == 13 for event in events):
            raise DataError("secret-id")

    monkeypatch.setattr(OutboxRecorder, "record", refuse)
    rows = [row("ann", "visit", revenue=number, id=number) for number in range(10, 20)]
    done = run(rows)
    assert done.errors.startswith("Line 5: the database refused it: ")
    assert (
        "9 lines recorded (9 conversions), 0 already imported, 0 not counted, 1 refus" in done.out
    )
    assert len(conversions()) == 9
    assert "secret-id" not in done.said


def test_a_database_without_tables_is_told(run: Run, activated: str) -> None:
    if not connection.features.can_rollback_ddl:
        pytest.skip("this database cannot bring a dropped table back")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_vwo_ledgerentry")
        assert "The database cannot be used: " in run([row()]).failure
        transaction.set_rollback(True)


def test_many_lines_go_in_steps_and_are_shown(
    run: Run, site: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(REQUIRE_ACTIVATION=False)
    monkeypatch.setattr(vwo_import_events, "PROGRESS", 1_000)
    done = run(many(2_600))
    assert done.out.splitlines()[:2] == ["1,001 lines …", "2,001 lines …"]
    assert len(conversions()) == 2_600


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar(run: Run, activated: str, tmp_path: Path) -> None:
    pytest.importorskip("tqdm")
    run(TWO)
    done = Import(tmp_path / "conversions.csv", out=Terminal())
    assert "3 already imported" in done.out
    assert "lines …" not in done.out


def test_a_stop_leaves_whole_batches_and_the_next_run_goes_on(
    run: Run, site: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(REQUIRE_ACTIVATION=False)
    monkeypatch.setattr(vwo_import_events, "BATCH", 100)
    record, batches = OutboxRecorder.record, 0

    def interrupted(self: OutboxRecorder, events: Sequence[Any]) -> None:
        nonlocal batches
        batches += 1
        record(self, events)
        if batches == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(OutboxRecorder, "record", interrupted)
    done = run(many(1_000))
    assert done.failure == "Stopped after line 301; run it again to go on."
    assert done.status == 130
    assert done.out.startswith("300 lines recorded (300 conversions)")
    assert len(conversions()) == 300
    assert "700 lines recorded (700 conversions), 300 already imported" in run(many(1_000)).out
    assert len(conversions()) == 1_000


def test_a_second_stop_undoes_the_batch_under_way(
    run: Run, site: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(REQUIRE_ACTIVATION=False)
    record = OutboxRecorder.record

    def interrupted(self: OutboxRecorder, events: Sequence[Any]) -> None:
        record(self, events)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    monkeypatch.setattr(OutboxRecorder, "record", interrupted)
    done = run(many(10))
    assert done.failure == "Stopped after line 0; run it again to go on."
    assert not Event.objects.exists()


def test_standard_input_is_read(activated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = as_csv(TWO).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert "3 lines recorded" in Import("-").out


def test_each_batch_is_committed_where_the_site_commits_by_hand(run: Run, activated: str) -> None:
    connection.set_autocommit(False)
    try:
        assert "3 lines recorded" in run(TWO).out
        assert not connection.in_atomic_block
        connection.rollback()
        assert len(conversions()) == 3
    finally:
        connection.set_autocommit(True)


def test_no_thread_is_left(run: Run, activated: str) -> None:
    before = set(threading.enumerate())
    run(TWO)
    assert {each.daemon for each in set(threading.enumerate()) - before} <= {True}


# --- Optimizely ----------------------------------------------------------------------------------


@pytest.fixture
def optimizely(settings: Settings, configure: Configure, site: Configure) -> Configure:
    """Put a datafile into service, of two experiments with one event; return `configure`."""
    settings.VWO = {key: value for key, value in settings.VWO.items() if key != "ACCOUNT_ID"}
    configure(
        DIALECT="optimizely",
        SETTINGS_DOCUMENT=datafile(
            experiment("pricing", "10"),
            experiment("banner", "11"),
            events=[event("signup", "21", ["10", "11"])],
        ),
    )
    return configure


@pytest.mark.parametrize("options", [(), ("--activated-elsewhere",)], ids=str)
@pytest.mark.parametrize(
    "keys", [{}, {"GENERATION": "2.1"}, {"TRACK_REQUIRES_DECISION": False}], ids=str
)
def test_on_optimizely_a_line_is_one_message(
    run: Run, optimizely: Configure, keys: dict[str, Any], options: tuple[str, ...]
) -> None:
    optimizely(**keys)
    rows = [
        row("ann", revenue="12.5", tags={"sku": "a"}),
        row("ann", at="2026-03-01T12:30:16Z", attributes={"plan": "gold"}),
    ]
    assert run(rows, *options).out.startswith("2 lines recorded")
    assert "2 already imported" in run(rows, *options).out
    with Collector() as collector:
        optimizely(COLLECTOR_URL=collector.url)
        drain_site()
        transport.forget_session()
    (received,) = collector.accepted
    told = [each["snapshots"][0]["events"][0] for each in json.loads(received.body)["visitors"]]
    milliseconds = int(AT_NOON.timestamp()) * 1000
    assert [(each["key"], each["timestamp"]) for each in told] == [
        ("signup", milliseconds),
        ("signup", milliseconds + 1000),
    ]
    assert told[0]["revenue"] == 1250
    assert told[0]["tags"]["sku"] == "a"
    assert len({each["uuid"] for each in told}) == 2
    assert Event.objects.filter(status=EventStatus.SENT).count() == Event.objects.count()
    Event.objects.all().delete()
    assert "2 already imported" in run(rows, *options).out


def test_on_optimizely_whoever_is_in_no_campaign_is_not_counted(
    run: Run, optimizely: Configure
) -> None:
    optimizely(
        SETTINGS_DOCUMENT=datafile(
            experiment("pricing", "10", audienceIds=["30"]),
            typedAudiences=[audience("30", exactly("plan", "gold"))],
            events=[event("signup", "21", ["10"])],
        )
    )
    rows = [row("ann", attributes={"plan": "gold"}), row("bob", attributes={"plan": "free"})]
    done = run(rows)
    assert reached() == [("ann", "signup")]
    assert "1 not counted: outside the campaign's segment" in done.out
