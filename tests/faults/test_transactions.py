"""Whatever becomes of a caller's transaction: its events go with it, and arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import Client as Browser
from pytest_django import DjangoDbBlocker, Settings

from django_vwo.client import Client
from django_vwo.models import Assignment, Event
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.database import DatabaseStorage
from tests.collector import Collector
from tests.conftest import Configure, Serve
from tests.documents import document

from .web_servers import assert_all_arrived, assert_arrived, deliver, orders

pytestmark = [
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True, databases=["default", "events"]),
]


class FailedError(Exception):
    """What the site's code raises."""


class Elsewhere:
    """A router of a site whose events are written to a database of their own."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        return "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "events" if model._meta.app_label == "django_vwo" else "default"


@pytest.fixture(scope="module", autouse=True)
def events_database(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Have a second database."""
    connections.settings["events"] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path_factory.mktemp("events") / "events.sqlite3"),
        "OPTIONS": {},
    }
    with django_db_blocker.unblock():
        call_command("migrate", database="events", verbosity=0)
        yield
        connections["events"].close()
    del connections["events"]
    del connections.settings["events"]


@pytest.fixture
def vwo() -> Client:
    return Client(
        document(), storage=DatabaseStorage(), recorder=OutboxRecorder(), raise_errors=True
    )


@pytest.fixture
def is_elsewhere(settings: Settings) -> None:
    """Have the app's rows in the second database."""
    settings.DATABASE_ROUTERS = [Elsewhere()]


def take_order(vwo: Client, name: str) -> None:
    """Do what a request does that takes an order."""
    vwo.activate("pricing-page", name)
    Group.objects.create(name=name)
    assert vwo.track("pricing-page", name, "signup")


def test_events_of_a_database_that_is_read_from_a_replica_arrive(
    vwo: Client, is_elsewhere: None, collector: Collector
) -> None:
    """Row 25: the replica, which has other rows, is never asked and nothing is claimed there."""
    take_order(vwo, "ann")
    ghost = Event.objects.using("events").all()[0]
    ghost.uuid, ghost.visitor = uuid4(), "GHOST"
    ghost.save(using="default")

    deliver(collector)
    assert_arrived(collector, "ann")
    assert not Event.objects.using("events").filter(sent_at=None).exists()
    assert Event.objects.using("default").get().attempts == 0


@pytest.mark.parametrize("is_open", [False, True], ids=["alone", "in a transaction of the other"])
@pytest.mark.parametrize("failing", ["default", "events"])
def test_of_two_databases_each_keeps_its_half_whole(
    vwo: Client, is_elsewhere: None, collector: Collector, failing: str, is_open: bool
) -> None:
    """Row 26: the site is warned (W009), as one half may be rolled back without the other."""
    other = {"default": "events", "events": "default"}[failing]
    take_order(vwo, "ann")
    outer = transaction.atomic(using=other) if is_open else nullcontext()
    with outer, suppress(FailedError), transaction.atomic(using=failing):
        take_order(vwo, "bob")
        raise FailedError

    ordered, shown = {"default": ({"ann"}, {"ann", "bob"}), "events": ({"ann", "bob"}, {"ann"})}[
        failing
    ]
    assert orders() == ordered
    deliver(collector)
    assert_arrived(collector, *shown)
    assigned = Assignment.objects.using("events").values_list("user_id", flat=True)
    assert set(assigned) == shown


def test_where_the_site_commits_by_hand_what_it_commits_arrives(
    vwo: Client, collector: Collector
) -> None:
    """Row 27: nobody is nudged; the sweep finds what was committed, and nothing else."""
    transaction.set_autocommit(False)
    try:
        take_order(vwo, "ann")
        transaction.rollback()
        take_order(vwo, "bob")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)

    assert orders() == {"bob"}
    assert set(Event.objects.values_list("user_id", flat=True)) == {"bob"}
    assert set(Assignment.objects.values_list("user_id", flat=True)) == {"bob"}
    deliver(collector)
    assert_all_arrived(collector)


def test_what_a_savepoint_took_back_does_not_arrive(vwo: Client, collector: Collector) -> None:
    """Row 28: the order and the events of an inner block that fails, in one that does not."""
    with transaction.atomic():
        take_order(vwo, "ann")
        with suppress(FailedError), transaction.atomic():
            take_order(vwo, "bob")
            raise FailedError
        take_order(vwo, "eve")

    assert orders() == {"ann", "eve"}
    assert Assignment.objects.count() == 2
    deliver(collector)
    assert_all_arrived(collector)


def test_a_page_that_fails_after_it_tracked_leaves_nothing(
    site: Configure, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 28: the view is rolled back, as ATOMIC_REQUESTS says; the next visit is kept."""
    pokes: list[str] = []
    monkeypatch.setattr("django_vwo.recorders.outbox.poke", lambda: pokes.append("poke"))
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    site(USER_ID=lambda request: "ann")

    def order(request: Any) -> HttpResponse:
        request.vwo.activate("pricing-page")
        Group.objects.create(name="ann")
        assert request.vwo.track("signup")
        if "fail" in request.GET:
            raise FailedError
        return HttpResponse()

    serve(order)
    browser = Browser(raise_request_exception=False)
    assert browser.get("/?fail").status_code == 500
    assert orders() == set()
    assert pokes == []
    assert not Event.objects.exists()
    assert not Assignment.objects.exists()

    assert browser.get("/").status_code == 200
    assert orders() == {"ann"}
    assert pokes
    assert (Event.objects.count(), Assignment.objects.count()) == (2, 1)


def test_events_arrive_though_another_hook_fails_before_ours(
    vwo: Client, collector: Collector
) -> None:
    """Row 29: then nobody is nudged, nor is the assignment remembered; the events are kept."""

    def fail() -> None:
        raise FailedError

    with suppress(FailedError), transaction.atomic():
        transaction.on_commit(fail)
        take_order(vwo, "ann")

    assert orders() == {"ann"}
    assert not Assignment.objects.exists()
    deliver(collector)
    assert_all_arrived(collector)
