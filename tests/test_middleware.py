"""``VWOMiddleware``: a lazy ``request.vwo``, the cookie, and what else a response tells."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient as AsyncBrowser
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries, Settings

from django_vwo.middleware import VWOMiddleware
from django_vwo.models import Assignment
from django_vwo.testing import recorded_events

from .conftest import Configure, Serve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]

Get = Callable[..., Any]
COOKIE = "vwo_visitor"
ID = "0123456789abcdef" * 2


def activate(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.vwo.activate("pricing-page"))


async def aactivate(request: HttpRequest) -> HttpResponse:
    return HttpResponse(await request.vwo.aactivate("pricing-page"))


def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


async def auntouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


@pytest.fixture(params=["WSGI", "ASGI"])
def get(request: pytest.FixtureRequest) -> Get:
    """Return a function that gets ``/`` with these cookies, and returns the response."""

    def get_it(**cookies: str) -> Any:
        browser = Browser() if request.param == "WSGI" else AsyncBrowser()
        for name, value in cookies.items():
            browser.cookies[name] = value
        if isinstance(browser, AsyncBrowser):
            return async_to_sync(browser.get)("/")
        return browser.get("/")

    return get_it


ACTIVATING = pytest.mark.parametrize("view", [activate, aactivate])


@pytest.mark.parametrize("view", [untouched, auntouched])
def test_a_page_that_does_not_use_it_costs_nothing(
    serve: Serve, get: Get, view: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    serve(view)
    with django_assert_num_queries(0):
        response = get(vwo_visitor=ID)
    assert response.content == b"page"
    assert not response.cookies
    assert not response.has_header("Vary")


@ACTIVATING
def test_a_new_visitor_gets_a_cookie(serve: Serve, get: Get, view: Any) -> None:
    serve(view)
    response = get()
    cookie = response.cookies[COOKIE]
    assert re.fullmatch("[0-9a-f]{32}", cookie.value)
    assert recorded_events()[0].user_id == cookie.value
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == 2 * 365 * 24 * 60 * 60
    assert cookie["secure"] == ""
    assert response["Vary"] == "Cookie"


@ACTIVATING
def test_a_returning_visitor_keeps_the_cookie(serve: Serve, get: Get, view: Any) -> None:
    serve(view)
    response = get(vwo_visitor=ID)
    assert recorded_events()[0].user_id == ID
    assert not response.cookies
    assert response["Vary"] == "Cookie"


def test_two_requests_of_a_visitor_are_one_visitor(serve: Serve) -> None:
    serve(activate)
    browser = Browser()
    answers = {browser.get("/").content for _ in range(3)}
    assert len(answers) == 1
    assert len(recorded_events()) == 1


def test_the_cookie_is_made_as_the_settings_say(
    serve: Serve, get: Get, site: Configure, settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    site(
        COOKIE_NAME="v",
        COOKIE_AGE_SECONDS=60,
        COOKIE_DOMAIN="shop.example",
        COOKIE_PATH="/en/",
    )
    serve(activate)
    cookie = get().cookies["v"]
    assert cookie["secure"] is True
    assert cookie["max-age"] == 60
    assert cookie["domain"] == "shop.example"
    assert cookie["path"] == "/en/"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        ID[:-1],
        f"{ID}0",
        ID.upper(),
        f"{ID}\\012",
        "٣" * 32,
        "../../../etc/passwd",
        "<script>alert(1)</script>",
        "a" * 4_000,
        "%00" * 8,
        "g" * 32,
        "' OR 1=1 --",
    ],
)
def test_a_cookie_that_is_not_ours_is_replaced(serve: Serve, value: str) -> None:
    serve(activate)
    header = f"{COOKIE}={value}".encode().decode("latin-1")
    response = Browser(headers={"cookie": header}).get("/")
    assert response.status_code == 200
    user_id = response.cookies[COOKIE].value
    assert re.fullmatch("[0-9a-f]{32}", user_id)
    assert [event.user_id for event in recorded_events()] == [user_id]


def test_vary_is_added_to_what_the_view_says(serve: Serve, get: Get) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.vwo.activate("pricing-page")
        return HttpResponse(headers={"Vary": "Accept-Language"})

    serve(view)
    assert get()["Vary"] == "Accept-Language, Cookie"


def test_a_view_that_fails_still_gives_the_cookie(serve: Serve) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.vwo.activate("pricing-page")
        raise ValueError

    serve(view)
    response = Browser(raise_request_exception=False).get("/")
    assert response.status_code == 500
    assert COOKIE in response.cookies


def test_a_stream_keeps_the_visitor_that_the_view_met(serve: Serve) -> None:
    def view(request: HttpRequest) -> StreamingHttpResponse:
        variation = request.vwo.activate("pricing-page")

        def parts() -> Iterator[str]:
            yield str(variation)
            yield str(request.vwo.activate("pricing-page"))

        return StreamingHttpResponse(parts())

    serve(view)
    response = Browser().get("/")
    first, second = response.streaming_content
    assert first == second in (b"Control", b"Variation-1")
    assert {event.user_id for event in recorded_events()} == {response.cookies[COOKIE].value}


def test_a_stream_that_asks_too_late_meets_no_new_visitor(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The cookie could not be set any longer: each page view would be another visitor."""

    def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(str(request.vwo.activate("pricing-page")) for _ in range(2))

    serve(view)
    assert list(Browser().get("/").streaming_content) == [b"None", b"None"]
    assert "while a response was streamed" in caplog.text
    assert recorded_events() == []
    browser = Browser()
    browser.cookies[COOKIE] = ID
    assert b"None" not in list(browser.get("/").streaming_content)
    assert [event.user_id for event in recorded_events()] == [ID]


