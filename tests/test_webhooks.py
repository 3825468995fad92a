"""The webhook: who may ask for a fetch, what that costs, and what comes of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.checks import run_checks
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient as AsyncBrowser
from django.test import Client as Browser
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from pytest_django import Settings

from django_vwo import forks, transport, webhooks
from django_vwo.models import SettingsDocument, SettingsFetch
from django_vwo.sources import current, errand, fetching, schedule, state

from .conftest import Configure
from .documents import ab_test
from .outbox.processes import wait_until
from .sources import samples

SECRET = "b9a1-hook-secret"
URL = "/vwo/webhook/"
BODY = {
    "timestamp": 1606482285,
    "event": "settings_changed",
    "action": "campaign_settings_changed",
    "triggered_by": "vwo",
}
committing = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings: Settings, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Give the webhook an address and a secret; return `configure`."""
    settings.ROOT_URLCONF = (path("vwo/", include("django_vwo.urls")),)
    configure(WEBHOOK_SECRET=SECRET)
    monkeypatch.setattr(webhooks, "seldom", webhooks.SeldomLog())
    return configure


@pytest.fixture
def vendor(site: Configure, monkeypatch: pytest.MonkeyPatch) -> Iterator[samples.Vendor]:
    """Return a vendor whose document changes; it is asked at most once a second."""
    monkeypatch.setattr(schedule, "MIN_SECONDS", 1.0)
    with samples.vendor() as running:
        site(COLLECTOR_URL=running.url)
        yield running
        wait_until(lambda: not threads())
        transport.forget_session()


def call(secret: str | None = SECRET, **extra: Any) -> Any:
    """Return the answer to a call as VWO makes it, of a client that checks for CSRF."""
    given = {} if secret is None else {"HTTP_X_VWO_AUTH": secret}
    browser = Browser(enforce_csrf_checks=True)
    return browser.post(URL, BODY, content_type="application/json", **{**given, **extra})


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "django_vwo.errand"]


def is_noted() -> bool:
    return SettingsFetch.objects.filter(asked_at__isnull=False).exists()


def keys() -> list[str]:
    campaigns = current.current()
    return sorted(campaigns.campaigns) if campaigns else []


WRONG = [
    pytest.param(None, id="missing"),
    pytest.param("", id="empty"),
    pytest.param(SECRET.upper(), id="in upper case"),
    pytest.param(SECRET[:-1], id="too short"),
    pytest.param(f"{SECRET} ", id="too long"),
    pytest.param(f"{SECRET},{SECRET}", id="sent twice"),
    pytest.param(f"Bearer {SECRET}", id="with a scheme"),
    pytest.param("s\xe9cret\xff", id="not ASCII"),
    pytest.param("秘密", id="not a byte each"),
    pytest.param("\ud800", id="half a character"),
    pytest.param(f"{SECRET}\0", id="with a null"),
    pytest.param(SECRET * 1_000_000, id="huge"),
]


