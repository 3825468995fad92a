"""
How many events a second are recorded, claimed and delivered, by one process and by several.

Runs on the server that ``DATABASE_URL`` names, in a test database of its own that is dropped in the
end; without that, on an SQLite file. All of it is the road of production: `OutboxRecorder`, `claim`
and ``vwo_deliver --once``, against a collector that takes 20 ms to answer. What others do with the
machine is told beside each figure; only ratios of one run mean much.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import crew
import quick_collector
from figures import HEAD, Figures, machine

ROOT = crew.HERE.parent

MILLION = 1_000_000
CALLS_OF = (1, 10)
NEED_A_BACKLOG = {"claim", "deliver"}


def arguments() -> argparse.Namespace:
    """Return what to measure: by default in the size that the documentation tells of."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--backlog", type=int, default=MILLION, help="events to claim from")
    parser.add_argument("--deliver", type=int, default=100_000, help="events to deliver in a round")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a timed round")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--json", type=Path, help="file to write all rounds to")
    return parser.parse_args()


class Run:
    """One run: what is asked for, what was found."""

    def __init__(self, asked: argparse.Namespace, port: int) -> None:
        self.asked, self.port = asked, port
        self.figures = Figures()
        self.notes: dict[str, Any] = {}
        self.variables = variables(port, asked.batch_size)

    def crew(self, name: str, count: int, **options: Any) -> list[crew.Told]:
        return crew.at_once(name, count, self.variables, **options)


