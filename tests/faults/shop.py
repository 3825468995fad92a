"""
A shop that takes orders from new visitors until SIGTERM, and then tells what its database has.

Each order is a row of the site's own in the transaction of the view, as the events are. Visitors of
the page that is named on the command line, if any, see that one.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.urls import path

PAUSE_SECONDS = 0.03


def visitor_of(request: HttpRequest) -> str:
    """Return the visitor's user id, which is the number of the order, too."""
    return request.GET["visitor"]


def order(request: HttpRequest) -> HttpResponse:
    """Take an order between an impression and a conversion."""
    from django.contrib.auth.models import Group
    from django.db import transaction

    with transaction.atomic():
        request.vwo.activate("pricing-page")  # type: ignore[attr-defined]
        Group.objects.create(name=visitor_of(request))
        request.vwo.track("checkout", revenue_value=5)  # type: ignore[attr-defined]
    return HttpResponse()


def visit(request: HttpRequest) -> HttpResponse:
    """Record an impression and a conversion, outside of any transaction of the site's."""
    request.vwo.activate("pricing-page")  # type: ignore[attr-defined]
    request.vwo.track("checkout", revenue_value=5)  # type: ignore[attr-defined]
    return HttpResponse()


urlpatterns = [path("order", order), path("visit", visit)]


def serve_visitors(page: str) -> dict[int, list[str]]:
    """Return the visitors by the status that they were answered with, once SIGTERM came."""
    from django.db import close_old_connections
    from django.test import Client

    answered: dict[int, list[str]] = {200: [], 500: []}
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked_to_stop.append(number))
    while not asked_to_stop:
        close_old_connections()  # a server does so before each request, the test client does not
        visitor = uuid4().hex
        browser = Client(raise_request_exception=False)
        answered[browser.get(f"/{page}", {"visitor": visitor}).status_code].append(visitor)
        time.sleep(PAUSE_SECONDS)
    return answered


def main(page: str = "order") -> None:
    import django
    from django.conf import settings

    django.setup()
    settings.ROOT_URLCONF = __spec__.name
    from django.contrib.auth.models import Group

    from django_vwo.models import Event

    answered = serve_visitors(page)
    events = Event.objects.order_by("id").values_list("user_id", "kind", "visitor")
    told = {
        "answered": answered[200],
        "failed": answered[500],
        "orders": list(Group.objects.values_list("name", flat=True)),
        "events": list(events),
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def told_by(shop: subprocess.Popen[str]) -> dict[str, Any]:
    """End the process of a shop. Returns what it told."""
    shop.send_signal(signal.SIGTERM)
    output, _ = shop.communicate(timeout=60)
    return dict(json.loads(output.splitlines()[-1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
