"""
What a refresh costs the requests of its process: how late they are, with and without one.

A decision, and a page of Django's test client, fall due every few milliseconds. In every other
period a thread loads one of two settings documents from the database and swaps it in, again and
again. A request's time counts from when it was due, and so with its wait for the interpreter. What
is slowest is told for the median period, as other programs of the machine disturb single ones.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from documents import vwo_document

ROUNDS = 10
PERIOD_SECONDS = 1.5
GAP_SECONDS = 0.002
Request = Callable[[], object]
Periods = list[list[float]]


def set_up(folder: str) -> None:
    """Have a site of one page on a database of its own in *folder*."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    settings.DATABASES["default"]["NAME"] = str(Path(folder, "refreshing.sqlite3"))
    settings.VWO |= {"USER_STORAGE": None, "REFRESH_SECONDS": 0, "SDK_KEY": "benchmark"}
    settings.ALLOWED_HOSTS = ["testserver"]
    django.setup()
    call_command("migrate", verbosity=0)
    settings.ROOT_URLCONF = page_urls()


def page_urls() -> tuple[Any, ...]:
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.vwo.get_variation_name("campaign-7") or "none")

    return (path("", page),)


def keep(size: int) -> list[Any]:
    """Return the rows of two documents of *size* campaigns; the second is in service."""
    from django_vwo.sources import current, history
    from django_vwo.sources.base import Fetched

    contents = [{**vwo_document(size), "version": version} for version in (1, 2)]
    rows = [history.keep(Fetched(text=json.dumps(each), origin="benchmark")) for each in contents]
    current.refresh()
    return rows


@contextmanager
def refreshing(rows: list[Any]) -> Iterator[list[float]]:
    """Refresh inside, again and again, in a thread; yields how long each refresh took."""
    seconds: list[float] = []
    is_over = threading.Event()
    thread = threading.Thread(target=refresh_until, args=(is_over, rows, seconds))
    thread.start()
    try:
        yield seconds
    finally:
        is_over.set()
        thread.join()


def refresh_until(is_over: threading.Event, rows: list[Any], seconds: list[float]) -> None:
    from django.db import connection

    from django_vwo.models import SettingsDocument
    from django_vwo.sources import current
    from django_vwo.sources.pacing import Leisure

    while not is_over.is_set():
        for row in rows:  # as another process puts it into service
            SettingsDocument.objects.filter(is_active=True).update(is_active=None)
            SettingsDocument.objects.filter(pk=row.pk).update(is_active=True)
            start = time.perf_counter()
            assert current.refresh(Leisure())
            seconds.append(time.perf_counter() - start)
    connection.close()


def measure(request: Request) -> list[float]:
    """Return how late each answer is, in seconds after its request was due."""
    late, end = [], time.perf_counter() + PERIOD_SECONDS
    while (due := time.perf_counter() + GAP_SECONDS) < end:
        time.sleep(GAP_SECONDS)
        request()
        late.append(time.perf_counter() - due)
    return late


def compare(request: Request, rows: list[Any]) -> tuple[Periods, Periods, list[float]]:
    """Return how late answers are without and with refreshes, and how long these took."""
    quiet: Periods = []
    busy: Periods = []
    refreshes: list[float] = []
    for _ in range(ROUNDS):
        quiet.append(measure(request))
        with refreshing(rows) as seconds:
            busy.append(measure(request))
        refreshes += seconds
    return quiet, busy, refreshes


def line(name: str, periods: Periods, refreshes: str = "") -> str:
    """Return one line of the table, in milliseconds."""
    late = sorted(each for period in periods for each in period)
    slowest = statistics.median(max(period) for period in periods)
    figures = (statistics.median(late), late[int(len(late) * 0.99)], slowest)
    columns = "".join(f"{figure * 1e3:10.2f}" for figure in figures)
    return f"{name:44}{len(late):8}{columns}{refreshes:>22}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        from django.test import Client as Browser

        from django_vwo.client import get_client

        client, browser = get_client(), Browser()
        requests: dict[str, Request] = {
            "a decision": lambda: client.get_variation_name("campaign-7", "Bob"),
            "a page": lambda: browser.get("/"),
        }
        print(f"Python {sys.version.split()[0]}, in ms after each request was due")
        print(f"{'':44}{'number':>8}{'median':>10}{'p99':>10}{'slowest':>10}{'refreshes':>22}")
        for size in (1_000, 10_000):
            rows = keep(size)
            for name, request in requests.items():
                request()
                gc.collect()
                quiet, busy, refreshes = compare(request, rows)
                took = f"{len(refreshes)}, {statistics.median(refreshes) * 1e3:.0f} ms each"
                print(line(f"{name}, {size:,} campaigns, no refresh", quiet))
                print(line(f"{name}, {size:,} campaigns, refreshing", busy, took))


if __name__ == "__main__":
    main()
