"""The site's own code: which files it is in, each read once, whatever state it is in."""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.utils import get_app_template_dirs

PACKAGE = Path(__file__).parents[1]
MOST_BYTES = 2 * 1024 * 1024
LEFT_OUT = frozenset({"node_modules", "site-packages", "dist-packages", "__pycache__"})
WITHOUT_CODE = LEFT_OUT | {"migrations"}
TESTS = frozenset({"test", "tests"})
TEMPLATES = frozenset({".html", ".htm", ".xhtml", ".txt", ".xml", ".svg", ".js", ".css", ".json"})


class UnreadableFileError(Exception):
    """A file that cannot be read, with the reason in words."""


def installed() -> list[Path]:
    """Return the places of other people's code."""
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return [Path(paths[name]).resolve() for name in names if name in paths]


def is_own(path: Path) -> bool:
    """Return whether *path* is of the site: neither installed nor this package."""
    places = [PACKAGE, *installed()]
    is_installed = any(path == place or place in path.parents for place in places)
    return not is_installed and not LEFT_OUT & set(path.parts)


def code_roots(sources: Sequence[Path] = ()) -> list[Path]:
    """Return where the site's Python code is: *sources*, or else its own apps and ``BASE_DIR``."""
    if sources:
        return distinct(sources)
    base = getattr(settings, "BASE_DIR", None)
    found = [Path(base)] if base else []
    found += [Path(config.path) for config in apps.get_app_configs()]
    return [path for path in distinct(found) if is_own(path)]


def template_roots(sources: Sequence[Path] = ()) -> list[Path]:
    """Return where the site's templates are: in *sources*, or else where Django looks for them."""
    if sources:
        return distinct(sources)
    found: list[Path] = []
    for engine in engines.all():
        if isinstance(engine, DjangoTemplates):
            found += map(Path, engine.dirs)
            found += map(Path, get_app_template_dirs("templates") if engine.app_dirs else ())
    return [path for path in distinct(found) if is_own(path)]


def distinct(paths: Iterable[Path]) -> list[Path]:
    """Return *paths* resolved, without those that are inside of another one."""
    whole: list[Path] = []
    for path in sorted({real(path) for path in paths}):
        if not any(path.is_relative_to(other) for other in whole):
            whole.append(path)
    return whole


def real(path: Path) -> Path:
    """Return *path* without links; as it is where they go round in circles."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def python_files(roots: Iterable[Path], *, with_tests: bool) -> Iterator[Path]:
    """Yield the Python files below *roots*, in a fixed order."""
    for path in files(roots, WITHOUT_CODE if with_tests else WITHOUT_CODE | TESTS):
        if path.suffix == ".py" and (with_tests or not is_test(path)):
            yield path


def template_files(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield what may be a template below *roots*, in a fixed order."""
    return (path for path in files(roots, LEFT_OUT) if path.suffix.lower() in TEMPLATES)


def is_test(path: Path) -> bool:
    return path.name.startswith("test_") or path.stem in ("tests", "conftest")


def files(roots: Iterable[Path], left_out: frozenset[str]) -> Iterator[Path]:
    """Yield all files below *roots* but hidden ones, those of virtual environments, and links."""
    for root in roots:
        if not root.is_dir():
            yield root
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                name
                for name in folders
                if is_wanted(name, left_out) and not is_foreign(Path(folder, name))
            )
            yield from (Path(folder, name) for name in sorted(names) if name[:1] != ".")


def is_wanted(name: str, left_out: frozenset[str]) -> bool:
    return not name.startswith(".") and name not in left_out


def is_foreign(folder: Path) -> bool:
    """Return whether *folder* is this package, a virtual environment, or collected or uploaded."""
    collected = (getattr(settings, name, None) for name in ("STATIC_ROOT", "MEDIA_ROOT"))
    is_collected = any(folder == Path(root) for root in collected if root)
    return is_collected or folder == PACKAGE or (folder / "pyvenv.cfg").is_file()


def content(path: Path) -> bytes:
    """Return what is in a file. Raises `UnreadableFileError`."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise UnreadableFileError("it is no file")
        if state.st_size > MOST_BYTES:
            raise UnreadableFileError(f"it has {state.st_size:,} bytes; at most {MOST_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(error.strerror or type(error).__name__) from None
    except ValueError:
        raise UnreadableFileError("its name cannot be used") from None


def shown(path: Path) -> str:
    """Return *path* as people write it: from here, if it is below; always printable."""
    here = Path.cwd()
    text = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return text.encode(sys.getfilesystemencoding(), "replace").decode("utf-8", "replace")
