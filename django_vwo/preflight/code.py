"""All that the site's code and templates ask of the settings document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .files import (
    UnreadableFileError,
    code_roots,
    content,
    python_files,
    shown,
    template_files,
    template_roots,
)
from .library import Library
from .python_code import Module, read_module
from .template_code import read_template
from .uses import Use

TAG_START = b"vwo_"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be read, and why."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What was found in the site's code."""

    uses: tuple[Use, ...]
    skipped: tuple[Skipped, ...]
    files: int
    """How many were read."""


def read_code(sources: Sequence[Path] = (), *, with_tests: bool = False) -> Code:
    """
    Return what the site's own Python code and templates use.

    *sources* are the folders to look into instead of the site's own. Never fails: what cannot be
    read is named.
    """
    skipped: list[Skipped] = []
    modules = dict(read_modules(sources, skipped, with_tests=with_tests))
    library = Library({path: module.names for path, module in modules.items()})
    uses = [
        use.looked_up(library, shown(path))
        for path, module in modules.items()
        for use in module.uses
        if use.is_certain(library)
    ]
    count = len(modules)
    for path in template_files(template_roots(sources)):
        found = read_template_file(path, skipped)
        if found is not None:
            uses += found
            count += 1
    uses.sort(key=lambda use: (use.path, use.line))
    return Code(uses=tuple(uses), skipped=tuple(skipped), files=count)


def read_modules(
    sources: Sequence[Path], skipped: list[Skipped], *, with_tests: bool
) -> Iterator[tuple[Path, Module]]:
    """Yield each Python file with what matters of it."""
    for path in python_files(code_roots(sources), with_tests=with_tests):
        try:
            yield path, read_module(content(path), path)
        except UnreadableFileError as error:
            skipped.append(Skipped(shown(path), str(error)))
        except SyntaxError as error:
            place = f" in line {error.lineno}" if error.lineno else ""
            skipped.append(Skipped(shown(path), f"it is no Python: {error.msg}{place}"))
        except ValueError as error:
            skipped.append(Skipped(shown(path), f"it is no Python: {error}"))


def read_template_file(path: Path, skipped: list[Skipped]) -> list[Use] | None:
    """Return the uses in a template; None if it cannot be read."""
    try:
        source = content(path)
        if TAG_START not in source:
            return []
        return list(read_template(source.decode(), shown(path)))
    except UnreadableFileError as error:
        skipped.append(Skipped(shown(path), str(error)))
    except UnicodeDecodeError as error:
        skipped.append(Skipped(shown(path), f"it is not UTF-8 at byte {error.start}"))
    return None
