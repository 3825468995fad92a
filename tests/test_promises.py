"""Whatever is broken: the page renders, the caller's transaction lives, and no secret is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager as Context
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client as Browser
from pytest_django import Settings

from django_vwo.decorators import track_goal
from django_vwo.engine.entities import Visitor
from django_vwo.engine.events import Event, Kind
from django_vwo.recorders.base import Recorder
from django_vwo.storages.base import UserStorage, Writing
from django_vwo.testing import recorded_events

from .conftest import Configure, Serve
from .documents import DOCUMENT_KEY, document

pytestmark = pytest.mark.django_db(transaction=True)

SECRET_USER = "secret-user-4711"
SECRETS = (SECRET_USER, "secret-sdk-key", DOCUMENT_KEY)
TEMPLATE = """{% load vwo %}
{% vwo_activate "pricing-page" as variation %}
{% vwo_feature_enabled "new-nav" as nav %}
{% vwo_variable "new-nav" "colour" default="blue" %}
{% vwo_track "visit" %}
"""


class BrokenError(Exception):
    """What a broken part raises: its message tells what it must not."""

    def __init__(self) -> None:
        super().__init__(" ".join(SECRETS))


class BrokenRecorder(Recorder):
    def record(self, events: Sequence[Event]) -> None:
        raise BrokenError


class BrokenStorage(UserStorage):
    def read(self, visitor: Visitor, goal_identifier: str | None = None) -> Any:
        raise BrokenError

    def writing(self) -> Context[Writing]:
        raise BrokenError

    def forget(self, visitor: Visitor) -> None:
        raise BrokenError


class ForgetfulStorage(BrokenStorage):
    """Reads, but cannot write."""

    def read(self, visitor: Visitor, goal_identifier: str | None = None) -> Any:
        return {}


@contextmanager
def without(*tables: str) -> Iterator[None]:
    """Take tables away for a while."""
    rename = "ALTER TABLE {} RENAME TO {}".format

    def move(source: str, target: str) -> None:
        with connection.cursor() as cursor:
            for table in tables:
                names = {"here": f"django_vwo_{table}", "away": f"away_{table}"}
                cursor.execute(rename(names[source], names[target]))

    move("here", "away")
    try:
        yield
    finally:
        move("away", "here")


def backend(kind: type) -> dict[str, str]:
    return {"BACKEND": f"{__name__}.{kind.__name__}"}


def fail(request: HttpRequest) -> None:
    raise BrokenError


@track_goal("checkout", revenue=lambda request, response: 12.5)
def shop(request: HttpRequest) -> HttpResponse:
    """Take an order, with everything that may fail before and after it."""
    Group.objects.create(name="before")
    vwo = request.vwo
    vwo.activate("pricing-page")
    vwo.is_feature_enabled("new-nav")
    vwo.get_feature_variable_value("new-nav", "colour")
    vwo.track("signup")
    vwo.push({"plan": "gold"})
    if "opt_out" in request.GET:
        vwo.opt_out()
    content = engines["django"].from_string(TEMPLATE).render({}, request)
    Group.objects.create(name="after")
    return HttpResponse(content)


Case = tuple[dict[str, Any], Context[None] | Callable[[], Context[None]], str]

BROKEN: dict[str, Case] = {
    "no document": ({"SETTINGS_DOCUMENT": None}, nullcontext, "No settings document is in service"),
    "a document that is missing": (
        {"SETTINGS_DOCUMENT": Path("/nowhere/vwo.json")},
        nullcontext,
        "/nowhere/vwo.json: No such file",
    ),
    "a document of another account": (
        {"SETTINGS_DOCUMENT": document(accountId=99)},
        nullcontext,
        "accountId is '99'; expected '123456'",
    ),
    "a document that is none": (
        {"SETTINGS_DOCUMENT": {"sdkKey": DOCUMENT_KEY}},
        nullcontext,
        "VWO['SETTINGS_DOCUMENT']: version is missing",
    ),
    "no table of documents": (
        {},
        lambda: without("settingsdocument"),
        "Settings documents cannot be read yet",
    ),
    "no table of assignments": ({}, lambda: without("assignment"), "activate failed"),
    "no table of events": ({}, lambda: without("event"), "activate failed"),
    "no ledger": ({}, lambda: without("ledgerentry"), "track failed"),
    "no table at all": (
        {},
        lambda: without("settingsdocument", "assignment", "event", "ledgerentry", "breaker"),
        "activate failed",
    ),
    "a recorder that fails": ({"RECORDER": backend(BrokenRecorder)}, nullcontext, "BrokenError"),
    "a storage that fails": ({"USER_STORAGE": backend(BrokenStorage)}, nullcontext, "BrokenError"),
    "a storage that cannot write": (
        {"USER_STORAGE": backend(ForgetfulStorage)},
        nullcontext,
        "BrokenError",
    ),
    "a site that cannot say who it is": ({"USER_ID": fail}, nullcontext, "identify failed"),
    "a site that cannot say whether it may": ({"CONSENT": fail}, nullcontext, "identify failed"),
    "a user id that cannot be encoded": (
        {"USER_ID": lambda request: f"{SECRET_USER}\ud800"},
        nullcontext,
        "expected text without lone surrogates",
    ),
}


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Return a function that returns what was logged; none of it may be secret."""
    caplog.set_level(logging.DEBUG, "django_vwo")
    yield lambda: caplog.text
    for secret in SECRETS:
        assert secret not in caplog.text


