import os
import select
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from django_vwo.outbox import mailbox
from django_vwo.outbox.mailbox import Mailbox
from tests.conftest import Configure


class Office:
    """Counts what is published, and fails for as long as it is told to."""

    def __init__(self) -> None:
        self.published: list[float] = []
        self.failures_left = 0
        self.threads: set[str] = set()

    def publish(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.published.append(time.monotonic())
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectionRefusedError("amqp://user:secret@broker")


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def opened(office: Office) -> Iterator[Callable[..., Mailbox]]:
    """Return a function that opens a mailbox."""
    boxes: list[Mailbox] = []

    def open_one(window: float = 0.05, quiet: float = 0.2) -> Mailbox:
        box = Mailbox(office.publish, window_seconds=lambda: window, quiet_seconds=quiet)
        boxes.append(box)
        return box

    yield open_one
    for box in boxes:
        box.stop()


def wait_until(is_true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not is_true() and time.monotonic() < end:
        time.sleep(0.005)
    assert is_true()


def test_many_pokes_are_one_nudge(office: Office, opened: Callable[..., Mailbox]) -> None:
    box = opened(window=0.1)
    for _ in range(1000):
        box.poke()
    wait_until(lambda: bool(office.published))
    time.sleep(0.25)

    assert len(office.published) == 1


def test_the_nudge_comes_after_the_last_poke_of_its_window(
    office: Office, opened: Callable[..., Mailbox]
) -> None:
    box, last = opened(window=0.1), 0.0
    for _ in range(30):
        box.poke()
        last = time.monotonic()
        time.sleep(0.01)
    wait_until(lambda: bool(office.published) and office.published[-1] > last)

    gaps = [b - a for a, b in zip(office.published, office.published[1:], strict=False)]
    assert all(gap >= 0.09 for gap in gaps)
    assert len(office.published) <= 5


def test_it_is_not_the_callers_thread_that_publishes(
    office: Office, opened: Callable[..., Mailbox]
) -> None:
    opened().poke()
    wait_until(lambda: bool(office.published))

    assert office.threads == {"django_vwo.mailbox"}


def test_without_pokes_there_is_no_thread(opened: Callable[..., Mailbox]) -> None:
    opened()

    assert "django_vwo.mailbox" not in {thread.name for thread in threading.enumerate()}


def test_after_a_failure_there_is_quiet_and_then_another_try(
    office: Office, opened: Callable[..., Mailbox], caplog: pytest.LogCaptureFixture
) -> None:
    office.failures_left = 1
    box = opened(window=0.01, quiet=0.3)
    box.poke()
    wait_until(lambda: len(office.published) == 1)
    box.poke()
    wait_until(lambda: len(office.published) == 2)

    assert office.published[1] - office.published[0] >= 0.3
    assert "ConnectionRefusedError" in caplog.text
    assert "secret" not in caplog.text


def test_a_poke_takes_microseconds_while_the_broker_is_silent() -> None:
    silence = threading.Event()
    box = Mailbox(lambda: silence.wait(10) and None, window_seconds=lambda: 0.0)
    box.poke()
    started = time.perf_counter()
    for _ in range(10_000):
        box.poke()
    took = time.perf_counter() - started
    silence.set()
    box.stop()

    assert took / 10_000 < 50e-6


def test_a_forked_child_has_a_mailbox_of_its_own(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child nudges through a thread of its own; told over a pipe, as nothing is shared."""
    configure(DELIVERY="celery", NUDGE_SECONDS=0.01)
    read_end, write_end = os.pipe()
    monkeypatch.setattr(mailbox, "nudge", lambda: os.write(write_end, b"nudge") and None)
    mailbox.start_anew()
    mailbox.poke()
    assert os.read(read_end, 5) == b"nudge"
    with mailbox._mailbox._starting:  # as another thread may while it starts the mailbox's
        pid = os.fork()
        if pid == 0:
            mailbox.poke()
            time.sleep(5)
            os._exit(0)
    try:
        assert select.select([read_end], [], [], 10.0)[0], "The child waits for its parent's lock."
        assert os.read(read_end, 5) == b"nudge"
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        mailbox._mailbox.stop()
        monkeypatch.undo()
        mailbox.start_anew()
        os.close(read_end)
        os.close(write_end)


def test_without_celery_nobody_is_nudged(configure: Configure) -> None:
    configure(DELIVERY="command")
    mailbox.start_anew()
    mailbox.poke()

    assert "django_vwo.mailbox" not in {thread.name for thread in threading.enumerate()}
