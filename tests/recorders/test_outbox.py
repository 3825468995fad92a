from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from django_vwo.engine.events import Kind
from django_vwo.fields import DatabaseNow
from django_vwo.models import Event as EventRow
from django_vwo.models import EventStatus
from django_vwo.recorders.outbox import OutboxRecorder, restore
from tests.outbox.samples import conversion, impression, impressions, push, record, rows

pytestmark = pytest.mark.django_db(transaction=True)

NASTY = "a\0b\ud800c😀"


def knot() -> dict[str, Any]:
    tied: dict[str, Any] = {}
    tied["again"] = tied
    return tied


POISON = [
    pytest.param({"user_id": NASTY}, id="NUL and surrogate in the user id"),
    pytest.param({"user_id": "x" * 10_000}, id="user id of 10,000 characters"),
    pytest.param({"user_id": "é" * 2_000_000}, id="user id of 4 MB"),
    pytest.param({"campaign_key": NASTY + "k" * 1000}, id="long campaign key"),
    pytest.param({"variation_name": NASTY + "v" * 1000}, id="long variation name"),
    pytest.param({"goal_identifier": NASTY + "g" * 1000}, id="long goal identifier"),
    pytest.param({"campaign_id": "1" * 1000, "goal_id": "2" * 1000}, id="long ids"),
    pytest.param({"unique_key": NASTY}, id="NUL and surrogate in the unique key"),
    pytest.param({"user_agent": NASTY * 100_000}, id="user agent of half a megabyte"),
    pytest.param({"ip_address": NASTY * 100}, id="long address"),
    pytest.param({"revenue": float("nan")}, id="revenue NaN"),
    pytest.param({"revenue": float("inf")}, id="infinite revenue"),
    pytest.param({"revenue": 10**400}, id="revenue of 400 digits"),
    pytest.param({"revenue": Decimal("1e400")}, id="huge Decimal"),
    pytest.param({"revenue": "12,50" + NASTY}, id="revenue that is no number"),
    pytest.param({"revenue": 1e22}, id="large revenue"),
    pytest.param({"revenue_prop": NASTY, "properties": {NASTY: 1}}, id="nasty revenue property"),
    pytest.param({"properties": {"x": float("nan"), "y": 1}}, id="NaN property"),
    pytest.param({"properties": {"x": NASTY, NASTY: 1}}, id="NUL and surrogate property"),
    pytest.param({"properties": {"x": object()}}, id="object property"),
    pytest.param({"properties": knot()}, id="cycle"),
    pytest.param({"properties": {"x": "x" * 1_000_000}}, id="1 MB property"),
    pytest.param({"properties": {"x": 10**5000, "y": 2**64, "z": 1e308}}, id="huge numbers"),
    pytest.param({"occurred_at": datetime(2026, 3, 1)}, id="naive time"),  # noqa: DTZ001
    pytest.param({"occurred_at": datetime(1, 1, 2, tzinfo=UTC)}, id="the year 1"),
]


@pytest.mark.parametrize("poison", POISON)
def test_a_poisoned_event_is_recorded_and_both_orders_are_kept(poison: dict[str, Any]) -> None:
    event = conversion(**poison)
    with transaction.atomic():
        Group.objects.create(name="order before")
        record(conversion("sibling"), event, conversion("another"))
        record(event)
        Group.objects.create(name="order after")

    assert Group.objects.count() == 2
    recorded = rows()
    assert len(recorded) == 4
    assert restore(recorded[3]) == restore(recorded[1])
    restored = restore(recorded[1])
    assert restored.kind is Kind.CONVERSION
    assert restored.visitor == conversion(**poison).visitor
    assert "\0" not in restored.user_id


def test_what_is_recorded_comes_back() -> None:
    events = [
        impression(custom_properties={"a": [1, None, {"b": "é"}]}),
        impression(custom_properties={}),
        impression(custom_properties=0),
        conversion(revenue="12.50", revenue_prop="price", properties={"price": 7}),
        conversion("Ann", revenue=7),
        push(),
    ]
    record(*events)

    for event, row in zip(events, rows(), strict=True):
        assert restore(row) == replace(event, unique_key=None)  # the row keeps its digest


@pytest.mark.parametrize("kind", [impression, conversion, push])
def test_an_event_by_itself_becomes_the_row_that_it_becomes_among_others(kind: Any) -> None:
    event = kind()
    record(event)
    record(event, event)

    alone, *others = EventRow.objects.order_by("id").values()
    assert all(each.pop("id") and each.pop("due_at") for each in (alone, *others))
    assert others == [alone, alone]


def test_a_row_reads_well_in_the_admin() -> None:
    record(conversion(revenue="12.50"))

    row = rows()[0]
    assert row.revenue == Decimal("12.500000")
    assert (row.campaign_key, row.variation_name) == ("pricing-page", "Variation-1")
    assert (row.goal_identifier, row.user_id) == ("purchase", "Bob")
    assert row.status == EventStatus.PENDING
    assert row.due_at is not None
    assert row.payload_version == 1
    assert row.extra["revenue"] == "12.50"