@pytest.fixture(params=["autocommit", "ATOMIC_REQUESTS"])
def open_shop(
    request: pytest.FixtureRequest,
    site: Configure,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> Configure:
    """Open the shop; return a function that changes its settings."""
    is_atomic = request.param == "ATOMIC_REQUESTS"
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", is_atomic)
    site(RAISE_ERRORS=False, USER_ID=lambda request: SECRET_USER)
    serve(shop)
    return site


def assert_the_order_was_taken(response: Any) -> None:
    assert response.status_code == 200
    assert set(Group.objects.values_list("name", flat=True)) == {"before", "after"}


@pytest.mark.parametrize("query", ["", "?opt_out"])
@pytest.mark.parametrize(("keys", "broken", "reason"), BROKEN.values(), ids=BROKEN)
def test_the_page_renders_and_the_order_is_taken(
    open_shop: Configure,
    told: Callable[[], str],
    keys: dict[str, Any],
    broken: Callable[[], Context[None]],
    reason: str,
    query: str,
) -> None:
    open_shop(**keys)
    with broken():
        response = Browser().get(f"/{query}")
    assert_the_order_was_taken(response)
    assert reason in told()


def test_the_page_renders_when_nothing_is_broken(
    open_shop: Configure, told: Callable[[], str]
) -> None:
    response = Browser().get("/")
    assert_the_order_was_taken(response)
    assert b"&lt;b&gt;red&lt;/b&gt;" in response.content
    kinds = [event.kind for event in recorded_events()]
    assert kinds.count(Kind.IMPRESSION) == 2
    assert kinds.count(Kind.PUSH) == 1
    assert kinds.count(Kind.CONVERSION) == 6, "three goals of two campaigns"
    assert not [line for line in told().splitlines() if line.startswith(("WARNING", "ERROR"))]


HOSTILE: dict[str, dict[str, Any]] = {
    "user agent with NUL": {"HTTP_USER_AGENT": "a\0b"},
    "user agent with surrogates": {"HTTP_USER_AGENT": "a\ud800b\udfff"},
    "user agent in Latin-1": {"HTTP_USER_AGENT": "\xff\xfe"},
    "user agent of 1 MB": {"HTTP_USER_AGENT": "x" * 2**20},
    "user agent with newlines": {"HTTP_USER_AGENT": "a\r\nX-Evil: 1"},
    "user agent that is empty": {"HTTP_USER_AGENT": ""},
    "address that is missing": {"REMOTE_ADDR": None},
    "address of a Unix socket": {"REMOTE_ADDR": ""},
    "address with a zone": {"REMOTE_ADDR": "fe80::1%eth0"},
    "address that is none": {"REMOTE_ADDR": "unix:\0" * 100},
}


@pytest.mark.parametrize("environ", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_visitor_sends_is_recorded_without_harm(
    open_shop: Configure, told: Callable[[], str], environ: dict[str, Any]
) -> None:
    browser = Browser(**environ)
    if environ.get("REMOTE_ADDR", "") is None:
        del browser.defaults["REMOTE_ADDR"]
        browser._base_environ = without_address(browser._base_environ)
    assert_the_order_was_taken(browser.get("/"))
    assert len(recorded_events()) == 9
    assert all(len(event.user_agent) <= 1024 for event in recorded_events())
    assert "failed" not in told()


def without_address(base: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return *base*, which builds a request's environment, without the address."""

    def environ(**request: Any) -> dict[str, Any]:
        built = base(**request)
        built.pop("REMOTE_ADDR")
        return built

    return environ


USER_IDS = {
    "10,000 characters": SECRET_USER * 625,
    "NUL": f"{SECRET_USER}\0",
    "emoji": f"{SECRET_USER}\N{GRINNING FACE}",
    "SQL": f"{SECRET_USER}'; DROP TABLE django_vwo_event; --",
}


@pytest.mark.parametrize("user_id", USER_IDS.values(), ids=USER_IDS)
def test_any_user_id_is_a_visitor(
    open_shop: Configure, told: Callable[[], str], user_id: str
) -> None:
    open_shop(USER_ID=lambda request: user_id)
    for _ in range(2):
        Group.objects.all().delete()
        assert_the_order_was_taken(Browser().get("/"))
    kinds = [event.kind for event in recorded_events()]
    assert kinds.count(Kind.IMPRESSION) == 2, "the second time, the visitor returned"
    assert "failed" not in told()


NONSENSE: dict[str, Callable[[Any], Any]] = {
    "an unknown campaign": lambda vwo: vwo.activate("nowhere"),
    "a campaign of another type": lambda vwo: vwo.activate("new-nav"),
    "a key of the wrong type": lambda vwo: vwo.activate(7),
    "an empty key": lambda vwo: vwo.is_feature_enabled(""),
    "an unknown goal": lambda vwo: vwo.track("nowhere"),
    "a goal of the wrong type": lambda vwo: vwo.track(None),
    "campaigns of the wrong type": lambda vwo: vwo.track("signup", {"pricing-page"}),
    "campaigns that hold anything": lambda vwo: vwo.track("signup", [None, [], "nowhere"]),
    "variables that are no dict": lambda vwo: vwo.activate("pricing-page", custom_variables=[1]),
    "properties that are no JSON": lambda vwo: vwo.push({"a": object()}),
    "properties that are huge": lambda vwo: vwo.push({"a": "x" * 10**6}),
    "nothing to push": lambda vwo: vwo.push({}),
    "a revenue that is none": lambda vwo: vwo.track("checkout", revenue_value=float("nan")),
    "a revenue with a comma": lambda vwo: vwo.track("checkout", revenue_value="12,50"),
    "a revenue that is a bool": lambda vwo: vwo.track("checkout", revenue_value=True),
    "a revenue that is a list": lambda vwo: vwo.track("checkout", revenue_value=[5]),
}


@pytest.mark.parametrize("call", NONSENSE.values(), ids=NONSENSE)
def test_a_wrong_call_is_logged_and_the_page_renders(
    open_shop: Configure, serve: Serve, told: Callable[[], str], call: Callable[[Any], Any]
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        Group.objects.create(name="before")
        request.vwo.activate("pricing-page")
        call(request.vwo)
        Group.objects.create(name="after")
        return HttpResponse()

    serve(view)
    assert_the_order_was_taken(Browser().get("/"))
    assert any(line.startswith(("WARNING", "ERROR")) for line in told().splitlines())


def ask_for_nonsense(*args: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column FROM no_such_table")


@pytest.mark.parametrize("place", ["revenue", "when", "USER_ID", "CONSENT"])
def test_a_query_of_the_site_that_fails_is_not_hidden(
    open_shop: Configure, serve: Serve, settings: Settings, place: str
) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    goal = {place: ask_for_nonsense} if place in ("revenue", "when") else {}

    @track_goal("checkout", **goal)
    def view(request: HttpRequest) -> HttpResponse:
        Group.objects.create(name="order")
        return HttpResponse()

    open_shop(**({} if goal else {place: ask_for_nonsense}))
    serve(view)
    # On PostgreSQL the order is lost with its transaction: a page that looks well would be a lie.
    assert Browser(raise_request_exception=False).get("/").status_code == 500


def test_a_keyword_of_the_sdk_is_taken(open_shop: Configure, serve: Serve) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.vwo.activate("pricing-page", user_agent="Mine/1", user_ip_address="192.0.2.9")
        return HttpResponse()

    serve(view)
    assert Browser().get("/").status_code == 200
    assert [event.user_agent for event in recorded_events()] == ["Mine/1"]


def test_a_document_that_nobody_foresaw_breaks_no_page(
    open_shop: Configure, told: Callable[[], str]
) -> None:
    open_shop(SETTINGS_DOCUMENT={**document(), "accountId": "\ud800"})
    assert_the_order_was_taken(Browser().get("/"))
    assert "lone surrogates" in told()