def variables(port: int, batch_size: int) -> dict[str, str]:
    """Return the environment of the processes that do the work."""
    from tests.outbox.processes import database_url

    vwo = {"COLLECTOR_URL": f"http://127.0.0.1:{port}", "BATCH_SIZE": batch_size}
    return {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.outbox.worker_settings",
        "TEST_VWO_SETTINGS": json.dumps(vwo),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def database(site: str = "tests.settings") -> Iterator[None]:
    """Have a database of our own inside, for the site of these settings."""
    import django
    from django.db import connection

    with tempfile.TemporaryDirectory() as folder:
        os.environ["SQLITE_TEST_NAME"] = str(Path(folder, "delivery.sqlite3"))
        os.environ["DJANGO_SETTINGS_MODULE"] = site
        django.setup()
        before = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(before, verbosity=0)


# --- The parts -----------------------------------------------------------------------------------


def record(run: Run) -> None:
    """Measure what is recorded, in transactions of one event and of several."""
    import backlog

    for _ in range(run.asked.rounds):
        for calls_of in CALLS_OF:
            for count in run.asked.workers:
                backlog.empty()
                before = machine()
                told = run.crew("record", count, calls_of=calls_of, seconds=run.asked.seconds)
                kept = backlog.EventRow.objects.count()
                assert kept == sum(each["events"] for each in told), "Events are missing."
                name = f"record, {calls_of} a transaction, {processes(count)}"
                run.figures.add(name, before, **{"events/s": rate(told), **cpu(told)})


def load(run: Run) -> None:
    """Fill the outbox; note its size and how the database looks for a batch."""
    import backlog

    started = time.perf_counter()
    backlog.load(run.asked.backlog)
    run.notes["loading_seconds"] = time.perf_counter() - started
    run.notes["plan"] = backlog.plan(run.asked.batch_size)
    run.notes["megabytes_per_million_events"] = sizes(backlog.EventRow, run.asked.backlog)


def claim(run: Run) -> None:
    """Measure what is claimed, and see that no two workers were given the same event."""
    import backlog

    for _ in range(run.asked.rounds):
        for count in run.asked.workers:
            before, due = machine(), backlog.claim.due(backlog.scope()).count()
            told = run.crew(
                "claim", count, seconds=run.asked.seconds, batch_size=run.asked.batch_size
            )
            assert_disjoint(told)
            run.notes["plan"] = backlog.plan(run.asked.batch_size)
            size = sum(each["events"] for each in told) / sum(len(each["batches"]) for each in told)
            figures = {"rows/s": rate(told), "rows a batch": size, "rows due before": due}
            run.figures.add(f"claim, {processes(count)}", before, **figures, **cpu(told))


def assert_disjoint(told: list[crew.Told]) -> None:
    """Raise `AssertionError` if an event is in two batches, of one worker or of two."""
    held = [[row for batch in each["batches"] for row in batch] for each in told]
    for rows in held:
        assert rows, "A worker was given nothing."
        assert len(rows) == len(set(rows)), "A worker was given an event twice."
    for one, other in combinations(map(set, held), 2):
        assert not one & other, "Two workers were given the same event."


def deliver(run: Run) -> None:
    """Measure what is delivered, and see that each event was taken once."""
    import backlog

    from django_vwo.models import EventStatus

    count_all = min(run.asked.deliver, run.asked.backlog)
    for _ in range(run.asked.rounds):
        for count in run.asked.workers:
            backlog.refill(count_all)
            before, taken = machine(), quick_collector.taken(run.port)
            told = run.crew("deliver", count)
            taken = quick_collector.taken(run.port) - taken
            sent = backlog.EventRow.objects.filter(status=EventStatus.SENT).count()
            assert taken == sent == count_all, f"Of {count_all} events {taken} arrived."
            events_a_second = count_all / max(each["seconds"] for each in told)
            name = f"deliver, {processes(count)}"
            run.figures.add(name, before, **{"events/s": events_a_second, **cpu(told)})
    backlog.settle()
    run.notes["megabytes_per_million_ledger_entries"] = sizes(backlog.LedgerEntry, count_all)


def sizes(model: Any, count: int) -> dict[str, float]:
    """Return the size of *model*'s table and indexes: bytes per row are megabytes per million."""
    import backlog

    return {name: round(size / count) for name, size in backlog.sizes(model).items()}


def ceiling(run: Run) -> None:
    """Measure what the collector takes, from senders that do nothing but send."""
    import backlog

    from django_vwo.dialects import get_dialect
    from django_vwo.dialects.base import Sender

    events = [backlog.event(number) for number in range(run.asked.batch_size)]
    sender = Sender(account_id=backlog.ACCOUNT, sdk_key="benchmark")
    body = get_dialect("vwo").render_batch(events, sender).body
    for _ in range(run.asked.rounds):
        before = machine()
        events_a_second = quick_collector.ceiling(run.port, body, run.asked.seconds)
        run.figures.add("the collector alone", before, **{"events/s": events_a_second})


PARTS: dict[str, Callable[[Run], None]] = {
    "ceiling": ceiling,
    "record": record,
    "load": load,
    "claim": claim,
    "deliver": deliver,
}


def processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def rate(told: list[crew.Told]) -> float:
    """Return how many events a second the whole crew came to."""
    return sum(each["events"] / each["seconds"] for each in told)


def cpu(told: list[crew.Told]) -> dict[str, float]:
    """Return what an event costs the workers and, if that is known, the database."""
    count = sum(each["events"] for each in told)
    names = {"cpu_seconds": "its CPU, µs", "server_cpu_seconds": "its CPU in the database, µs"}
    return {
        label: 1e6 * sum(each[name] for each in told) / count
        for name, label in names.items()
        if all(each[name] is not None for each in told)
    }


# --- What comes out --------------------------------------------------------------------------


def where() -> str:
    """Return what the run was made on."""
    import django
    from django.db import connection

    version = ".".join(map(str, connection.get_database_version()))
    python = sys.version.split()[0]
    server = f"{connection.display_name} {version}"
    return f"{server}, Python {python}, Django {django.__version__}, {os.cpu_count()} cores"


def show(run: Run) -> None:
    print(HEAD)
    for line in run.figures.lines():
        print(line)
    for name, note in run.notes.items():
        print(f"\n{name}:")
        print(json.dumps(note, indent=2) if not isinstance(note, str) else note)


def main() -> None:
    asked = arguments()
    with database(), quick_collector.running() as port:
        run = Run(asked, port)
        print(f"{where()}; medians of {asked.rounds} rounds")
        for name in PARTS:
            if name in asked.only or (name == "load" and NEED_A_BACKLOG & {*asked.only}):
                print(f"{name} ...", file=sys.stderr)
                PARTS[name](run)
        show(run)
        if asked.json:
            content = {"where": where(), "figures": run.figures.as_json(), **run.notes}
            asked.json.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
