"""Who a visitor is, and whether they may be tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient as AsyncBrowser
from django.test import Client as Browser
from django.test import RequestFactory

from django_vwo.engine.entities import Reason
from django_vwo.engine.events import Kind
from django_vwo.models import Assignment
from django_vwo.testing import override_variation, recorded_events
from django_vwo.visitors import RequestClient, client_of

from .conftest import Configure, Serve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]

COOKIE = "vwo_visitor"
ID = "0123456789abcdef" * 2
MEMORY = {"BACKEND": "django_vwo.storages.memory.MemoryStorage"}


def activate(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.vwo.activate("pricing-page"))


def user_ids() -> list[str]:
    return [event.user_id for event in recorded_events()]


def everything(vwo: RequestClient) -> list[Any]:
    """Return the answers of every method."""
    return [
        vwo.activate("pricing-page"),
        vwo.get_variation_name("pricing-page"),
        vwo.is_feature_enabled("dark-mode"),
        vwo.get_feature_variable_value("dark-mode", "contrast"),
        dict(vwo.track("signup") or {}),
        vwo.push({"plan": "gold"}),
        vwo.push("plan", "gold"),
        vwo.explain("pricing-page").reason,
    ]


def test_every_method_answers_for_the_visitor(rf: RequestFactory) -> None:
    rf.cookies[COOKIE] = ID
    with override_variation("pricing-page", "Control"):
        answers = everything(RequestClient(rf.get("/")))
    expected = ["Control", "Control", True, 4.5, {"pricing-page": True, "new-nav": False}]
    assert answers == [*expected, True, True, Reason.FORCED]
    kinds = [event.kind for event in recorded_events()]
    assert kinds == [Kind.IMPRESSION, Kind.IMPRESSION, Kind.CONVERSION, Kind.PUSH, Kind.PUSH]
    assert set(user_ids()) == {ID}


def test_every_async_twin_answers_for_the_visitor(rf: RequestFactory) -> None:
    async def answers() -> list[Any]:
        vwo = RequestClient(rf.get("/"))
        return [
            await vwo.aactivate("pricing-page"),
            await vwo.aget_variation_name("pricing-page"),
            await vwo.ais_feature_enabled("dark-mode"),
            await vwo.aget_feature_variable_value("dark-mode", "contrast"),
            dict(await vwo.atrack("signup") or {}),
            await vwo.apush({"plan": "gold"}),
            await vwo.apush("plan", "gold"),
            (await vwo.aexplain("pricing-page")).reason,
        ]

    rf.cookies[COOKIE] = ID
    expected = everything(RequestClient(rf.get("/")))
    rf.cookies[COOKIE] = ID[::-1]
    found = async_to_sync(answers)()
    assert found[2:] == expected[2:]
    assert found[0] == found[1] in ("Control", "Variation-1")
    assert user_ids()[5:] == [ID[::-1]] * 5


def test_who_signs_in_stays_the_same_visitor(serve: Serve) -> None:
    serve(activate)
    browser = Browser()
    first = browser.get("/").content
    browser.force_login(User.objects.create(username="alice"))
    assert browser.get("/").content == first
    browser.logout()
    assert COOKIE not in browser.cookies, "a browser that forgets everything is a new visitor"
    browser.get("/")
    assert len(set(user_ids())) == 2


@pytest.mark.parametrize(
    ("given", "user_id"),
    [
        ("alice", "alice"),
        (7, "7"),
        (0, "0"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("x" * 10_000, "x" * 10_000),
        ("\N{GRINNING FACE}", "\N{GRINNING FACE}"),
    ],
    ids=str,
)
def test_the_sites_own_id_is_used_as_text(
    serve: Serve, configure: Configure, given: Any, user_id: str
) -> None:
    configure(USER_ID=lambda request: given)
    serve(activate)
    response = Browser().get("/")
    assert user_ids() == [user_id]
    assert not response.cookies
    assert response["Vary"] == "Cookie"


@pytest.mark.parametrize("given", [None, "", False])
def test_whom_the_site_does_not_know_has_a_cookie(
    serve: Serve, configure: Configure, given: Any
) -> None:
    configure(USER_ID=lambda request: given)
    serve(activate)
    response = Browser().get("/")
    assert user_ids() == [response.cookies[COOKIE].value]


def test_the_sites_own_id_may_be_named_by_its_path(serve: Serve, configure: Configure) -> None:
    configure(USER_ID="tests.test_visitors.name_of")
    serve(activate)
    Browser(headers={"x-name": "alice"}).get("/")
    assert user_ids() == ["alice"]


def name_of(request: HttpRequest) -> str | None:
    return request.headers.get("X-Name")


def test_the_signed_in_user_can_be_the_visitor_in_async_views(
    serve: Serve, configure: Configure
) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(await request.vwo.aactivate("pricing-page"))

    configure(USER_ID=lambda request: request.user.pk)
    serve(view)
    browser = AsyncBrowser()
    user = User.objects.create(username="alice")
    browser.force_login(user)
    async_to_sync(browser.get)("/")
    assert user_ids() == [str(user.pk)]


def test_the_site_is_asked_once(rf: RequestFactory, configure: Configure) -> None:
    asked = []
    configure(
        USER_ID=lambda request: asked.append("who") or "alice",
        CONSENT=lambda request: asked.append("may I") or True,
    )
    everything(RequestClient(rf.get("/")))
    assert asked == ["may I", "who"]


def test_without_consent_there_is_no_cookie_no_record_and_the_fallback(
    serve: Serve, configure: Configure
) -> None:
    answers: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        answers.extend(everything(request.vwo))
        return HttpResponse()

    configure(CONSENT=lambda request: False, USER_ID=lambda request: "alice")
    serve(view)
    for cookies in ({}, {COOKIE: ID}):
        browser = Browser()
        for name, value in cookies.items():
            browser.cookies[name] = value
        response = browser.get("/")
        assert not response.cookies
        assert response["Vary"] == "Cookie"
    fallback = [None, None, False, None, {}, False, False, Reason.NO_CONSENT]
    assert answers == fallback * 2
    assert recorded_events() == []
    assert not Assignment.objects.exists()


def fail(request: HttpRequest) -> None:
    raise LookupError("secret-user")


@pytest.mark.parametrize("name", ["CONSENT", "USER_ID"])
def test_where_the_sites_function_fails_nobody_is_tested_and_the_page_renders(
    serve: Serve, configure: Configure, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    configure(RAISE_ERRORS=False, **{name: fail})
    serve(activate)
    browser = Browser()
    browser.cookies[COOKIE] = ID
    response = browser.get("/")
    assert response.content == b"None"
    assert not response.cookies
    assert recorded_events() == []
    assert "test_visitors.py" in caplog.text
    assert "secret-user" not in caplog.text


def test_where_the_sites_function_fails_a_test_can_see_it(
    serve: Serve, configure: Configure
) -> None:
    configure(USER_ID=fail)
    serve(activate)
    with pytest.raises(LookupError):
        Browser().get("/")


def test_a_surrogate_is_no_id(
    serve: Serve, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configure(USER_ID=lambda request: "\ud800")
    serve(activate)
    assert Browser().get("/").content == b"None"
    assert "user_id (str) cannot be used; expected text without lone surrogates" in caplog.text


def visit(*steps: Callable[[RequestClient], Any], browser: Browser, serve: Serve) -> Any:
    """Return the response of a page that takes *steps*."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(" ".join(str(step(request.vwo)) for step in steps))

    serve(view)
    return browser.get("/")


