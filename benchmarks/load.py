"""Requests to a page, one after the other on one connection: from ``wrk``, or from this process."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from figures import percentile

SCRIPT = Path(__file__).with_name("pages.lua")
WRK = shutil.which("wrk")
NAME = "wrk" if WRK else "this process"
VISITORS = 100
"""How many there are to ask in turns; ``pages.lua`` knows, too."""


def visitor(number: int) -> str:
    """Return the id of a visitor, 0 to `VISITORS` - 1."""
    return f"{number:032x}"


def goal(number: int) -> str:
    """Return the identifier of a goal."""
    return f"goal-{number}"


class Answers(NamedTuple):
    """How a page answered; times are in microseconds."""

    count: int
    failed: int
    quick: float
    """What one in ten does not exceed: as if others left the machine alone."""
    median: float


Ask = Callable[[int, str, float, int], Answers]


def ask(port: int, page: str, seconds: float, first: int) -> Answers:
    """Return how *page* answered for *seconds* (`wrk` knows whole ones), asked from *first* on."""
    return by_wrk(port, page, seconds, first) if WRK else by_hand(port, page, seconds, first)


def by_wrk(port: int, page: str, seconds: float, first: int) -> Answers:
    options = ["-t1", "-c1", f"-d{max(1, round(seconds))}s", f"-s{SCRIPT}"]
    url = f"http://127.0.0.1:{port}/{page}"
    command = [str(WRK), *options, url, "--", str(first)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Answers(**json.loads(said.splitlines()[-1]))


def by_hand(port: int, page: str, seconds: float, first: int) -> Answers:
    connection = HTTPConnection("127.0.0.1", port)
    times: list[float] = []
    failed, end = 0, time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        reached, who = divmod(first + len(times), VISITORS)
        cookie = {"Cookie": f"vwo_visitor={visitor(who)}"}
        connection.request("GET", f"/{page}?goal={goal(reached)}", headers=cookie)
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - started) * 1e6)
        failed += answer.status != 200
    connection.close()
    return Answers(len(times), failed, percentile(times, 0.1), statistics.median(times))
