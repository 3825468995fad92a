"""
Activates visitors at given moments, so that several processes do it at once.

The first moment is what the file says that is named on the command line, once it is there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import django

ROUNDS = 12
ROUND_SECONDS = 0.25
CAMPAIGN = "pricing-page"


def race(start: Path) -> None:
    """Tell what each visitor is shown."""
    from django_vwo.client import get_client

    client = get_client()
    tell(client.get_variation_name(CAMPAIGN, "nobody"))  # and all is loaded
    while not start.exists():
        time.sleep(0.05)
    moment = float(start.read_text())
    for number in range(ROUNDS):
        wait_for(moment + number * ROUND_SECONDS)
        tell(client.activate(CAMPAIGN, f"user-{number}"))


def wait_for(moment: float) -> None:
    """Return at *moment*, as exactly as that goes."""
    time.sleep(max(0.0, moment - time.time() - 0.01))
    while time.time() < moment:
        pass


def tell(variation: str | None) -> None:
    sys.stdout.write(f"{variation}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    django.setup()
    race(Path(sys.argv[1]))
