"""How much work a function does: bytecode instructions, calls, and memory."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

Work = Callable[[], Any]
Counts = dict[str, int]


def instructions(work: Work) -> Counts:
    """Return how many instructions of bytecode it takes."""
    found = count()
    with each_instruction(lambda: next(found)):
        work()
    return {"instructions": next(found)}


@contextmanager
def each_instruction(tell: Callable[[], object]) -> Iterator[None]:
    """Call *tell* before each instruction inside."""
    if sys.version_info < (3, 12):
        with traced(tell):
            yield
        return
    monitoring = sys.monitoring
    tool, event = monitoring.PROFILER_ID, monitoring.events.INSTRUCTION
    monitoring.use_tool_id(tool, __name__)
    monitoring.register_callback(tool, event, lambda *_: tell())
    monitoring.set_events(tool, event)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


@contextmanager
def traced(tell: Callable[[], object]) -> Iterator[None]:
    """Do what `each_instruction` does, where Python has no `sys.monitoring`."""

    def trace(frame: Any, event: str, argument: object) -> Any:
        if event == "opcode":
            tell()
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return trace

    with tracing(trace):
        yield


@contextmanager
def tracing(trace: Callable[..., Any] | None) -> Iterator[None]:
    """Have *trace* trace inside in place of whoever does, such as a tool that measures coverage."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def functions(work: Work) -> Counts:
    """Return how often functions of Python's and of C's are called or go on."""
    found = {"call": 0, "c_call": 0}

    def profile(frame: object, event: str, argument: object) -> None:
        if event in found:
            found[event] += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return {"functions": found["call"], "c_functions": found["c_call"]}


def kept_blocks(work: Work) -> Counts:
    """Return how many blocks of memory are in use afterwards, with what came back."""
    with undisturbed():
        before = sys.getallocatedblocks()
        kept = work()
        after = sys.getallocatedblocks()
    del kept
    return {"kept_blocks": after - before}


def peak_bytes(works: Sequence[Work]) -> Counts:
    """Return the sum of how many bytes more each of *works* has in use at its worst."""
    total = 0
    with undisturbed():
        tracemalloc.start(1)
        for work in works:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            work()
            total += tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
    return {"peak_bytes": total}


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect garbage before, and none inside; nor does anybody trace inside, who needs memory."""
    gc.collect()
    gc.disable()
    try:
        with tracing(None):
            yield
    finally:
        gc.enable()
