"""
Processes that begin at once: each does its share of a benchmark and tells how that went.

    python benchmarks/crew.py claim '{"seconds": 5}'     waits for a line, works, prints JSON
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Told = dict[str, Any]
Work = Callable[[], Told]


def record(calls_of: int, seconds: float) -> Work:
    """Return what records in transactions of *calls_of* events, for *seconds*."""
    from backlog import event
    from django.db import transaction

    from django_vwo.recorders.outbox import OutboxRecorder

    recorder = OutboxRecorder()
    calls = [[event(number) for number in range(first, first + calls_of)] for first in range(100)]
    with transaction.atomic():
        recorder.record(calls[0])
        transaction.set_rollback(True)  # that was to load what is loaded late

    def work() -> Told:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            recorder.record(calls[count % len(calls)])
            count += 1
        return {"events": count * calls_of}

    return work


def claim(seconds: float, batch_size: int) -> Work:
    """Return what claims batch after batch and sends none, for *seconds*."""
    from backlog import scope

    from django_vwo.outbox import claim

    own = scope()

    def work() -> Told:
        mine, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end and (batch := claim.claim(own, batch_size)):
            mine.append([row.id for row in batch.rows])
        return {"events": sum(map(len, mine)), "batches": mine}

    return work


def deliver() -> Work:
    """Return what delivers all that is due."""
    from django.core.management import call_command

    def work() -> Told:
        said = io.StringIO()
        with suppress(SystemExit):  # which tells that another worker still holds some
            call_command("vwo_deliver", "--once", stdout=said)
        return {"events": int(said.getvalue().split()[0])}

    return work


WORKS: dict[str, Callable[..., Work]] = {"record": record, "claim": claim, "deliver": deliver}


def work() -> None:
    """Be one of the crew."""
    import django
    from django.db import connection

    django.setup()
    connection.ensure_connection()
    do = WORKS[sys.argv[1]](**json.loads(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    started, cpu, server_cpu = time.perf_counter(), time.process_time(), server_cpu_seconds()
    told = do()
    told["seconds"] = time.perf_counter() - started
    told["cpu_seconds"] = time.process_time() - cpu
    ended = server_cpu_seconds()
    told["server_cpu_seconds"] = None if None in (ended, server_cpu) else ended - server_cpu
    print(json.dumps(told))


def server_cpu_seconds() -> Any:
    """Return the CPU time of the database's process for our connection; None if it is not seen."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    status = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
    if not status.exists():  # it runs elsewhere
        return None
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def at_once(name: str, count: int, variables: dict[str, str], **options: Any) -> list[Told]:
    """Return what each of *count* processes tells that did the work of that *name*."""
    command = [sys.executable, str(HERE / "crew.py"), name, json.dumps(options)]
    with ExitStack() as stack:
        crew = [
            subprocess.Popen(
                command,
                env={**os.environ, **variables},
                cwd=HERE.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(count)
        ]
        for process in crew:
            stack.enter_context(process)
            stack.callback(process.kill)
        for process in crew:
            assert process.stdout
            assert process.stdout.readline() == "ready\n", "A process of the crew did not start."
        for process in crew:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate()[0]) for process in crew]


if __name__ == "__main__":
    work()
