"""Microseconds per call of the public `Client`, beside VWO's own SDK, in turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from django_vwo.client import Client
from django_vwo.recorders.base import Recorder
from django_vwo.storages.memory import MemoryStorage
from tests.conformance.oracle import environment_python

ROUNDS = 15
CALLS = 400


class Nowhere(Recorder):
    """Forgets events, as the SDK does in its development mode."""

    def record(self, events: Any) -> None:
        pass


def document(size: int) -> dict[str, Any]:
    """Return a document of *size* A/B tests, all with a segment and a goal of their own."""
    return {
        "version": 1,
        "accountId": 123456,
        "sdkKey": "benchmark",
        "isNB": True,
        "campaigns": [campaign(number) for number in range(1, size + 1)],
    }


def campaign(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "key": f"campaign-{number}",
        "type": "VISUAL_AB",
        "status": "RUNNING",
        "percentTraffic": 80,
        "segments": {"not": {"custom_variable": {"plan": "lower(free)"}}},
        "variations": [
            {"id": index, "name": f"Variation-{index}", "weight": 25, "segments": {}}
            for index in range(1, 5)
        ],
        "goals": [{"id": number, "identifier": f"goal-{number}", "type": "CUSTOM_GOAL"}],
    }


class Official:
    """VWO's own SDK in its environment."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [environment_python(), str(Path(__file__).with_name("official.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask(json.dumps(settings))

    def ask(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def measure(self, method: str, storage: bool, calls: list[list[str]]) -> float:
        assert self.process.stdout
        self.ask(json.dumps({"method": method, "storage": storage, "calls": calls}))
        return float(self.process.stdout.readline())


def measure_ours(client: Client, method: str, calls: list[list[str]]) -> float:
    """Return the seconds per call."""
    function = getattr(client, method)
    start = time.perf_counter()
    for arguments in calls:
        function(*arguments)
    return (time.perf_counter() - start) / len(calls)


def rows(size: int) -> dict[str, tuple[str, bool, list[list[str]]]]:
    """Return what is measured: name to method, with storage or not, and the calls."""
    key, goal = f"campaign-{size // 2}", f"goal-{size // 2}"
    users = [f"user-{number}" for number in range(CALLS)]
    return {
        "variation of one campaign": ("activate", False, [[key, user] for user in users]),
        "variation already stored": ("activate", True, [[key, user] for user in users]),
        "track, one campaign": ("track", False, [[key, user, goal] for user in users]),
    }


def main() -> None:
    print(f"Python {sys.version.split()[0]}, medians of {ROUNDS} rounds of {CALLS} calls, in µs")
    print(f"{'':38}{'VWO':>9}{'here':>9}{'ratio':>9}{'spread':>9}")
    for size in (100, 1000):
        settings = document(size)
        official = Official(settings)
        stateless = Client(settings, recorder=Nowhere())
        stored = Client(settings, storage=MemoryStorage(), recorder=Nowhere())
        for name, (method, storage, calls) in rows(size).items():
            pairs = [
                (
                    official.measure(method, storage, calls),
                    measure_ours(stored if storage else stateless, method, calls),
                )
                for _ in range(ROUNDS + 1)
            ][1:]
            theirs, ours = (statistics.median(times) * 1e6 for times in zip(*pairs, strict=True))
            ratios = [their / our for their, our in pairs]
            spread = f"{min(ratios):.0f}-{max(ratios):.0f}"
            label = f"{name}, {size:,} campaigns"
            print(f"{label:38}{theirs:9.1f}{ours:9.2f}{theirs / ours:9.1f}{spread:>9}")
        official.process.terminate()


if __name__ == "__main__":
    main()
