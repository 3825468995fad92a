"""A process of its own that tells which campaigns it decides with, each time they change."""

from __future__ import annotations

import json
import os
import sys
import time

import django
from django.conf import settings


def tell(name: str) -> None:
    """Write the running campaigns each time they change, for two minutes."""
    from django_vwo.sources.current import current

    seen, end = None, time.monotonic() + 120
    while time.monotonic() < end:
        campaigns = current()
        keys = sorted(campaigns.campaigns) if campaigns else []
        if keys != seen:
            sys.stdout.write(f"{json.dumps([name, keys])}\n")
            sys.stdout.flush()
            seen = keys
        time.sleep(0.02)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    settings.DATABASES["default"]["NAME"] = sys.argv[1]
    settings.VWO["REFRESH_SECONDS"] = 0.5
    django.setup()
    if "fork" not in sys.argv:
        tell("alone")
        return
    from django.db import connections

    from django_vwo.sources.current import current

    current()
    connections.close_all()
    tell("parent" if os.fork() else "child")


if __name__ == "__main__":
    main()
