"""
A small site for ``pages.py``: settings, pages, and its applications for WSGI and ASGI.

Each application is two of Django's, of which one lacks ``VWOMiddleware``: that answers what lies
below ``/without``. So a page with the app and the one without it share process and connection.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from load import goal

from tests.documents import ab_test, document
from tests.settings import DATABASES

GOALS = 2_000
"""Each visitor reaches each of them once at most, so that each time is recorded."""
TESTS = [f"test-{number}" for number in range(10)]
WITHOUT = "/without"


SECRET_KEY = "benchmark"
USE_TZ = True
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
ROOT_URLCONF = "pages_site"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_vwo"]
MIDDLEWARE = ["django_vwo.middleware.VWOMiddleware"]
if os.environ.get("PAGES_ARE_ASYNC") != "1":
    DATABASES["default"]["CONN_MAX_AGE"] = None
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"]["OPTIONS"] = {"pool": True}  # each request has a thread of its own
VWO = {
    "ACCOUNT_ID": 123456,
    "SDK_KEY": "benchmark",
    "SETTINGS_DOCUMENT": document(
        ab_test(
            goals=[
                {"id": number, "identifier": goal(number), "type": "CUSTOM_GOAL"}
                for number in range(GOALS)
            ]
        ),
        *(ab_test(key, id=100 + number) for number, key in enumerate(TESTS)),
    ),
    "FETCH_SECONDS": 0,
    "DELIVERY": "command",
    "RAISE_ERRORS": True,
}
if broker := os.environ.get("PAGES_BROKER"):
    from celery import Celery

    VWO |= {"DELIVERY": "celery", "QUEUE": os.environ["PAGES_QUEUE"]}
    celery = Celery("benchmark", broker=broker)
    celery.set_default()


def read(request: HttpRequest) -> None:
    """Do what a page of the site is there for: look at the address, read a row."""
    from django.contrib.auth.models import Group

    request.GET.get("goal")
    Group.objects.filter(pk=1).first()


def order(request: HttpRequest) -> None:
    """Do what a page of the site is there for: look at the address, write a row."""
    from django.contrib.auth.models import Group

    request.GET.get("goal")
    Group.objects.create(name=uuid4().hex)


def use_nothing(request: HttpRequest) -> None:
    """Leave ``request.vwo`` alone, if it is there."""


def track(request: HttpRequest) -> None:
    """Show a returning visitor their variation, and record a goal that they had not reached."""
    assert request.vwo.activate("pricing-page")
    assert request.vwo.track(request.GET["goal"])


def decide_once(request: HttpRequest) -> None:
    assert request.vwo.activate(TESTS[0])


def decide_ten_times(request: HttpRequest) -> None:
    for key in TESTS:
        assert request.vwo.activate(key)


async def atrack(request: HttpRequest) -> None:
    assert await request.vwo.aactivate("pricing-page")
    assert await request.vwo.atrack(request.GET["goal"])


async def adecide_once(request: HttpRequest) -> None:
    assert await request.vwo.aactivate(TESTS[0])


async def adecide_ten_times(request: HttpRequest) -> None:
    for key in TESTS:
        assert await request.vwo.aactivate(key)


async def ause_nothing(request: HttpRequest) -> None:
    pass


def page(
    use: Callable[[HttpRequest], None], work: Callable[[HttpRequest], None]
) -> Callable[[HttpRequest], HttpResponse]:
    """Return a page that does its *work*, and uses ``request.vwo`` as *use* does."""

    def view(request: HttpRequest) -> HttpResponse:
        work(request)
        use(request)
        return HttpResponse("answered")

    return view


def async_page(use: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Return an async page that uses ``request.vwo`` as *use* does."""

    async def view(request: HttpRequest) -> HttpResponse:
        await sync_to_async(read)(request)
        await use(request)
        return HttpResponse("answered")

    return view


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("answered")


async def async_empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("answered")


USES: dict[str, Callable[[HttpRequest], None]] = {
    "plain": use_nothing,
    "tracked": track,
    "one": decide_once,
    "ten": decide_ten_times,
}
ASYNC_USES: dict[str, Callable[[HttpRequest], Any]] = {
    "plain": ause_nothing,
    "tracked": atrack,
    "one": adecide_once,
    "ten": adecide_ten_times,
}
urlpatterns = [
    path("empty", empty),
    path("async/empty", async_empty),
    *(path(name, page(use, read)) for name, use in USES.items()),
    *(path(f"order/{name}", page(use, order)) for name, use in USES.items()),
    *(path(f"atomic/{name}", transaction.atomic(page(use, order))) for name, use in USES.items()),
    *(path(f"async/{name}", async_page(use)) for name, use in ASYNC_USES.items()),
]


def handlers(kind: Callable[[], Any]) -> tuple[Any, Any]:
    """Return a handler with ``VWOMiddleware``, and one without."""
    import django
    from django.conf import settings

    django.setup(set_prefix=False)
    whole = kind()
    settings.MIDDLEWARE = []
    lacking = kind()
    settings.MIDDLEWARE = MIDDLEWARE
    return whole, lacking


def wsgi() -> Callable[..., Any]:
    """Return the application for gunicorn."""
    whole, lacking = handlers(WSGIHandler)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        page = environ["PATH_INFO"]
        environ["PATH_INFO"] = page.removeprefix(WITHOUT)
        return (lacking if page.startswith(WITHOUT) else whole)(environ, start_response)

    return application


def asgi() -> Callable[..., Any]:
    """Return the application for uvicorn."""
    whole, lacking = handlers(ASGIHandler)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            page = scope["path"]
            scope["path"] = page.removeprefix(WITHOUT)
            await (lacking if page.startswith(WITHOUT) else whole)(scope, receive, send)

    return application
