"""
What every side does: answer requests on standard input, a JSON a line.

========== =================================== =================================================
op         takes                               answers
========== =================================== =================================================
load       document (its text)                 loaded: true
answers    row, has_storage, calls             answers: what each call returned, as JSON has it
time       row, has_storage, calls             seconds: of the processor, per call
========== =================================== =================================================

A side is a process of its own, as SDKs pin libraries that differ, and is timed in there, by this
file. Garbage is collected as it always is, but what was loaded is not gone through for it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Rows = dict[str, Callable[[Any, Sequence[Any]], list[Any]]]
"""By name of the row: takes what was loaded and the arguments of each call, returns the answers."""


def serve(load: Callable[[str, bool], Any], rows: Rows, after: Callable[[Any], None]) -> None:
    """Answer until standard input ends; *after* each request, tidy up what was loaded."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    loaded: tuple[Any, Any] | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if loaded is None:
            loaded = load(request["document"], False), load(request["document"], True)
            gc.collect()
            gc.freeze()
            answered: dict[str, Any] = {"loaded": True}
        else:
            asked = loaded[request["has_storage"]]
            answered = answer(rows[request["row"]], asked, request)
            after(asked)
        answers.write(json.dumps(answered) + "\n")
        answers.flush()


def answer(row: Callable[[Any, Any], list[Any]], loaded: Any, request: Any) -> dict[str, Any]:
    """Return what the side has to say to one request."""
    calls = request["calls"]
    if request["op"] == "answers":
        return {"answers": row(loaded, calls)}
    gc.collect()
    start = time.process_time()
    row(loaded, calls)
    return {"seconds": (time.process_time() - start) / len(calls)}


def leave(loaded: Any) -> None:
    """Tidy up nothing."""