@pytest.mark.parametrize("given", WRONG)
def test_a_wrong_secret_is_refused(
    given: str | None, caplog: pytest.LogCaptureFixture, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = call(given)

    assert answer.status_code == 403
    assert not is_noted()
    [record] = caplog.records
    told = record.getMessage() + answer.content.decode()
    assert SECRET not in told
    assert not given or given not in told


@pytest.mark.parametrize("header", [b"", b"\xff\xfe\x00", b"\xc3\xa9", b"x" * 1_000_000])
def test_a_wrong_header_of_an_asgi_server_is_refused(header: bytes) -> None:
    assert served_by_asgi([(b"x-vwo-auth", header)]) == 403


@committing
@pytest.mark.parametrize("secret", [SECRET, "clé-秘密"])
def test_the_right_header_of_an_asgi_server_is_taken(
    site: Configure, vendor: samples.Vendor, secret: str
) -> None:
    site(WEBHOOK_SECRET=secret)
    assert served_by_asgi([(b"x-vwo-auth", secret.encode())]) == 200
    wait_until(lambda: keys() == ["pricing-page"])


def served_by_asgi(headers: list[tuple[bytes, bytes]]) -> int:
    """Return the status that the site, as an ASGI application, answers with."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *headers],
    }

    async def exchange() -> int:
        application = ApplicationCommunicator(get_asgi_application(), scope)
        await application.send_input({"type": "http.request", "body": b"{"})
        start = await application.receive_output(timeout=30)
        await application.receive_output(timeout=30)
        await application.wait(timeout=30)
        return int(start["status"])

    return async_to_sync(exchange)()


@pytest.mark.parametrize("secret", ["", " ", "\n"])
@pytest.mark.parametrize("given", [None, "", " ", SECRET])
def test_without_a_secret_nobody_is_served(
    site: Configure, secret: str, given: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    site(WEBHOOK_SECRET=secret)

    assert [call(given).status_code for _ in range(3)] == [404] * 3
    assert Browser().get(URL).status_code == 404
    assert not is_noted()
    [record] = caplog.records
    assert "WEBHOOK_SECRET" in record.getMessage()


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused(method: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        answer = getattr(Browser(), method)(URL, HTTP_X_VWO_AUTH=SECRET)

        assert answer.status_code == 405
        assert answer["Allow"] == "POST"
    assert not is_noted()
    [record] = caplog.records
    assert (record.name, record.levelno) == ("django_vwo", logging.WARNING)


class Unreadable:
    """The body of a request that nobody is to read."""

    def read(self, *args: Any) -> bytes:
        raise AssertionError("The body was read.")

    readline = read


@pytest.mark.parametrize("secret", [SECRET, "wrong"])
def test_the_body_is_not_read_however_long_it_is(secret: str) -> None:
    unread = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": str(2**40)}

    assert call(secret, **unread).status_code == (200 if secret == SECRET else 403)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "\0", '{"event": "else"}', "[" * 100_000])
def test_what_the_body_says_is_of_no_interest(body: str) -> None:
    answer = Browser().post(URL, body, content_type="application/json", HTTP_X_VWO_AUTH=SECRET)

    assert answer.status_code == 200
    assert is_noted()


def test_refusals_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(50):
        assert call(f"guess-{number}").status_code == 403

    [record] = caplog.records
    assert (record.name, record.levelno) == ("django_vwo", logging.WARNING)
    assert "guess" not in caplog.text
    assert SECRET not in caplog.text


def test_what_was_said_is_said_again_later(caplog: pytest.LogCaptureFixture) -> None:
    seldom = webhooks.SeldomLog(seconds=0.2)
    seldom.log(logging.WARNING, "It failed: %s", "one")
    seldom.log(logging.WARNING, "It failed: %s", "two")
    seldom.log(logging.WARNING, "Something else failed")
    assert caplog.messages == ["It failed: one", "Something else failed"]

    def is_said() -> bool:
        seldom.log(logging.WARNING, "It failed: %s", "three")
        return len(caplog.messages) > 2

    wait_until(is_said)
    assert caplog.messages[2:] == ["It failed: three"]


@committing
def test_a_call_is_one_statement(django_assert_num_queries: Any) -> None:
    errand_of_nobody = errand.Errand(lambda: None)
    errand._errand, before = errand_of_nobody, errand._errand
    try:
        call()
        with django_assert_num_queries(1) as queries:
            answer = call()
    finally:
        errand._errand = before

    assert queries[0]["sql"].startswith("UPDATE")
    assert answer.status_code == 200
    row = SettingsFetch.objects.get()
    assert row.is_webhook
    assert row.asked_at


def test_the_thread_starts_once_the_call_is_committed(
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        assert call().status_code == 200

    assert callbacks == [errand.start]


@pytest.mark.parametrize("secret", ["clé", "ключ", "秘密"])
def test_a_secret_may_be_any_text(site: Configure, secret: str) -> None:
    site(WEBHOOK_SECRET=secret)
    as_servers_show_it = secret.encode().decode("latin-1")

    assert call(as_servers_show_it).status_code == 200
    assert call(as_servers_show_it[:-1]).status_code == 403


def test_the_line_end_of_a_file_is_no_part_of_the_secret(site: Configure) -> None:
    site(WEBHOOK_SECRET=f"{SECRET}\n")

    assert call().status_code == 200


def test_a_secret_that_no_header_can_carry_refuses(site: Configure) -> None:
    site(WEBHOOK_SECRET="\ud800-secret")

    assert call().status_code == 403


@pytest.mark.parametrize(
    "middleware",
    [
        pytest.param([], id="none"),
        pytest.param(
            [
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.auth.middleware.LoginRequiredMiddleware",
                "django_vwo.middleware.VWOMiddleware",
            ],
            id="a login required",
        ),
    ],
)
def test_neither_middleware_nor_login_is_needed(settings: Settings, middleware: list[str]) -> None:
    settings.MIDDLEWARE = middleware

    answer = call()

    assert answer.status_code == 200
    assert not answer.cookies


def test_an_async_site_serves_it_too() -> None:
    async def exchange() -> list[int]:
        browser = AsyncBrowser()
        secrets = [SECRET, "wrong"]
        return [
            (await browser.post(URL, BODY, headers={"x-vwo-auth": each})).status_code
            for each in secrets
        ]

    assert async_to_sync(exchange)() == [200, 403]


# --- What comes of a call ------------------------------------------------------------------------


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    """Have each view of the site be a transaction."""
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


@committing
@pytest.mark.usefixtures("atomic_requests")
def test_a_call_has_the_document_fetched(vendor: samples.Vendor) -> None:
    state.create("123456")
    vendor.body = samples.text(ab_test("second")).encode()
    with CaptureQueriesContext(connection) as queries:
        assert call().status_code == 200
    assert [each["sql"].split()[0] for each in queries.captured_queries] == ["UPDATE"]

    wait_until(lambda: keys() == ["second"])
    assert [each.partition("?")[0] for each in vendor.paths] == ["/server-side/pull"]
    assert SettingsDocument.objects.get().is_active


@committing
def test_a_transaction_around_the_call_holds_the_thread_back(vendor: samples.Vendor) -> None:
    request = RequestFactory().post(URL, HTTP_X_VWO_AUTH=SECRET)
    with transaction.atomic():
        assert webhooks.webhook(request).status_code == 200
        assert not threads()
    wait_until(lambda: keys() == ["pricing-page"])


@committing
def test_a_thousand_calls_are_a_few_fetches_and_one_thread(vendor: samples.Vendor) -> None:
    running, statuses, start = 0, set(), time.monotonic()
    for number in range(1000):
        if number == 999:
            vendor.body = samples.text(ab_test("last")).encode()
        statuses.add(call().status_code)
        running = max(running, len(threads()))
    wait_until(lambda: not threads())

    assert statuses == {200}
    assert running == 1
    assert keys() == ["last"]
    assert 2 <= len(vendor.paths) <= (time.monotonic() - start) / schedule.MIN_SECONDS + 2


@committing
def test_calls_from_all_sides_are_one_thread_too(vendor: samples.Vendor) -> None:
    statuses: list[int] = []
    running: set[int] = set()

    def call_often() -> None:
        for _ in range(20):
            statuses.append(call().status_code)
            running.add(len(threads()))
        connection.close()

    callers = [threading.Thread(target=call_often) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    wait_until(lambda: not threads())

    assert statuses == [200] * 80
    assert max(running) == 1
    assert keys() == ["pricing-page"]


@committing
def test_a_vendor_that_fails_is_asked_again(vendor: samples.Vendor) -> None:
    """By the same thread: the site may have no workers."""
    vendor.status = 503
    assert call().status_code == 200
    wait_until(lambda: bool(vendor.paths))
    vendor.status = 200
    wait_until(lambda: keys() == ["pricing-page"])


@committing
def test_a_vendor_that_fails_for_long_is_left_to_the_sweep(
    vendor: samples.Vendor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errand, "PATIENCE_SECONDS", 0.1)
    vendor.status = 503
    assert call().status_code == 200
    wait_until(lambda: not threads() and bool(vendor.paths))

    assert len(vendor.paths) == 1
    assert "503" in caplog.text
    assert SECRET not in caplog.text
    assert fetching.seconds_until_due() < 60


@committing
def test_what_a_killed_process_was_fetching_is_fetched_after_it(vendor: samples.Vendor) -> None:
    call()
    wait_until(lambda: not threads())
    state.claim(SettingsFetch.objects.get(), lease_seconds=2, is_lost=False)
    vendor.body = samples.text(ab_test("second")).encode()
    call()

    wait_until(lambda: keys() == ["second"])
    assert len(vendor.paths) == 2


@committing
def test_a_process_without_threads_leaves_the_fetch_to_the_sweep(
    vendor: samples.Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert [call().status_code for _ in range(3)] == [200] * 3
    assert vendor.paths == []
    assert fetching.fetch_if_due() is not None
    assert keys() == ["pricing-page"]


@committing
@pytest.mark.parametrize("missing", ["SDK_KEY", "ACCOUNT_ID"])
def test_a_site_that_cannot_fetch_says_so(
    vendor: samples.Vendor, site: Configure, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    site(**{missing: ""})
    assert [call().status_code for _ in range(20)] == [503] * 20

    assert not threads()
    assert vendor.paths == []
    [record] = caplog.records
    assert (record.name, record.levelno) == ("django_vwo", logging.WARNING)
    assert missing in record.getMessage()


@committing
def test_a_database_that_fails_is_told_to_vwo(
    vendor: samples.Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    with missing_table():
        assert [call().status_code for _ in range(20)] == [503] * 20
        assert call("wrong").status_code == 403
    levels = [(record.name, record.levelno) for record in caplog.records]
    assert levels == [("django_vwo", logging.ERROR), ("django_vwo", logging.WARNING)]

    assert call().status_code == 200
    wait_until(lambda: keys() == ["pricing-page"])


@committing
@pytest.mark.parametrize("account_id", ["", "123456"])
def test_a_database_that_is_away_is_told_to_vwo(
    site: Configure, monkeypatch: pytest.MonkeyPatch, account_id: str
) -> None:
    site(ACCOUNT_ID=account_id)
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", "/away/none")
        answer = call()
    connection.close()
    assert answer.status_code == 503


class missing_table:  # noqa: N801
    """Has the table of fetches be away."""

    def __enter__(self) -> None:
        self.rename("django_vwo_settingsfetch", "away")

    def __exit__(self, *_: object) -> None:
        self.rename("away", "django_vwo_settingsfetch")

    def rename(self, before: str, after: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")


# --- The thread ----------------------------------------------------------------------------------


def test_what_is_asked_for_meanwhile_is_done_afterwards() -> None:
    begun, may_end, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        assert may_end.wait(30)
        done.append(threading.current_thread())

    tested = errand.Errand(work)
    tested.start()
    assert begun.wait(30)
    for _ in range(5):
        tested.start()
    may_end.set()
    wait_until(lambda: not threads())

    assert len(done) == 2
    assert len(set(done)) == 1


def test_work_that_fails_is_logged_and_done_again_when_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = []

    def work() -> None:
        done.append(1)
        raise ValueError("a row with Bob in it")

    tested = errand.Errand(work)
    for _ in range(2):
        tested.start()
        wait_until(lambda: not threads())

    assert len(done) == 2
    assert "ValueError" in caplog.text
    assert "Bob" not in caplog.text


# --- The check -----------------------------------------------------------------------------------


def found() -> list[str | None]:
    return [each.id for each in run_checks() if str(each.id).startswith("django_vwo.")]


def test_an_address_without_a_secret_is_told(site: Configure, settings: Settings) -> None:
    assert found() == []
    site(WEBHOOK_SECRET=" ")
    assert found() == ["django_vwo.W018"]
    settings.ROOT_URLCONF = "tests.urls"
    assert found() == []


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@pytest.mark.parametrize("urls", [None, (path("", view),)])
def test_a_site_without_the_address_needs_no_secret(
    site: Configure, settings: Settings, urls: Callable[..., Any] | None
) -> None:
    site(WEBHOOK_SECRET="")
    settings.ROOT_URLCONF = urls
    assert found() == []


class Inspected(forks.Gate):
    """Notes the connections that a thread has when it ends its work, as a fork would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.connected: list[bool] = []

    @contextmanager
    def work(self) -> Iterator[None]:
        with super().work():
            yield
            self.connected.append(any(each.connection for each in connections.all()))


@committing
def test_no_child_could_inherit_a_connection_of_the_thread(
    vendor: samples.Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Inspected()
    monkeypatch.setattr(forks, "_gate", gate)

    assert call().status_code == 200
    wait_until(lambda: bool(vendor.paths) and not threads())

    assert gate.connected
    assert not any(gate.connected)
