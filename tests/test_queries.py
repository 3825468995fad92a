"""How many queries things take; savepoints aside."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient as AsyncBrowser
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from django_vwo.client import get_client
from django_vwo.models import Assignment, Event
from django_vwo.outbox.vitals import vitals
from django_vwo.sources.current import current
from django_vwo.transactions import SAVEPOINT

from .conftest import Configure, Serve
from .documents import ab_test, document, sharing_a_goal
from .outbox.samples import impressions, record

pytestmark = pytest.mark.django_db(transaction=True)

ID = "0123456789abcdef" * 2
CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


@contextmanager
def queries() -> Iterator[list[str]]:
    """Yield a list that ends as the verbs of the block's queries."""
    verbs: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield verbs
    for query in captured:
        verb = alone(query["sql"]).lstrip("( ").split()[0].upper()
        if verb not in CONTROL:
            verbs.append(verb)


def alone(sql: str) -> str:
    """Return the statement that was sent in one message with the savepoint around it, or *sql*."""
    return sql.removeprefix(f"SAVEPOINT {SAVEPOINT}; ")


@pytest.fixture
def warm(site: Configure) -> Configure:
    """Return a function that changes settings and has the process read its document."""

    def start(**keys: Any) -> None:
        site(**keys)
        current()

    start()
    return start


