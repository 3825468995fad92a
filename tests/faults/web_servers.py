"""The shop on real web servers, and whether everything that it took has arrived."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from django.contrib.auth.models import Group

from django_vwo.dialects.vwo.bucketing import visitor_key_for
from django_vwo.models import EventStatus
from django_vwo.outbox.drain import drain
from tests.collector import Collector
from tests.documents import ACCOUNT_ID, document
from tests.outbox.processes import environment, running, wait_until
from tests.outbox.samples import make_due, route, rows, visitors_of

SECONDS = 60.0
"""A machine may be slow; what is waited for takes moments."""
WSGI = "django.core.wsgi:get_wsgi_application()"
GUNICORN = ("-m", "gunicorn", "--bind=127.0.0.1:0", "--workers=1", "--graceful-timeout=1")
UVICORN = ("-m", "uvicorn", "--port=0", "--factory", "django.core.asgi:get_asgi_application")
ADDRESS = re.compile(r"127\.0\.0\.1:([1-9]\d*)")


class Server:
    """A web server in processes of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = port_of(process)

    def get(self, page: str, **query: str) -> bytes:
        """Return the answer. Raises `OSError` if there is none, or one that says 400 or more."""
        url = f"http://127.0.0.1:{self.port}/{page}?{urlencode(query)}"
        with urlopen(url, timeout=SECONDS) as answer:
            return bytes(answer.read())

    def insist(self, page: str, **query: str) -> bytes:
        """Return the answer of a server that may not be up yet, or just lost a process."""
        answers: list[bytes] = []

        def is_answered() -> bool:
            try:
                answers.append(self.get(page, **query))
            except OSError:
                return False
            return True

        wait_until(is_answered, SECONDS)
        return answers[0]


@contextmanager
def serving(*command: str, collector: Collector, **vwo: Any) -> Iterator[Server]:
    """Run a server of the shop; nothing of it is left afterwards."""
    variables = environment(collector, SETTINGS_DOCUMENT=document(), **vwo)
    variables["DJANGO_SETTINGS_MODULE"] = "tests.faults.site_settings"
    with running(*command, environment=variables) as process:
        yield Server(process)


def port_of(process: subprocess.Popen[str]) -> int:
    """Return the port that the server logs."""
    logged = ""
    for line in process.stdout or ():
        if found := ADDRESS.search(line):
            return int(found[1])
        logged += line
    raise AssertionError(logged)


def orders() -> set[str]:
    """Return whose orders were committed."""
    return set(Group.objects.values_list("name", flat=True))


def deliver(collector: Collector) -> None:
    """Deliver everything, leases of processes that died included."""
    make_due()
    drain(time.monotonic() + SECONDS, route=route(collector))


def assert_all_arrived(collector: Collector) -> None:
    """Assert that impression and conversion of each order arrived once, and nothing else did."""
    assert_arrived(collector, *orders())
    assert {row.status for row in rows()} <= {EventStatus.SENT}


def assert_arrived(collector: Collector, *names: str) -> None:
    """Assert that two events of each of the visitors *names* arrived, and nothing else did."""
    visitor_key = visitor_key_for(ACCOUNT_ID)
    arrived = Counter(visitors_of(collector.entries))
    assert arrived == {visitor_key(name): 2 for name in names}
