"""What may import what: the rooms of the package and the one direction between them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import django_vwo

PACKAGE = Path(django_vwo.__file__).parent
ROOT = PACKAGE.name

ROOMS: dict[str, set[str]] = {
    "__init__": set(),
    "engine": set(),
    "dialects": {"__init__", "engine"},
    "asynchronous": set(),
    "failures": {"engine"},
    "fields": set(),
    "forks": set(),
    "logs": set(),
    "transactions": set(),
    "conf": {"engine", "dialects"},
    "models": {"engine", "fields"},
    "ledger_keys": {"engine", "models"},
    "signals": {"engine", "failures", "logs", "transactions"},
    "results": {"engine", "models"},
    "transport": {"engine", "dialects", "conf"},
    "sources": {
        *("engine", "dialects", "transport", "conf", "models", "failures", "transactions"),
        *("fields", "forks", "logs"),
    },
    "storages": {
        *("engine", "models", "failures", "ledger_keys", "fields", "logs", "transactions"),
    },
    "recorders": {
        *("engine", "dialects", "models", "conf", "fields", "ledger_keys", "outbox"),
        *("logs", "signals", "transactions"),
    },
    "outbox": {
        *("engine", "dialects", "models", "conf", "fields", "ledger_keys", "failures"),
        *("transport", "sources", "recorders", "forks", "logs", "signals"),
    },
    "tasks": {"engine", "outbox", "sources", "conf", "failures", "forks", "logs"},
    "remembered": {"engine", "storages"},
    "calls": {"engine", "remembered", "set_variations", "storages"},
    "conduct": {"engine", "calls", "remembered", "storages", "recorders", "logs"},
    "client": {
        *("engine", "dialects", "asynchronous", "failures", "calls", "conduct", "remembered"),
        *("storages", "recorders", "logs", "set_variations"),
    },
    "visitor_client": {"engine", "asynchronous", "calls", "remembered", "client"},
    "optimizely": {"engine", "client"},
    "set_variations": {"engine"},
    "visitors": {"engine", "conf", "client", "logs", "visitor_client"},
    "explaining": {"engine", "models", "client"},
    "erasure": {
        *("engine", "dialects", "models", "conf", "client", "outbox", "results", "sources"),
        "logs",
    },
    "importing": {
        *("engine", "client", "conduct", "failures", "fields", "ledger_keys", "models", "outbox"),
        *("recorders", "remembered", "sources", "storages"),
    },
    "preflight": {
        *("engine", "client", "failures", "models", "sources", "storages", "transactions"),
    },
}
"""A room, and the others that it may import. Doors, which are not here, may import any of these."""

DOORS = {
    *("admin", "apps", "checks", "decorators", "health", "management", "middleware"),
    *("service_checks", "telemetry", "templatetags", "testing", "urls", "views", "webhooks"),
}

LATE = {
    ("client", "conf"): "only get_client() reads the settings",
    ("client", "signals"): "only get_client() tells of decisions",
    ("client", "sources"): "only get_client() follows the document in service",
    ("conf", "client"): "changed settings ask for another client",
    ("outbox", "tasks"): "Celery is loaded by a process that nudges, not by one that serves",
}
"""Imports inside functions that the table of rooms has not, each with its reason."""

BARE = {
    *("dialects", "failures", "ledger_keys", "logs", "remembered", "calls"),
    *("conduct", "client", "visitor_client", "optimizely", "set_variations"),
}
"""Rooms that import nothing but Python's own and the package's."""

FOREIGN = {
    "engine": {"mmh3"},
    "asynchronous": {"asgiref"},
    "tasks": {"celery"},
    "telemetry": {"opentelemetry"},
    "transport": {"requests", "urllib3"},
    "decorators": {"asgiref", "django"},
    "health": {"django", "health_check"},
    "middleware": {"asgiref", "django"},
    "views": {"asgiref", "django"},
}
"""What else a room imports; for those that are neither here nor bare: Django."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `target` is a module, or something inside of one."""

    module: str
    target: str
    is_late: bool
    is_for_types: bool

    @property
    def rooms(self) -> tuple[str, str]:
        return room_of(self.module), room_of(self.target)