def show(vwo: RequestClient) -> str | None:
    return vwo.activate("pricing-page")


def opt_out(vwo: RequestClient) -> None:
    vwo.opt_out()


def opt_in(vwo: RequestClient) -> None:
    vwo.opt_in()


def test_who_opts_out_is_forgotten_and_left_alone(serve: Serve) -> None:
    browser = Browser()
    visit(show, browser=browser, serve=serve)
    response = visit(opt_out, show, browser=browser, serve=serve)
    assert response.content == b"None None"
    assert response.cookies[COOKIE].value == "opted-out"
    assert response.cookies[COOKIE]["max-age"] == 2 * 365 * 24 * 60 * 60
    later = visit(show, browser=browser, serve=serve)
    assert later.content == b"None"
    assert not later.cookies
    assert later["Vary"] == "Cookie"
    assert len(recorded_events()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_atomic", [False, True])
def test_who_opts_out_leaves_no_assignment(serve: Serve, is_atomic: bool) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.vwo.activate("pricing-page")
        request.vwo.opt_out()
        return HttpResponse()

    serve(transaction.atomic(view) if is_atomic else view)
    Browser().get("/")
    assert not Assignment.objects.exists()


def test_who_opts_back_in_is_a_new_visitor(serve: Serve) -> None:
    browser = Browser()
    visit(show, browser=browser, serve=serve)
    visit(opt_out, browser=browser, serve=serve)
    response = visit(opt_in, show, browser=browser, serve=serve)
    assert response.content != b"None None"
    assert response.cookies[COOKIE].value == user_ids()[1]
    visit(show, browser=browser, serve=serve)
    assert len(user_ids()) == len(set(user_ids())) == 2


def test_who_opts_in_without_being_shown_anything_has_no_cookie(serve: Serve) -> None:
    browser = Browser()
    visit(opt_out, browser=browser, serve=serve)
    response = visit(opt_in, browser=browser, serve=serve)
    assert response.cookies[COOKIE].value == ""
    assert response.cookies[COOKIE]["max-age"] == 0


def test_opting_in_changes_nothing_for_others(serve: Serve) -> None:
    browser = Browser()
    visit(show, browser=browser, serve=serve)
    response = visit(opt_in, show, browser=browser, serve=serve)
    assert not response.cookies
    assert len(recorded_events()) == 1


def test_opting_in_is_no_consent(serve: Serve, configure: Configure) -> None:
    browser = Browser()
    visit(opt_out, browser=browser, serve=serve)
    configure(CONSENT=lambda request: False)
    response = visit(opt_in, show, browser=browser, serve=serve)
    assert response.content == b"None None"
    assert response.cookies[COOKIE].value == ""
    assert recorded_events() == []


def test_opting_in_gives_the_sites_own_id_back(serve: Serve, configure: Configure) -> None:
    configure(USER_ID=lambda request: "alice")
    browser = Browser()
    visit(show, opt_out, browser=browser, serve=serve)
    assert visit(show, browser=browser, serve=serve).content == b"None"
    visit(opt_in, show, browser=browser, serve=serve)
    assert visit(show, browser=browser, serve=serve).content != b"None"
    assert set(user_ids()) == {"alice"}


def test_a_changed_mind_within_one_request_mixes_nobody_up(
    serve: Serve, configure: Configure
) -> None:
    """What is remembered of the visitor who left is nothing of the one who comes."""
    configure(USER_STORAGE=MEMORY)
    browser = Browser()
    visit(show, opt_out, opt_in, show, browser=browser, serve=serve)
    assert len(user_ids()) == len(set(user_ids())) == 2


def test_opting_out_without_a_storage_works(serve: Serve, configure: Configure) -> None:
    configure(USER_STORAGE=None)
    response = visit(opt_out, browser=Browser(), serve=serve)
    assert response.cookies[COOKIE].value == "opted-out"


@pytest.mark.parametrize("thing", [object(), "GET /", None])
def test_what_is_no_request_is_told(thing: object) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Expected a request.*method_decorator"):
        client_of(thing)


def test_a_missing_middleware_is_told(rf: RequestFactory) -> None:
    with pytest.raises(ImproperlyConfigured, match="VWOMiddleware' to MIDDLEWARE"):
        client_of(rf.get("/"))
