"""What names stand for across the modules of a site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .constants import Names, Parts
from .uses import Texts

MIXIN = "TrackGoalMixin"
MOST_HOPS = 5
"""So many modules may hand a name on to each other."""


class Home(NamedTuple):
    """Where a name is bound."""

    path: Path
    dotted: str
    hops: int
    """How many more modules may be gone through from there."""


class Library:
    """The names of all modules that were read."""

    def __init__(self, modules: Mapping[Path, Names]) -> None:
        self.modules = modules
        self.by_name: dict[str, Path | None] = {}
        """By each end of the dotted name; None where two modules share it."""
        for path in modules:
            whole = path.with_suffix("").parts
            parts = whole[:-1] if whole[-1] == "__init__" else whole
            for start in range(1, len(parts)):
                dotted = ".".join(parts[start:])
                self.by_name[dotted] = None if dotted in self.by_name else path

    def texts(self, parts: Parts, path: Path, hops: int = MOST_HOPS) -> Texts:
        """Return what *parts*, found in the module at *path*, stand for."""
        if parts is None:
            return None
        texts: list[str] = []
        for part in parts:
            found = (part,) if isinstance(part, str) else self.look_up(part.dotted, path, hops - 1)
            if found is None:
                return None
            texts += found
        return tuple(texts)

    def look_up(self, dotted: str, path: Path, hops: int) -> Texts:
        """Return what a name in the module at *path* stands for; None if that cannot be told."""
        home = self.home(dotted, path, hops)
        if home is None:
            return None
        names = self.modules[home.path]
        return self.texts(names.constants.get(home.dotted), home.path, home.hops)

    def is_client(self, dotted: str, path: Path) -> bool:
        """Return whether a name in the module at *path* is a client of this package."""
        home = self.home(dotted, path, MOST_HOPS)
        return home is not None and home.dotted in self.modules[home.path].clients

    def tracks_goals(self, bases: tuple[str, ...], path: Path, hops: int = MOST_HOPS) -> bool:
        """Return whether a class made from *bases*, in the module at *path*, tracks goals."""
        if any(base.rpartition(".")[2] == MIXIN for base in bases):
            return True
        homes = (self.home(base, path, hops - 1) for base in bases)
        return any(
            self.tracks_goals(self.bases(home), home.path, home.hops) for home in homes if home
        )

    def bases(self, home: Home) -> tuple[str, ...]:
        return self.modules[home.path].bases.get(home.dotted, ())

    def home(self, dotted: str, path: Path, hops: int) -> Home | None:
        """Return where a name in the module at *path* is bound; None if that cannot be told."""
        names = self.modules.get(path)
        if names is None or hops <= 0:
            return None
        if dotted in names.constants or dotted in names.bases:
            return Home(path, dotted, hops)
        for local, source in names.imports.items():
            if dotted == local or dotted.startswith(f"{local}."):
                return self.home_abroad(source + dotted[len(local) :], path, hops)
        return None

    def home_abroad(self, dotted: str, path: Path, hops: int) -> Home | None:
        """Return where a dotted name, imported by the module at *path*, is bound."""
        above = len(dotted) - len(dotted.lstrip("."))
        if above:
            package = path.parents[above - 1] if above <= len(path.parents) else path
            dotted = ".".join([*package.parts[1:], dotted.lstrip(".")])
        parts = dotted.split(".")
        for end in range(len(parts) - 1, 0, -1):
            module = self.by_name.get(".".join(parts[:end]))
            if module:
                return self.home(".".join(parts[end:]), module, hops - 1)
        return None
