"""``python -m collector``: listen until Ctrl-C, and tell what arrives."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from . import Collector, CollectorError

DIALECT = os.environ.get("VWO_DIALECT", "vwo")
DOCUMENT = Path(__file__).resolve().parent.parent / f"{DIALECT}.json"


def main() -> int:
    """Return the exit status: 1 if the port cannot be had."""
    parser = argparse.ArgumentParser(prog="collector", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 takes any that is free")
    parser.add_argument(
        "--document",
        type=Path,
        default=DOCUMENT,
        help="the settings document; it tells whose servers to be",
    )
    options = parser.parse_args()
    collector = Collector(options.document, port=options.port)
    try:
        collector.start()
    except CollectorError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{collector.vendor.name} is at {collector.url} until Ctrl-C.", flush=True)
    try:
        watch(collector)
    except KeyboardInterrupt:
        collector.close()
    return 0


def watch(collector: Collector) -> None:
    """Print a line whenever something has arrived."""
    tally, told = collector.tally, (0, 0)
    while True:
        now = (tally.requests, len(tally.refused))
        if now != told:
            latest = f", the last one with {tally.refused[-1]}" if tally.refused else ""
            print(f"{now[0]} requests taken, {tally.received} events; {now[1]} refused{latest}")
            sys.stdout.flush()
        told = now
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
