"""
Milliseconds to load a settings document, checked as a whole, beside the vendors' own SDKs.

In every round each SDK loads the same text as we do, one after the other; it runs in an environment
of its own and reports its own times. Times are the processor's, as other programs of the machine
would be counted too. What a document costs in memory is what Python counts as held
by its campaigns, once text and JSON tree are gone.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from documents import optimizely_datafile, vwo_document
from figures import machine

from django_vwo.dialects import load
from tests.conformance.optimizely.official import TODAY
from tests.conformance.oracle import VWO, environment_python

OFFICIAL = Path(__file__).with_name("official_loading.py")
SIZES = (100, 1_000, 10_000)
ROUNDS = {100: 25, 1_000: 15, 10_000: 5}
DOCUMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "vwo": vwo_document,
    "optimizely": optimizely_datafile,
}
ENVIRONMENTS = {"vwo": VWO, "optimizely": TODAY.environment}
HEAD = f"{'':32}{'ratio':>8}{'spread':>13}{'SDK':>10}{'here':>10}{'spread':>16}{'kept MiB':>10}"


@contextmanager
def official(dialect: str) -> Iterator[Callable[[Path], float]]:
    """Yield what has the vendor's SDK load a file, and returns the seconds that it took."""
    python = environment_python(environment=ENVIRONMENTS[dialect])
    command = [str(python), str(OFFICIAL), dialect]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def seconds(path: Path) -> float:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        try:
            yield seconds
        finally:
            process.kill()


def seconds_here(path: Path) -> float:
    text = path.read_text()
    gc.collect()
    start = time.process_time()
    loaded = load(text, source="benchmark")
    spent = time.process_time() - start
    del loaded
    return spent


def kept_bytes(path: Path) -> int:
    """Return what the campaigns of a document hold in memory."""
    tracemalloc.start()
    loaded = load(path.read_text(), source="benchmark")
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del loaded
    return kept


def measure(dialect: str, size: int, folder: Path) -> dict[str, Any]:
    """Return every round of one dialect and size."""
    path = folder / f"{dialect}-{size}.json"
    path.write_text(json.dumps(DOCUMENTS[dialect](size)))
    before = machine()
    with official(dialect) as seconds_there:
        pairs = [(seconds_there(path), seconds_here(path)) for _ in range(ROUNDS[size] + 1)][1:]
    return {
        "dialect": dialect,
        "campaigns": size,
        "bytes": path.stat().st_size,
        "sdk_seconds": [there for there, _ in pairs],
        "seconds": [here for _, here in pairs],
        "kept_bytes": kept_bytes(path),
        "busy_percent_before": before.busy_percent,
    }


def line(found: dict[str, Any]) -> str:
    """Return one line of the table."""
    there, here = found["sdk_seconds"], found["seconds"]
    ratios = [theirs / ours for theirs, ours in zip(there, here, strict=True)]
    name = f"{found['dialect']}, {found['campaigns']:,} campaigns"
    columns = (
        f"{statistics.median(ratios):8.1f}{spread(ratios, 1):>13}",
        f"{statistics.median(there) * 1e3:10.1f}{statistics.median(here) * 1e3:10.1f}",
        f"{spread([each * 1e3 for each in here], 1):>16}{found['kept_bytes'] / 2**20:10.1f}",
    )
    return f"{name:32}{''.join(columns)}"


def spread(values: list[float], digits: int) -> str:
    return f"{min(values):,.{digits}f}-{max(values):,.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where every round is written")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, choices=SIZES)
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, medians in ms of the processor, and memory kept")
    print(HEAD)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            for dialect in DOCUMENTS:
                rows.append(measure(dialect, size, Path(folder)))
                print(line(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
