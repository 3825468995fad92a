"""The processes of a site in production: a web server and a worker."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

PROJECT = Path(__file__).resolve().parent.parent
LAST_LINES = 15


class DemoError(Exception):
    """The demo cannot go on, and why."""


class Process:
    """
    One Python process of the shop. As a context it is stopped at the end.

    *arguments* are Python's; what it prints goes to *log*.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        self.name, self.log = name, log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=PROJECT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self, seconds: float = 2) -> None:
        """Ask it to end, and end it after *seconds*."""
        self.popen.terminate()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a machine that loses power would."""
        self.popen.kill()
        self.popen.wait()

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def wait_for(self, pattern: str, seconds: float = 30) -> re.Match[str]:
        """Return the match of *pattern* once it is printed. Raises `DemoError`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            has_ended = not self.is_running
            if found := re.search(pattern, self.printed()):
                return found
            if has_ended:
                raise self.error(f"ended with status {self.popen.returncode}")
            time.sleep(0.05)
        raise self.error(f"is not ready after {seconds:g} s")

    def wait(self, seconds: float = 60) -> None:
        """Return once it has ended well. Raises `DemoError`."""
        try:
            status = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.error(f"has not ended after {seconds:g} s") from None
        if status:
            raise self.error(f"ended with status {status}")

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def error(self, what: str) -> DemoError:
        lines = "\n".join(self.printed().splitlines()[-LAST_LINES:])
        return DemoError(f"The {self.name} {what}. Its last lines ({self.log}):\n{lines}")
