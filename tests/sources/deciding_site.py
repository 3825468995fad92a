"""A small site: a page that tells what its process decides, and the webhook."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

CAMPAIGNS = ("first", "second")


def decide() -> dict[str, Any]:
    """Return what a new visitor is shown, what is tracked of them, and who decided."""
    from django_vwo.client import get_client

    client, user_id = get_client(), uuid4().hex
    return {
        "pid": os.getpid(),
        "variations": [client.activate(key, user_id) for key in CAMPAIGNS],
        "tracked": [bool(client.track(key, user_id, "signup")) for key in CAMPAIGNS],
    }


def page(request: HttpRequest) -> JsonResponse:
    """Answer what `decide` says, and how often the page asked the database for settings."""
    with CaptureQueriesContext(connection) as queries:
        decided = decide()
    looks = ["django_vwo_settings" in each["sql"] for each in queries.captured_queries]
    return JsonResponse({**decided, "looks": sum(looks)})


urlpatterns = [path("", page), path("vwo/", include("django_vwo.urls"))]