def room_of(dotted: str) -> str:
    """Return the first part below the package; what is in the package itself is ``__init__``."""
    for name in dotted.split(".")[1:2]:
        if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file():
            return name
    return "__init__"


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package but its migrations, by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "migrations" not in parts:
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Yield what *module* imports, relative names made whole."""
    tree = ast.parse(path.read_text())
    late = inside(tree, lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for_types = inside(tree, is_type_checking)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        for target in targets(node, package):
            yield Import(module, target, node in late, node in for_types)


def inside(tree: ast.AST, is_outer: Callable[[ast.AST], bool]) -> set[ast.AST]:
    """Return all nodes at and below those that *is_outer* picks."""
    return {node for outer in ast.walk(tree) if is_outer(outer) for node in ast.walk(outer)}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def targets(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = package.split(".")
    base = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
    source = ".".join(filter(None, (base, node.module)))
    return [f"{source}.{alias.name}" for alias in node.names]


IMPORTS = [found for module, path in modules().items() for found in imports_of(module, path)]
OWN = [found for found in IMPORTS if found.target.split(".")[0] == ROOT]


def module_named(target: str) -> str:
    """Return the module that *target* is, or is in."""
    while target not in modules():
        target = target.rpartition(".")[0]
    return target


def test_each_module_is_in_a_room_of_the_plan() -> None:
    rooms = {room_of(module) for module in modules()}

    assert rooms - ROOMS.keys() - DOORS == set()
    assert "engine" in rooms
    assert "dialects" in rooms


def test_imports_run_one_way() -> None:
    wrong = {
        f"{found.module} -> {found.target}"
        for found in OWN
        if found.rooms[0] != found.rooms[1] and not is_allowed(found)
    }

    assert wrong == set()


def is_allowed(found: Import) -> bool:
    room, other = found.rooms
    if found.is_late and (room, other) in LATE:
        return True
    return other in ROOMS if room in DOORS and other not in DOORS else other in allowed(room)


def allowed(room: str) -> set[str]:
    return DOORS if room in DOORS else ROOMS[room]


def test_each_late_import_still_exists() -> None:
    assert {found.rooms for found in OWN if found.is_late} >= LATE.keys()


@pytest.mark.parametrize("room", ["engine", "dialects"])
def test_pure_rooms_import_nothing_late(room: str) -> None:
    assert [found for found in OWN if found.is_late and found.rooms[0] == room] == []


def test_no_cycle_between_modules() -> None:
    graph: dict[str, set[str]] = {}
    for found in OWN:
        if not (found.is_late or found.is_for_types):
            target = module_named(found.target)
            if target != found.module and not found.module.startswith(f"{target}."):
                graph.setdefault(found.module, set()).add(target)

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' -> '.join(error.args[1])}")


def test_other_peoples_packages_stay_where_they_belong() -> None:
    wrong = set()
    for found in IMPORTS:
        package = found.target.split(".")[0]
        if package != ROOT and package not in sys.stdlib_module_names:
            room = room_of(found.module)
            if room in BARE or package not in FOREIGN.get(room, {"django"}):
                wrong.add(f"{found.module} -> {package}")

    assert wrong == set()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("django_vwo.engine.explain", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.engine.conversions", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.dialects.vwo", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.client", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.visitor_client", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.storages.memory", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.recorders.memory", ["django", "celery", "requests", "asgiref"]),
        ("django_vwo.outbox.outcome", ["django", "celery", "requests"]),
        ("django_vwo.importing.lines", ["django", "celery", "requests", "asgiref", "mmh3"]),
    ],
)
def test_loads_in_an_interpreter_without(module: str, absent: list[str]) -> None:
    code = f"import sys\nfor name in {absent}: sys.modules[name] = None\nimport {module}"

    run_fresh(code)


def test_the_bare_client_decides_and_tracks_without_django() -> None:
    code = """
import sys
for name in ("django", "celery", "requests"):
    sys.modules[name] = None
from django_vwo.client import Client
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.memory import MemoryStorage
from tests.builders import campaign, document

recorder = MemoryRecorder()
client = Client(document(campaign()), storage=MemoryStorage(), recorder=recorder)
assert client.activate("test", "Bob") in ("Control", "Variation-1")
assert client.track("test", "Bob", "signup") == {"test": True}
assert [event.kind.name for event in recorder.events] == ["IMPRESSION", "CONVERSION"]
"""

    run_fresh(code)


def test_a_site_that_serves_never_loads_celery() -> None:
    code = """
import os, sys
sys.modules["celery"] = None
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
import django_vwo.middleware, django_vwo.decorators, django_vwo.views, django_vwo.visitors
from django_vwo.client import get_client
from django.core.management import get_commands
assert get_client().recorder is not None
assert get_commands()["vwo_deliver"] == "django_vwo"
"""

    run_fresh(code)


def test_a_site_without_the_extras_loads_everything_else() -> None:
    code = """
import os, sys
for name in ("opentelemetry", "health_check"):
    sys.modules[name] = None
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
import importlib, pkgutil
import django_vwo
left_out = {"django_vwo.health", "django_vwo.telemetry", "django_vwo.tasks"}
for found in pkgutil.walk_packages(django_vwo.__path__, "django_vwo."):
    if found.name not in left_out:
        importlib.import_module(found.name)
"""

    run_fresh(code)


def run_fresh(code: str) -> None:
    """Run *code* in an interpreter that has loaded nothing; what it prints of errors is shown."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0, done.stderr
