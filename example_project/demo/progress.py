"""Progress, as a bar on a terminal and as plain lines elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from shutil import get_terminal_size
from typing import Self, TextIO

try:
    from tqdm import tqdm
except ImportError:
    tqdm = None
STEPS = 4


class Progress(ABC):
    """How far something has come. A context: *on_close* is called at its end."""

    def __init__(self, what: str, out: TextIO, on_close: Callable[[], None]) -> None:
        self.what, self.out, self.on_close = what, out, on_close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.on_close()

    @abstractmethod
    def show(self, done: int, total: int, remark: str) -> None:
        """Show that *done* of *total* are done."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Print a line of *text*."""


class Lines(Progress):
    """A line for every quarter of the way."""

    step = 0

    def show(self, done: int, total: int, remark: str) -> None:
        step = STEPS * done // total if total else 0
        if step > self.step:
            self.step = step
            self.say(f"{self.what}: {done} of {total}{remark and f' ({remark})'}")

    def say(self, text: str) -> None:
        print(text, file=self.out, flush=True)


class Bar(Progress):
    """A bar, and lines above it."""

    def __init__(self, what: str, out: TextIO, on_close: Callable[[], None]) -> None:
        super().__init__(what, out, on_close)
        self.bar = tqdm(
            desc=f"{what:16}",
            total=0,
            file=out,
            ncols=get_terminal_size().columns,
            bar_format="{desc} {bar:25} {n_fmt} of {total_fmt}{postfix}",
        )

    def show(self, done: int, total: int, remark: str) -> None:
        self.bar.total, self.bar.n = total, done
        self.bar.set_postfix_str(remark)

    def say(self, text: str) -> None:
        self.bar.write(text, file=self.out)

    def __exit__(self, *exception: object) -> None:
        self.bar.close()
        super().__exit__(*exception)


def progress(what: str, out: TextIO, on_close: Callable[[], None]) -> Progress:
    """Return what shows how far *what* has come."""
    return (Bar if tqdm and out.isatty() else Lines)(what, out, on_close)