@pytest.fixture(params=["autocommit", "ATOMIC_REQUESTS"])
def visit(
    request: pytest.FixtureRequest, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Return a function that takes steps in a visitor's request, and returns its queries."""
    is_atomic = request.param == "ATOMIC_REQUESTS"
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", is_atomic)
    browser = Browser()
    browser.cookies["vwo_visitor"] = ID

    def visited(step: Callable[[Any], Any]) -> list[str]:
        def view(request: HttpRequest) -> HttpResponse:
            step(request.vwo)
            return HttpResponse()

        serve(view)
        with queries() as verbs:
            assert browser.get("/").status_code == 200
        return verbs

    return visited


Visit = Callable[[Callable[[Any], Any]], list[str]]


@pytest.fixture
def avisit(serve: Serve) -> Visit:
    """Return a function that takes steps in an async view, and returns its queries."""
    browser = AsyncBrowser()
    browser.cookies["vwo_visitor"] = ID

    async def get() -> int:
        return (await browser.get("/")).status_code

    def visited(step: Callable[[Any], Any]) -> list[str]:
        async def view(request: HttpRequest) -> HttpResponse:
            await step(request.vwo)
            return HttpResponse()

        serve(view)
        with queries() as verbs:
            assert async_to_sync(get)() == 200
        return verbs

    return visited


def activate(vwo: Any) -> None:
    assert vwo.activate("pricing-page") in ("Control", "Variation-1")


def test_a_request_that_does_not_use_it_runs_none(warm: Configure, visit: Visit) -> None:
    assert visit(lambda vwo: None) == []


def test_a_returning_visitor_is_looked_up_once(warm: Configure, visit: Visit) -> None:
    visit(activate)
    assert visit(activate) == ["SELECT"]


def test_a_new_visitor_is_looked_up_and_written(warm: Configure, visit: Visit) -> None:
    verbs = visit(activate)
    assert sorted(verbs) == ["INSERT", "INSERT", "SELECT", "SELECT"]
    assert Assignment.objects.count() == Event.objects.count() == 1


def statements(rows: int) -> int:
    """Return how many INSERTs it takes: SQLite limits the parameters of each."""
    columns = [field for field in Event._meta.concrete_fields if not field.primary_key]
    limit = connection.features.max_query_params or rows * len(columns)
    return math.ceil(rows / (limit // len(columns)))


@pytest.mark.parametrize("count", [1, 10, 200])
def test_a_goal_takes_one_look_up_and_one_insert(warm: Configure, visit: Visit, count: int) -> None:
    warm(SETTINGS_DOCUMENT=sharing_a_goal(count))
    visit(lambda vwo: [vwo.activate(f"test-{number}") for number in range(count)])
    assert Assignment.objects.count() == count
    verbs = visit(lambda vwo: vwo.track("signup"))
    if connection.features.max_query_params is None:
        assert verbs == ["SELECT", "INSERT"]
    assert verbs == ["SELECT", *["INSERT"] * statements(count)]
    assert Event.objects.filter(goal_identifier="signup").count() == count
    assert visit(lambda vwo: vwo.track("signup")) == ["SELECT"], "all were reached before"


@pytest.mark.parametrize("count", [1, 10, 200])
def test_a_goal_of_somebody_who_was_shown_nothing_takes_one_look_up(
    warm: Configure, visit: Visit, count: int
) -> None:
    warm(SETTINGS_DOCUMENT=sharing_a_goal(count))
    assert visit(lambda vwo: vwo.track("signup")) == ["SELECT"]


def test_a_goal_that_counts_each_time_takes_no_more(warm: Configure, visit: Visit) -> None:
    visit(activate)
    for _ in range(3):
        assert visit(lambda vwo: vwo.track("visit")) == ["SELECT", "INSERT"]


def test_an_activation_and_a_goal_take_three(warm: Configure, visit: Visit) -> None:
    visit(activate)

    def both(vwo: Any) -> None:
        activate(vwo)
        assert vwo.track("signup")

    assert visit(both) == ["SELECT", "SELECT", "INSERT"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="others take no message of several")
def test_in_a_transaction_on_postgresql_each_is_one_message(warm: Configure) -> None:
    vwo = get_client()
    vwo.activate("pricing-page", "alice")
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        assert vwo.activate("pricing-page", "alice")
        assert vwo.track(None, "alice", "signup")
    assert [alone(query["sql"]).lstrip("( ")[:6] for query in captured] == [
        *("SELECT", "SELECT", "INSERT")
    ]


def test_ten_decisions_take_as_many_as_one(warm: Configure, visit: Visit) -> None:
    campaigns = [ab_test(f"test-{number}", id=number) for number in range(10)]
    warm(SETTINGS_DOCUMENT=document(*campaigns))

    def decide(vwo: Any) -> None:
        for campaign in campaigns:
            first = vwo.activate(campaign["key"])
            assert vwo.get_variation_name(campaign["key"]) == first

    visit(decide)
    assert visit(decide) == ["SELECT"]


def test_in_an_async_view_they_take_as_many(warm: Configure, avisit: Visit) -> None:
    campaigns = [ab_test(f"test-{number}", id=number) for number in range(10)]
    warm(SETTINGS_DOCUMENT=document(*campaigns))

    async def nothing(vwo: Any) -> None:
        pass

    async def decide(vwo: Any) -> None:
        for campaign in campaigns:
            first = await vwo.aactivate(campaign["key"])
            assert await vwo.aget_variation_name(campaign["key"]) == first

    async def activate_and_track(vwo: Any) -> None:
        assert await vwo.aactivate("test-3")
        assert await vwo.atrack("signup", ["test-3"])

    assert avisit(nothing) == []
    avisit(decide)
    assert avisit(decide) == ["SELECT"]
    assert avisit(activate_and_track) == ["SELECT", "SELECT", "INSERT"]


def test_an_event_by_itself_needs_no_transaction(warm: Configure) -> None:
    vwo = get_client()
    vwo.activate("pricing-page", "alice")
    with CaptureQueriesContext(connection) as captured:
        assert vwo.track(None, "alice", "signup")
    assert [query["sql"].lstrip("( ")[:6] for query in captured] == ["SELECT", "INSERT"]


def test_ten_first_decisions_look_up_once(warm: Configure, visit: Visit) -> None:
    campaigns = [ab_test(f"test-{number}", id=number) for number in range(10)]
    warm(SETTINGS_DOCUMENT=document(*campaigns))
    verbs = visit(lambda vwo: [vwo.activate(campaign["key"]) for campaign in campaigns])
    assert verbs[0] == "SELECT"
    assert sorted(verbs[1:]) == ["INSERT"] * 20 + ["SELECT"] * 10, "written and read back"


def test_goals_of_one_request_look_up_each_once(warm: Configure, visit: Visit) -> None:
    visit(activate)

    def track(vwo: Any) -> None:
        for _ in range(5):
            vwo.track("signup")

    assert visit(track) == ["SELECT", "INSERT"]


def test_a_stateless_site_only_records(warm: Configure, visit: Visit) -> None:
    warm(USER_STORAGE=None)
    assert visit(activate) == ["INSERT"]
    assert visit(lambda vwo: vwo.track("signup")) == ["INSERT"]


def test_a_push_is_one_insert(warm: Configure, visit: Visit) -> None:
    assert visit(lambda vwo: vwo.push({"plan": "gold", "city": "Oslo"})) == ["INSERT"]


def test_whoever_is_outside_is_looked_up_once(warm: Configure, visit: Visit) -> None:
    warm(SETTINGS_DOCUMENT=document(ab_test(percentTraffic=0)))
    assert visit(lambda vwo: [vwo.activate("pricing-page") for _ in range(5)]) == ["SELECT"]


def test_the_process_wide_client_takes_as_many(warm: Configure) -> None:
    vwo = get_client()
    vwo.activate("pricing-page", "alice")
    with queries() as verbs:
        vwo.activate("pricing-page", "alice")
    assert verbs == ["SELECT"]
    with queries() as verbs, transaction.atomic():
        vwo.track(None, "alice", "signup")
    assert verbs == ["SELECT", "INSERT"]


def test_the_look_up_of_a_goal_uses_the_indexes(warm: Configure) -> None:
    vwo = get_client()
    for number in range(300):
        vwo.activate("pricing-page", f"user-{number}")
        vwo.track("pricing-page", f"user-{number}", "signup")
    with CaptureQueriesContext(connection) as captured:
        vwo.track("pricing-page", "user-7", "checkout", revenue_value=5)
    sql = next(query["sql"] for query in captured if "UNION" in query["sql"])
    plan = plan_of(sql)
    for index in ("event_visitor", "one_assignment", "ledgerentry_pkey"):
        assert f"django_vwo_{index}" in plan, plan


def test_how_the_outbox_is_doing_takes_three_queries_of_bounded_size(warm: Configure) -> None:
    record(*impressions(300))
    with CaptureQueriesContext(connection) as captured:
        assert vitals("123456", most_pending=20).pending == 21
    window, breaker, count = (query["sql"] for query in captured)
    assert "LIMIT 1000" in window
    assert "LIMIT 21)" in count
    assert "django_vwo_breaker" in breaker
    for sql in (window, count):
        assert "django_vwo_event_due" in plan_of(sql), plan_of(sql)
        if connection.vendor != "mysql":  # whose optimiser goes by how many rows there are
            assert "sort" not in plan_of(sql).lower()


def plan_of(sql: str) -> str:
    """Return how the database goes about a query, with the indexes by their PostgreSQL names."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # tables this small are read as a whole
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' * (connection.vendor == 'sqlite')}{sql}")
        plan = "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")
    names = {
        "sqlite_autoindex_django_vwo_assignment_1": "django_vwo_one_assignment",
        "sqlite_autoindex_django_vwo_ledgerentry_1": "django_vwo_ledgerentry_pkey",
        "PRIMARY": "django_vwo_ledgerentry_pkey",
    }
    for name, postgresql_name in names.items():
        plan = plan.replace(name, postgresql_name)
    return plan