def test_an_async_stream_works(serve: Serve) -> None:
    async def view(request: HttpRequest) -> StreamingHttpResponse:
        variation = await request.vwo.aactivate("pricing-page")

        async def parts() -> AsyncIterator[str]:
            yield str(variation)
            yield str(await request.vwo.aget_variation_name("pricing-page"))

        return StreamingHttpResponse(parts())

    serve(view)

    async def read() -> list[bytes]:
        response = await AsyncBrowser().get("/")
        return [part async for part in response.streaming_content]

    first, second = async_to_sync(read)()
    assert first == second in (b"Control", b"Variation-1")


def test_a_sync_method_in_an_async_view_answers_and_says_why(
    serve: Serve, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(request.vwo.activate("pricing-page")))

    configure(RAISE_ERRORS=False)
    serve(view)
    assert async_to_sync(AsyncBrowser().get)("/").content == b"None"
    assert "SynchronousOnlyOperation" in caplog.text


@pytest.mark.parametrize("view", [activate, aactivate])
def test_without_the_middleware_the_view_fails_as_any_attribute_would(
    serve: Serve, get: Get, settings: Settings, view: Any
) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "vwo" not in each]
    serve(view)
    with pytest.raises(AttributeError, match="vwo"):
        get()


def test_it_is_async_where_the_site_is() -> None:
    assert iscoroutinefunction(VWOMiddleware(auntouched))
    assert not iscoroutinefunction(VWOMiddleware(untouched))


def test_settings_that_are_wrong_are_no_fallback(serve: Serve, configure: Configure) -> None:
    configure(COOKIE_AGE_SECONDS="long")
    serve(activate)
    with pytest.raises(ImproperlyConfigured, match="COOKIE_AGE_SECONDS"):
        Browser().get("/")


def test_settings_that_are_wrong_do_not_break_other_pages(
    serve: Serve, configure: Configure
) -> None:
    configure(COOKIE_AGE_SECONDS="long")
    serve(untouched)
    assert Browser().get("/").status_code == 200


def test_what_a_visitor_sent_along_is_recorded(serve: Serve) -> None:
    serve(activate)
    headers = {"user-agent": "Browser/1.0 \N{SNOWMAN}".encode().decode("latin-1")}
    Browser(headers=headers, REMOTE_ADDR="203.0.113.9").get("/")
    (event,) = recorded_events()
    assert event.ip_address == "203.0.113.9"
    assert event.user_agent.startswith("Browser/1.0")


def test_the_address_is_kept_back_where_the_site_wants_that(
    serve: Serve, configure: Configure
) -> None:
    configure(SEND_IP_ADDRESS=False)
    serve(activate)
    Browser().get("/")
    assert recorded_events()[0].ip_address == ""


def test_ten_requests_of_ten_visitors_are_ten_visitors(serve: Serve, get: Get) -> None:
    serve(activate)
    assert len({get().cookies[COOKIE].value for _ in range(10)}) == 10
    assert len(recorded_events()) == 10
    assert not Assignment.objects.exists(), "they wait for the commit"
