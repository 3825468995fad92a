import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_vwo import transport
from django_vwo.dialects.vwo import visitor_key_for
from django_vwo.models import Breaker, Event, EventStatus, SettingsDocument, SettingsFetch

from .collector import HANG, Collector, Received, Reply
from .conftest import Configure
from .outbox.processes import environment, running, wait_until
from .outbox.samples import impression, impressions, in_threads, record, rows, statuses
from .sources.samples import let_pass, text

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


def erasable(*user_ids: str) -> None:
    """Record an impression of each, as the account's client would."""
    key_for = visitor_key_for("123456")
    record(*(impression(user_id, visitor=key_for(user_id)) for user_id in user_ids))


def test_a_visitor_is_erased() -> None:
    erasable("ann", "bob")

    out = "0 assignments deleted; events: 1 cancelled, 0 being sent, 0 others made anonymous.\n"
    assert run("--erase", "ann") == (0, out, "")
    assert statuses() == [EventStatus.CANCELLED, EventStatus.PENDING]


def test_visitors_are_erased_whose_ids_come_by_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    erasable("ann", " bob ", "-", "cem")
    monkeypatch.setattr(sys, "stdin", io.StringIO("ann\r\n\n bob \n-"))

    assert "events: 3 cancelled" in run("--erase", "-")[1]
    assert [row.user_id for row in rows() if row.status == EventStatus.PENDING] == ["cem"]


@pytest.mark.parametrize("given", ["", "\n\n", "\ud800ann"])
def test_a_user_id_that_is_none_is_explained_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(CommandError) as raised:
        call_command("vwo_deliver", "--erase", "-")
    assert "ann" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


class Records:
    """A storage of the vendor's SDK, which cannot forget."""

    def get(self, user_id: str, campaign_key: str) -> None:
        """Return no record."""

    def set(self, record: Any) -> None:
        """Keep no record."""


def test_a_storage_that_cannot_erase_is_told_of(configure: Configure) -> None:
    erasable("ann")
    options = {"storage": f"{__name__}.Records"}
    configure(USER_STORAGE={"BACKEND": "django_vwo.storages.sdk.SDKStorage", "OPTIONS": options})
    with pytest.raises(CommandError, match="has no method forget"):
        call_command("vwo_deliver", "--erase", "ann")
    assert statuses() == [EventStatus.PENDING]


def test_stats_tell_counts_and_how_each_account_is_doing() -> None:
    record(*impressions(1200))
    Breaker.objects.create(account_id="123456", failures=2, last_error="HTTP 503")
    Breaker.objects.create(account_id="999")

    _, out, _ = run("--stats")

    assert "pending        1,200" in out
    assert "failed            0" in out
    assert "Account 123456: 1,200 pending; the oldest occurred " in out
    assert "The collector is about to be tried again, after 2 failures in a row: HTTP 503." in out
    assert "Account 999: 0 pending. The collector takes events. The last success: never." in out


def test_stats_of_a_site_without_an_account_are_counts(configure: Configure) -> None:
    configure(ACCOUNT_ID="")

    assert "Account" not in run("--stats")[1]


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


def test_a_loop_keeps_the_document_fresh_and_delivery_does_not_wait(collector: Collector) -> None:
    """The first fetch hangs, the next one does not; what happens meanwhile is delivered."""
    hanging = [HANG]

    def answer(received: Received) -> Reply:
        if received.path != "/server-side/settings":
            return Reply()
        return hanging.pop() if hanging else Reply(body=text().encode())

    collector.rule = answer
    arguments = ("-m", "django", "vwo_deliver", "--loop", "--interval", "0.1")
    around = environment(collector, FETCH_SECONDS=300, TIMEOUT_SECONDS=30, READ_TIMEOUT_SECONDS=30)
    with running(*arguments, environment=around):
        wait_until(lambda: SettingsFetch.objects.filter(is_under_way=True).exists())
        record(*impressions(3))
        wait_until(lambda: statuses() == [EventStatus.SENT] * 3)
        assert SettingsFetch.objects.get().is_under_way
        let_pass(120)  # as if the process had died: whoever looks next fetches
    with running(*arguments, environment=around):
        wait_until(lambda: SettingsDocument.objects.filter(is_active=True).exists())
        wait_until(lambda: SettingsFetch.objects.get().succeeded_at is not None)
    assert not hanging