REVENUES = [
    pytest.param({"revenue": 5}, Decimal(5), id="the call's"),
    pytest.param(
        {"revenue": 5, "revenue_prop": "price", "properties": {"price": 7}},
        Decimal(5),
        id="the call's before the property's",
    ),
    pytest.param(
        {"revenue": None, "revenue_prop": "price", "properties": {"price": "7"}},
        Decimal(7),
        id="the property's",
    ),
    pytest.param({"revenue": 5, "goal_type": "CUSTOM_GOAL"}, None, id="none of a plain goal"),
    pytest.param(
        {
            "revenue": 5,
            "goal_type": "CUSTOM_GOAL",
            "revenue_prop": "price",
            "properties": {"price": 7},
        },
        Decimal(7),
        id="a plain goal's property",
    ),
    pytest.param({"revenue": 10**15}, None, id="none that does not fit"),
]


@pytest.mark.parametrize(("changes", "amount"), REVENUES)
def test_the_revenue_column_holds_what_counts(
    changes: dict[str, Any], amount: Decimal | None
) -> None:
    record(conversion(**changes))

    assert rows()[0].revenue == amount


def test_what_was_left_out_is_logged_by_name(caplog: pytest.LogCaptureFixture) -> None:
    record(conversion(revenue=float("nan"), properties={"basket": object()}))

    assert "basket" in caplog.text
    assert "without its revenue" in caplog.text
    assert "object at" not in caplog.text


def test_the_events_of_one_call_are_one_insert(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with transaction.atomic(), django_assert_num_queries(3) as captured:
        record(*impressions(20))

    inserts = [query["sql"] for query in captured if query["sql"].startswith("INSERT")]
    assert len(inserts) == 1
    assert len(rows()) == 20


@transaction.atomic
def failing_view() -> None:
    record(impression())
    raise ZeroDivisionError


def test_a_rolled_back_view_records_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        failing_view()

    assert rows() == []


@pytest.fixture
def broken_table() -> Any:
    """Take the outbox table away, as before a migration."""
    table = EventRow._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(EventRow, table, f"{table}_gone")
    yield
    with connection.schema_editor() as editor:
        editor.alter_db_table(EventRow, f"{table}_gone", table)


@pytest.mark.usefixtures("broken_table")
def test_a_database_that_refuses_leaves_the_callers_transaction_usable() -> None:
    with transaction.atomic():
        Group.objects.create(name="order before")
        with pytest.raises(DatabaseError):
            record(impression())
        Group.objects.create(name="order after")

    assert Group.objects.count() == 2


@pytest.fixture
def pokes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each poke."""
    poked: list[str] = []
    monkeypatch.setattr("django_vwo.recorders.outbox.poke", lambda: poked.append("poke"))
    return poked


def test_the_workers_are_nudged_after_the_commit(pokes: list[str]) -> None:
    with transaction.atomic():
        record(impression())
        assert pokes == []

    assert pokes == ["poke"]


def test_outside_a_transaction_the_workers_are_nudged_at_once(pokes: list[str]) -> None:
    record(impression())

    assert pokes == ["poke"]


@pytest.mark.parametrize("is_nested", [False, True], ids=["transaction", "savepoint"])
def test_a_rolled_back_view_nudges_nobody(pokes: list[str], is_nested: bool) -> None:
    with transaction.atomic() if is_nested else nullcontext(), pytest.raises(ZeroDivisionError):
        failing_view()

    assert pokes == []


def test_where_the_site_commits_by_hand_the_event_belongs_to_its_commit(pokes: list[str]) -> None:
    transaction.set_autocommit(False)
    try:
        record(impression())
        transaction.rollback()
        record(impression("Ann"))
        transaction.commit()
    finally:
        transaction.set_autocommit(True)

    assert [row.user_id for row in rows()] == ["Ann"]
    assert pokes == []


def test_no_events_are_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        OutboxRecorder().record([])


@pytest.mark.parametrize("use_tz", [True, False])
def test_the_time_of_an_event_survives(settings: Settings, use_tz: bool) -> None:
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = "Asia/Karachi"
    event = impression()
    record(event)

    assert restore(rows()[0]).occurred_at == event.occurred_at


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("time_zone", ["America/New_York", "Asia/Karachi"])
def test_many_events_are_due_at_once_by_the_databases_clock(
    settings: Settings, use_tz: bool, time_zone: str
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = use_tz, time_zone
    OutboxRecorder().record([impression()])
    recorder = OutboxRecorder()
    recorder.asks_for_time = True
    recorder.record([impression(), impression()])
    due = EventRow.objects.filter(due_at__lte=DatabaseNow())
    assert due.count() == EventRow.objects.count() == 3
    assert not due.filter(due_at__lte=DatabaseNow() - timedelta(minutes=1)).exists()
