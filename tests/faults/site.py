"""A small shop, whose visitor says in the address who they are and how the request ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

STEPS: list[str] = []
"""How far the slow pages of this process have got."""


def visitor(request: HttpRequest) -> str | None:
    """Return who visits: what ``VWO["USER_ID"]`` names."""
    return request.GET.get("visitor")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise ValueError


def leave() -> None:
    raise SystemExit(1)


def hang() -> None:
    time.sleep(60)


FATES: dict[str, Callable[[], object]] = {
    "dies before the commit": die,
    "fails": fail,
    "leaves": leave,
    "hangs": hang,
}


def take(request: HttpRequest, until: threading.Event | None = None) -> None:
    """Take an order: in one transaction the visitor is tested, orders, and converts."""
    fate = request.GET.get("fate", "")
    with transaction.atomic():
        if fate == "dies after the commit":
            transaction.on_commit(die)  # before what the app has to do after it
        request.vwo.activate("pricing-page")
        Group.objects.create(name=visitor(request))
        request.vwo.track("signup")
        STEPS.append("taking")
        if until is not None:
            until.wait(60)
        FATES.get(fate, int)()
    STEPS.append("taken")


def order(request: HttpRequest) -> JsonResponse:
    take(request)
    return JsonResponse({"pid": os.getpid()})


async def slow_order(request: HttpRequest) -> HttpResponse:
    """Take an order on the thread for sync code, which goes on once the client has gone away."""
    is_gone = threading.Event()
    try:
        await sync_to_async(take)(request, is_gone)
    except asyncio.CancelledError:
        STEPS.append("cancelled")
        is_gone.set()
        raise
    return HttpResponse()


async def slow(request: HttpRequest) -> HttpResponse:
    """Convert twice, a minute apart."""
    await request.vwo.aactivate("pricing-page")
    if await request.vwo.atrack("signup"):
        STEPS.append("tracked")
    try:
        await asyncio.sleep(60)
        await request.vwo.atrack("checkout", revenue_value=5)
    except asyncio.CancelledError:
        STEPS.append("cancelled")
        raise
    return HttpResponse()


async def steps(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"steps": STEPS})


urlpatterns = [
    path("order", order),
    path("slow-order", slow_order),
    path("slow", slow),
    path("steps", steps),
]
