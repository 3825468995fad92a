"""A fleet of real processes follows a change that the vendor's webhook tells one of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from django_vwo import transport
from django_vwo.models import Event, SettingsDocument
from tests.collector import Collector, Received, Reply
from tests.documents import SIGNUP, only
from tests.outbox.processes import environment, running, wait_until

from .samples import document

SECRET = "hook-secret"
SECONDS = 90.0
"""A machine may be slow; what is waited for takes seconds."""
Decided = dict[str, Any]
pytestmark = pytest.mark.django_db(transaction=True)


def settings_with(first: str, second: str) -> bytes:
    """Return a document of two campaigns with these statuses, as the vendor sends it."""
    campaigns = [
        only("Old", key="first", id=7, status=first, goals=[SIGNUP]),
        only("New", key="second", id=8, status=second, goals=[SIGNUP]),
    ]
    return json.dumps(document(*campaigns)).encode()


BEFORE, AFTER = settings_with("RUNNING", "PAUSED"), settings_with("PAUSED", "RUNNING")


class Vendor(Collector):
    """Hands out a document, and takes events."""

    document = BEFORE

    def __init__(self) -> None:
        super().__init__()
        self.rule = self.answer

    def answer(self, received: Received) -> Reply:
        return Reply(body=self.document) if received.method == "GET" else Reply()

    def fetches(self) -> list[str]:
        return [each.path for each in self.received if each.method == "GET"]


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as running_vendor:
        yield running_vendor
        transport.forget_session()


class Fleet:
    """The processes of a site, each asked what it decides."""

    def __init__(self, vendor: Vendor, told: Path) -> None:
        vwo = {"WEBHOOK_SECRET": SECRET, "REFRESH_SECONDS": 0.5, "FETCH_SECONDS": 0}
        self.web = environment(vendor, **vwo)
        self.web["DJANGO_SETTINGS_MODULE"] = "tests.sources.deciding_settings"
        self.told = told
        self.urls: list[str] = []
        self.members: list[Callable[[], Decided]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *failure: Any) -> None:
        self._stack.__exit__(*failure)

    def add_server(self, *arguments: str) -> None:
        """Start a web server; it is a forked process if *arguments* say so."""
        command = ("-m", "tests.sources.deciding_server", *arguments)
        process = self._stack.enter_context(running(*command, environment=self.web))
        url = f"http://127.0.0.1:{port_of(process)}/"
        self.urls.append(url)
        self.members.append(lambda: dict(json.loads(get(url))))

    def add_worker(self) -> None:
        """Start a Celery worker with one child, which tells of itself in a file."""
        variables = {**self.web, "TEST_BROKER_URL": "memory://", "TEST_TOLD": str(self.told)}
        command = ("-m", "celery", "-A", "tests.sources.deciding_worker", "worker", "-c", "1")
        self._stack.enter_context(running(*command, "--loglevel=error", environment=variables))
        wait_until(lambda: self.told.exists() and bool(self.told.read_text()), SECONDS)
        self.members.append(lambda: dict(json.loads(self.told.read_text().splitlines()[-1])))

    def call_webhook(self, url: str) -> None:
        """Tell one process of a change, as the vendor does."""
        headers = {"x-vwo-auth": SECRET, "Content-Type": "application/json"}
        request = Request(f"{url}vwo/webhook/", b'{"event": "settings_changed"}', headers)
        with urlopen(request, timeout=SECONDS) as answer:
            assert answer.status == 200

    def all_decide(self, *variations: str | None) -> bool:
        return all(member()["variations"] == list(variations) for member in self.members)


def port_of(process: subprocess.Popen[str]) -> int:
    """Return the port that the server tells, after whatever it logs."""
    logged = ""
    for line in process.stdout or ():
        if line.strip().isdecimal():
            return int(line)
        logged += line
    raise AssertionError(logged)


def get(url: str) -> bytes:
    with urlopen(url, timeout=SECONDS) as answer:
        return bytes(answer.read())


@pytest.mark.celery
def test_two_servers_and_a_worker_follow_what_the_webhook_tells_one_of_them(
    vendor: Vendor, tmp_path: Path
) -> None:
    pytest.importorskip("celery")
    with Fleet(vendor, tmp_path / "told") as fleet:
        fleet.add_server()
        fleet.add_server("forked")
        fleet.add_worker()
        assert fleet.all_decide(None, None)
        fleet.call_webhook(fleet.urls[0])
        wait_until(lambda: fleet.all_decide("Old", None), SECONDS)
        pids = [member()["pid"] for member in fleet.members]

        vendor.document = AFTER
        fleet.call_webhook(fleet.urls[1])
        wait_until(lambda: fleet.all_decide(None, "New"), SECONDS)
        events_of_old = Event.objects.filter(campaign_key="first").count()
        decided = [member() for _ in range(5) for member in fleet.members]

        assert [member()["pid"] for member in fleet.members] == pids
        assert {tuple(each["tracked"]) for each in decided} == {(False, True)}
        assert {each.get("looks", 0) for each in decided} == {0}
    assert vendor.fetches() == ["/server-side/pull"] * 2
    assert SettingsDocument.objects.count() == 2
    assert Event.objects.filter(campaign_key="first").count() == events_of_old > 0
