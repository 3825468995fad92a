"""The test site's workers as processes, on the database that the tests run on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

from tests.collector import Collector

ROOT = Path(__file__).parents[2]
SCHEMES = {"postgresql": "postgres", "mysql": "mysql"}


def database_url() -> str:
    """Return the address of the test database."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(given['NAME']).resolve()}"
    login = f"{quote(given['USER'])}:{quote(given['PASSWORD'])}"
    host = f"{given['HOST']}:{given['PORT']}" if given["PORT"] else given["HOST"]
    return f"{SCHEMES[connection.vendor]}://{login}@{host}/{given['NAME']}"


def environment(collector: Collector, **vwo: Any) -> dict[str, str]:
    """Return the variables under which a process works for the tests."""
    plain = {"COLLECTOR_URL": collector.url, "TIMEOUT_SECONDS": 5, "LEASE_SECONDS": 2}
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.outbox.worker_settings",
        "TEST_VWO_SETTINGS": json.dumps({**plain, **vwo}),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def running(*arguments: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run Python with *arguments*; nothing of it is left afterwards, its children included."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            yield process
        except BaseException as error:
            kill_group(process)
            error.add_note(f"{' '.join(arguments)} wrote:\n{process.communicate()[0]}")
            raise
        finally:
            kill_group(process)


def kill_group(process: subprocess.Popen[str]) -> None:
    """End *process* and its children as the kernel does that is out of memory."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_until(is_true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return once *is_true*. Raises `AssertionError` if it is not in *seconds*."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.05)
