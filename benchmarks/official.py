"""The SDKs that the `Client` is measured beside, and the processes that they and it live in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from documents import optimizely_datafile, vwo_document
from growthbook_features import growthbook_features
from workload import ROWS, Row, Targets, optimizely_targets, vwo_targets

from tests.conformance.optimizely.official import TODAY
from tests.conformance.oracle import VWO, Environment, environment_python

Json = dict[str, Any]
ALL_ROWS = frozenset(row.name for row in ROWS)
SIDES = Path(__file__).with_name("sides")

GROWTHBOOK = Environment(
    name="growthbook",
    version="4.0.0",
    tools=("setuptools", "wheel"),
    requirements=("growthbook==4.0.0",),
    modules=("growthbook",),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdk:
    """Somebody's own SDK, and what it is given."""

    name: str
    manner: str = ""
    """How it is used, where that is to be told."""
    environment: Environment
    server: tuple[str, ...]
    """Its file in `sides`, and arguments."""
    document: Callable[[int], Json]
    """Returns the document of so many campaigns that our side has."""
    targets: Callable[[Json], Targets]
    """Returns what can be called on it."""
    translate: Callable[[Json], Json] = lambda document: document
    """Returns the SDK's document for ours."""
    does: frozenset[str] = ALL_ROWS
    """The rows that it has."""
    compared: frozenset[str] = ALL_ROWS
    """The rows in which it has to answer as we do."""

    @property
    def title(self) -> str:
        vendor, _, _ = self.name.partition(",")
        return f"{vendor}'s SDK {self.environment.version}{self.manner}"

    def has(self, row: Row) -> bool:
        return row.name in self.does


def comparable_document(size: int) -> Json:
    """Return VWO's document, all of whose groups choose by chance: in others its SDK may fail."""
    document = vwo_document(size)
    for group in document["groups"].values():
        group["et"] = 1
    return document


SDKS = (
    Sdk(
        name="VWO",
        environment=VWO,
        server=("official_vwo.py",),
        document=comparable_document,
        targets=vwo_targets,
    ),
    *(
        Sdk(
            name=name,
            manner=manner,
            environment=TODAY.environment,
            server=("official_optimizely.py", *arguments),
            document=optimizely_datafile,
            targets=optimizely_targets,
            does=does,
            compared=ALL_ROWS - {"track", "shared"},  # which answer nothing
        )
        for name, manner, arguments, does in (
            ("Optimizely", ", as it ships", (), ALL_ROWS),
            (
                "Optimizely, unmade",
                ", its events dropped unmade",
                ("--unmade",),
                ALL_ROWS - {"variation", "variable"},  # which have no events
            ),
        )
    ),
    *(
        Sdk(
            name=name,
            manner=manner,
            environment=GROWTHBOOK,
            server=("official_growthbook.py", *arguments),
            document=comparable_document,
            targets=vwo_targets,
            translate=growthbook_features,
            does=frozenset({"variation", "feature"}),
            compared=frozenset(),
        )
        for name, manner, arguments in (
            ("GrowthBook", ", an instance a visitor", ()),
            ("GrowthBook, kept", ", one instance for all", ("--kept",)),
        )
    ),
)


class Side:
    """A process that has a document and is timed; a context manager that ends it."""

    def __init__(self, python: Path | str, server: tuple[str, ...], document: Json) -> None:
        file, *arguments = server
        self.command = [str(python), str(SIDES / file), *arguments]
        self.document = document

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask(document=json.dumps(self.document))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, **request: Any) -> Json:
        """Return what the side answers to a request; raise `RuntimeError` if it is gone."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{json.dumps(request)}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.command} ended with status {self.process.wait()}")
        answered: Json = json.loads(line)
        return answered

    def answers(self, row: Row, calls: Sequence[Any]) -> list[Any]:
        """Return what each call returns."""
        request = {"row": row.does, "has_storage": row.has_storage, "calls": calls}
        answered: list[Any] = self.ask(op="answers", **request)["answers"]
        return answered

    def seconds(self, row: Row, calls: Sequence[Any]) -> float:
        """Return the seconds per call; what is stored is stored before."""
        if row.has_storage:
            self.answers(row, calls)
        request = {"row": row.does, "has_storage": row.has_storage, "calls": calls}
        return float(self.ask(op="time", **request)["seconds"])


def ours(document: Json) -> Side:
    """Return our side on a document."""
    return Side(sys.executable, ("ours.py",), document)


def theirs(sdk: Sdk, document: Json) -> Side:
    """Return the side of an SDK, on what it takes for the same document."""
    python = environment_python(environment=sdk.environment)
    return Side(python, sdk.server, sdk.translate(document))
