"""A minute of chaos loses nothing; and the suite would notice if it did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.services import give_up

from .__main__ import IS_MISSING
from .fleet import ROOT
from .servers import DATABASES

pytestmark = pytest.mark.chaos

SECONDS = os.environ.get("CHAOS_SECONDS", "60")
SEED = os.environ.get("CHAOS_SEED", "20261127")


def report_of(*arguments: str) -> dict[str, Any]:
    """Return what a run came to, which is shown, too."""
    command = [sys.executable, "-m", "tests.chaos", *arguments, "--seed", SEED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == IS_MISSING:
        give_up(done.stderr.strip())
    assert done.stdout, done.stderr
    sys.stdout.write(f"{done.stderr}\n{done.stdout}")
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_lost_with_redis_and_rabbitmq(database: str) -> None:
    report = report_of("--database", database, "--seconds", SECONDS)

    assert report["is_well"], report
    assert report["figures"]["committed events"] > 100
    assert sum(report["figures"]["accidents"].values()) > 5


def test_a_planted_loss_is_found() -> None:
    report = report_of("--database", "sqlite", "--brokers", "--seconds", "10", "--plant-loss")

    assert not report["is_well"]
    assert report["lost"]
