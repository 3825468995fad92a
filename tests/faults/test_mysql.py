"""Sites whose MySQL or MariaDB sessions are set otherwise than Django sets them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from django_vwo.outbox.claim import claim
from tests.outbox.samples import impressions, in_threads, record, rows, scope

from .web_servers import SECONDS

pytestmark = [
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "mysql", reason="is about MySQL and MariaDB"),
]

EARLIER, LATER = "-09:30", "+05:00"


@pytest.fixture
def set_session() -> Iterator[Callable[..., None]]:
    """Return a function that sets this thread's session; it ends with the test."""

    def change(*, time_zone: str = "+00:00", wait_seconds: int = 50) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET SESSION time_zone = %s", [time_zone])
            cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [wait_seconds])

    yield change
    connection.close()


def test_a_request_does_not_wait_for_a_worker_that_claims(
    set_session: Callable[..., None],
) -> None:
    """Row 38: at REPEATABLE READ a claim would lock the gap into which requests insert."""
    record(*impressions(5))
    has_claimed, has_inserted = threading.Event(), threading.Event()

    def wait_once_it_holds(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith("UPDATE"):
            has_claimed.set()
            assert has_inserted.wait(SECONDS)
        return result

    def work() -> int:
        set_session()
        with connection.execute_wrapper(wait_once_it_holds):
            batch = claim(scope(), 100)
        return len(batch.rows) if batch else 0

    def serve() -> None:
        set_session(wait_seconds=1)
        assert has_claimed.wait(SECONDS)
        try:
            record(*impressions(5, "later"))
        finally:
            has_inserted.set()

    assert in_threads(work, serve)[0] == 5
    assert len(rows()) == 10


@pytest.mark.parametrize("serving", [EARLIER, LATER])
@pytest.mark.parametrize("working", [EARLIER, LATER])
def test_a_lease_is_right_whatever_the_time_zone_of_a_session(
    set_session: Callable[..., None], serving: str, working: str
) -> None:
    """Row 38: what one session records is due in another at once, and leased as long as asked."""
    set_session(time_zone=serving)
    record(*impressions(2))
    set_session(time_zone=working)
    batch = claim(scope(lease_seconds=30.0), 100)

    assert batch
    assert len(batch.rows) == 2
    assert claim(scope(), 100) is None
    ends = [row.due_at for row in rows()]
    now = datetime.now(UTC)
    assert all(now < end < now + timedelta(seconds=31) for end in ends if end)
    assert None not in ends
