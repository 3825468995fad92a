"""The processes of a run: kept alive by a supervisor, whoever kills them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.documents import document

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 2.0
BATCH_SIZE = 50
STOP_SECONDS = 20.0


def environment(folder: Path, database_url: str, collector_url: str, **vwo: Any) -> dict[str, str]:
    """Return the variables under which all processes of a run work."""
    configured = {
        "ACCOUNT_ID": 123456,
        "SDK_KEY": "secret-sdk-key",
        "SETTINGS_DOCUMENT": document(),
        "COLLECTOR_URL": collector_url,
        "BATCH_SIZE": BATCH_SIZE,
        "LEASE_SECONDS": LEASE_SECONDS,
        "TIMEOUT_SECONDS": 1,
        "NUDGE_SECONDS": 0.1,
        "RAISE_ERRORS": False,
        **vwo,
    }
    return {
        **os.environ,
        "CHAOS_KILLS": str(folder / "kills"),
        "CHAOS_PROMISED": str(folder / "promised"),
        "CHAOS_UNDONE": str(folder / "undone"),
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "PYTHONPATH": str(ROOT),
        "TEST_VWO_SETTINGS": json.dumps(configured),
    }


@dataclass
class Member:
    """One process, or one with its children."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", *self.command],
                env=dict(self.variables),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def is_gone(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and its children."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def freeze(self, seconds: float = 1.5 * LEASE_SECONDS) -> None:
        """Stop it for longer than a lease lasts."""
        self.send(signal.SIGSTOP)
        time.sleep(seconds)
        self.send(signal.SIGCONT)

    def end(self) -> None:
        """Ask it to end; kill what is left of it."""
        self.send(signal.SIGTERM)
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it and its children at once."""
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


class Fleet:
    """Members that are started again when they are gone. A context manager: they work inside."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        self.restarts: Counter[str] = Counter()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._supervise)

    def __enter__(self) -> Self:
        for member in self.members:
            member.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        for member in self.members:
            member.kill()

    def _supervise(self) -> None:
        while not self._is_over.wait(0.2):
            for member in self.members:
                if member.is_gone:
                    self.restarts[member.name] += 1
                    member.start()

    def dismiss(self, name: str) -> None:
        """End the members called *name* for good."""
        leaving = [member for member in self.members if member.name == name]
        self.members = [member for member in self.members if member.name != name]
        for member in leaving:
            member.end()

    def one(self, chance: random.Random) -> Member:
        return chance.choice(self.members)


def shopper(variables: Mapping[str, str], broker: str, log: Path) -> Member:
    """Return a web server whose commits nudge the workers of *broker*."""
    given = {**variables, "TEST_BROKER_URL": broker}
    return Member("shopper", ("-m", "tests.chaos.shopper"), given, log)


def plain_worker(variables: Mapping[str, str], log: Path) -> Member:
    """Return a worker that needs no broker."""
    return Member("vwo_deliver", ("-m", "tests.chaos.worker"), variables, log)


def celery_worker(variables: Mapping[str, str], broker: str, name: str, log: Path) -> Member:
    """Return a Celery worker with two children."""
    given = {**variables, "TEST_BROKER_URL": broker}
    app = ("-m", "celery", "-A", "tests.chaos.celery_worker", "worker", "-c", "2")
    options = ("-n", f"{name}@%h", "--loglevel=warning", "--without-gossip", "--without-mingle")
    return Member("Celery", (*app, *options), given, log)
