import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_vwo import transport
from django_vwo.models import Breaker, Event, EventStatus

from .collector import Collector, Reply
from .conftest import Configure
from .outbox.samples import impression, impressions, in_threads, record, statuses

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collector(configure: Configure) -> Iterator[Collector]:
    with Collector() as running:
        configure(COLLECTOR_URL=running.url)
        yield running
        transport.forget_session()


def run(*arguments: str, terminal: bool = False) -> tuple[int, str, str]:
    """Return the command's exit status and what it wrote."""
    out, err = Terminal() if terminal else io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command("vwo_deliver", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        status = int(end.code or 0)
    return status, out.getvalue(), err.getvalue()


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_once_delivers_what_is_due(collector: Collector) -> None:
    record(*impressions(7), impression("user-0"))

    assert run("--once") == (0, "7 delivered in 1 requests, 1 duplicates; 0 pending.\n", "")
    assert len(collector.entries) == 7


def test_once_without_work_is_done(collector: Collector) -> None:
    assert run("--once") == (0, "0 delivered in 0 requests; 0 pending.\n", "")


def test_once_tells_when_something_is_left(collector: Collector) -> None:
    record(*impressions(2))
    Event.objects.filter(user_id="user-1").update(due_at=datetime(2100, 1, 1, tzinfo=UTC))

    assert run("--once") == (1, "1 delivered in 1 requests; 1 pending.\n", "")


def test_once_tells_when_the_collector_is_down(collector: Collector) -> None:
    record(*impressions(2))
    collector.script(Reply(status=503))

    status, out, err = run("--once")
    assert (status, out) == (2, "0 delivered in 1 requests, 2 postponed; 2 pending.\n")
    assert "HTTP 503" in err
    assert run("--once")[0] == 2
    assert len(collector.received) == 1


@pytest.mark.parametrize("key", ["SDK_KEY", "ACCOUNT_ID"])
def test_once_tells_what_is_missing(collector: Collector, configure: Configure, key: str) -> None:
    record(*impressions(2))
    configure(**{key: ""})

    status, _, err = run("--once")
    assert status == 2
    assert f"VWO['{key}'] is missing" in err
    assert statuses() == [EventStatus.PENDING] * 2


def test_development_sends_nothing(collector: Collector, configure: Configure) -> None:
    record(*impressions(2))
    configure(DEVELOPMENT_MODE=True)

    status, _, err = run("--once")
    assert status == 2
    assert "DEVELOPMENT_MODE" in err
    assert collector.received == []


def test_a_terminal_sees_a_bar(
    collector: Collector, configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    configure(BATCH_SIZE=10)
    record(*impressions(30))

    assert run("--once", terminal=True)[0] == 0
    assert "30/30" in capfd.readouterr().err


def test_failed_events_are_sent_again(collector: Collector) -> None:
    record(*impressions(3))
    Event.objects.update(status=EventStatus.DEAD, due_at=None)

    assert run("--resend")[1] == "3 events are to be delivered again.\n"
    assert run("--once")[0] == 0
    assert statuses() == [EventStatus.SENT] * 3


def test_old_events_are_deleted(configure: Configure) -> None:
    record(*impressions(3))
    Event.objects.update(
        status=EventStatus.SENT, due_at=None, sent_at=datetime(2020, 1, 1, tzinfo=UTC)
    )

    assert run("--prune")[1] == "3 events deleted.\n"


def test_stats_tell_counts_and_the_breaker() -> None:
    record(*impressions(1200))
    Breaker.objects.create(account_id="123456", failures=1, last_error="HTTP 503")
    Breaker.objects.create(account_id="999")

    _, out, _ = run("--stats")

    assert "pending        1,200" in out
    assert "failed            0" in out
    assert "The longest pending event occurred at 2026-03-01" in out
    assert "Account 123456: the collector is left alone until None: HTTP 503." in out
    assert "Account 999: the collector is up." in out


@pytest.mark.parametrize("arguments", [[], ["--once", "--loop"], ["--nonsense"]])
def test_wrong_use_is_explained(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("vwo_deliver", *arguments)


@pytest.fixture
def no_outbox() -> Any:
    """Take the outbox table away, as before a migration."""
    table = Event._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(Event, table, f"{table}_gone")
    yield
    with connection.schema_editor() as editor:
        editor.alter_db_table(Event, f"{table}_gone", table)


@pytest.mark.usefixtures("no_outbox")
@pytest.mark.parametrize("action", ["--stats", "--resend", "--prune"])
def test_a_database_without_tables_is_explained(action: str) -> None:
    with pytest.raises(CommandError, match="The database cannot be used"):
        call_command("vwo_deliver", action)


def test_two_commands_at_once_share_the_work(collector: Collector, configure: Configure) -> None:
    configure(BATCH_SIZE=5)
    record(*impressions(60))

    results = in_threads(lambda: run("--once"), lambda: run("--once"))

    assert {status for status, _, _ in results} <= {0, 1}
    assert len(collector.entries) == 60
    assert statuses() == [EventStatus.SENT] * 60
