"""A database that is full: what is said to be recorded is, and the caller's transaction lives."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.http import HttpRequest, JsonResponse
from django.test import Client as Browser
from pytest_django import Settings

from django_vwo.models import EventStatus
from tests.collector import Collector
from tests.conftest import Configure, Serve
from tests.outbox.processes import wait_until
from tests.outbox.samples import rows, statuses, visitors_of
from tests.own_servers import CONTROL_SECONDS, OwnMariaDB, OwnPostgres, OwnServer

from .shop import visitor_of
from .truth import drain_for_good

pytestmark = [
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True, databases=["default", "full"]),
]

LARGE = {"basket": secrets.token_hex(6_000)}
"""What a database cannot compress."""
MOST = 5_000
"""How many orders are more than any of the databases here has room for."""
REFUSALS = 5
SQLITE_PAGES = 100
MEGABYTE = 1024**2
IN_TIME = {"OPTIONS": {"connect_timeout": 10}}
Outcome = bool | None
"""Whether an event was said to be recorded; None: the request failed, and says so."""
MakeRoom = Callable[[], object]


class Everything:
    """A router that has everything in the database that is going to be full."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        return "full"

    db_for_write = db_for_read


@contextmanager
def alias_of(url: str, *statements: str, **changes: Any) -> Iterator[None]:
    """Have the alias ``full`` stand for a database, migrated after *statements*."""
    del connections["full"]
    connections.settings["full"] |= {"OPTIONS": {}, **dj_database_url.parse(url), **changes}
    for statement in statements:
        execute(statement)
    call_command("migrate", database="full", verbosity=0)
    yield
    connections["full"].close()


def execute(sql: str, *values: Any) -> Any:
    with connections["full"].cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchone()[0] if cursor.description else None


@contextmanager
def small_sqlite() -> Iterator[MakeRoom]:
    """Have a file that can grow by a few pages."""

    def limit(pages: int) -> None:
        execute(f"PRAGMA max_page_count = {execute('PRAGMA page_count') + pages}")

    with tempfile.TemporaryDirectory() as folder, alias_of(f"sqlite:///{folder}/full.sqlite3"):
        limit(SQLITE_PAGES)
        yield lambda: limit(100 * SQLITE_PAGES)


@contextmanager
def small_mariadb() -> Iterator[MakeRoom]:
    """Have a server whose tables share a file that can grow by a few megabytes."""
    size = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M")
    server = OwnMariaDB(*size, "--innodb-flush-log-at-trx-commit=0")
    with server.running(), alias_of(server.url, **IN_TIME):
        for sql in ("SET GLOBAL {} = 1", "ALTER TABLE auth_group FORCE", "SET GLOBAL {} = 0"):
            execute(sql.format("innodb_file_per_table"))  # the orders alone are elsewhere
        execute("CREATE TABLE ballast (content LONGBLOB)")
        execute("INSERT INTO ballast VALUES (%s)", bytes(6 * MEGABYTE))
        yield lambda: execute("DROP TABLE ballast")


@contextmanager
def small_postgres() -> Iterator[MakeRoom]:
    """Have a server whose tables lie on a file system with a few megabytes left."""
    server = OwnPostgres("-c", "statement_timeout=30s")
    with server.running(), small_file_system(server) as place:
        space = f"CREATE TABLESPACE small LOCATION '{place / 'tables'}'"
        with alias_of(server.url, space, "SET default_tablespace = small", **IN_TIME):
            ballast = place / "ballast"
            room = os.statvfs(place)
            ballast.write_bytes(bytes(room.f_bavail * room.f_bsize - 2 * MEGABYTE))
            yield ballast.unlink


@contextmanager
def small_file_system(server: OwnServer) -> Iterator[Path]:
    """Yield a place with a folder for the server's tables. Skips where nothing may be mounted."""
    place = server.folder / "small"
    place.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=32m,mode=755", "tmpfs", place)
    limits: Any = {"capture_output": True, "text": True, "timeout": CONTROL_SECONDS}
    done = subprocess.run(mount, check=False, **limits)
    if done.returncode:
        pytest.skip(f"a full disk needs a file system of its own: {done.stderr.strip()}")
    try:
        (place / "tables").mkdir()
        shutil.chown(place / "tables", server.user)
        yield place
    finally:  # as long as the server holds it, in name only
        subprocess.run(("umount", "--lazy", place), check=True, **limits)


SMALL = {"sqlite": small_sqlite, "mysql": small_mariadb, "postgresql": small_postgres}


@pytest.fixture(scope="module", autouse=True)
def full_alias() -> None:
    """Let tests have another database, which they choose."""
    connections.settings["full"] = {**connections.settings["default"]}


@pytest.fixture
def make_room(settings: Settings, full_alias: None) -> Iterator[MakeRoom]:
    """Have a database with little room, of the kind that the tests run on; gone afterwards."""
    try:
        with SMALL[connection.vendor]() as make_room:
            settings.DATABASE_ROUTERS = [Everything()]
            yield make_room
            settings.DATABASE_ROUTERS = []
    finally:
        del connections["full"]
        del connections.settings["full"]


def take(request: HttpRequest) -> JsonResponse:
    """Take an order, amid which an event is recorded; answer what was said of that."""
    with transaction.atomic(using="full"):
        Group.objects.create(name=f"{visitor_of(request)}, before")
        is_recorded = request.vwo.push(LARGE)
        Group.objects.create(name=f"{visitor_of(request)}, after")
    return JsonResponse({"is_recorded": is_recorded})


def order(name: str) -> Outcome:
    """Return what a visitor was told who ordered something."""
    answer = Browser(raise_request_exception=False).get("/", {"visitor": name})
    return bool(answer.json()["is_recorded"]) if answer.status_code == 200 else None


@pytest.fixture
def shop(site: Configure, serve: Serve) -> None:
    site(USER_ID="tests.faults.shop.visitor_of", RAISE_ERRORS=False)
    serve(take)


def test_a_full_database_refuses_events_aloud_and_keeps_orders_whole(
    make_room: MakeRoom, shop: None, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """Row 12: what is said to be recorded is kept, an order whole or not; then there is room."""
    told: dict[str, Outcome] = {}

    def is_recorded() -> bool:
        name = f"user-{len(told)}"
        told[name] = order(name)
        return told[name] is True

    def is_full() -> bool:
        outcomes = list(told.values())
        is_over = outcomes[-REFUSALS:] == [None] * REFUSALS and False in outcomes
        return is_over or outcomes.count(False) == REFUSALS

    while not is_full() and len(told) < MOST:
        is_recorded()
    assert False in told.values(), "an order was taken whose event had no room"
    assert_that_is_what_was_kept(told)
    ours = [record for record in caplog.records if record.name == "django_vwo"]
    assert len(ours) >= list(told.values()).count(False), "each is told of in the log"

    make_room()
    wait_until(is_recorded)
    assert is_recorded()
    assert_that_is_what_was_kept(told)
    drain_for_good(collector)
    assert set(statuses()) == {EventStatus.SENT}
    assert sorted(visitors_of(collector.entries)) == sorted(row.visitor for row in rows())


def assert_that_is_what_was_kept(told: dict[str, Outcome]) -> None:
    """Fail unless each order is there that was taken, whole, and each event that was recorded."""
    recorded = sorted(row.user_id for row in rows())
    assert recorded == sorted(name for name, outcome in told.items() if outcome)
    parts = sorted(Group.objects.values_list("name", flat=True))
    taken = [name for name, outcome in told.items() if outcome is not None]
    assert parts == sorted(f"{name}, {part}" for name in taken for part in ("before", "after"))
