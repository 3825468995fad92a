"""
The official Python SDK, asked from another process: see `vwo_server.py` for what it understands.

    with Oracle() as oracle:
        sdk = oracle.launch(document, storage=True)
        answer = sdk.call("activate", "pricing-page", "Bob")
        answer.result, answer.stored, answer.sent

The SDK pins libraries that the tests must not share, so it lives in a virtual environment of its
own, made on first use and kept: in the directory that `DJANGO_VWO_ORACLE_DIR` names, otherwise in
`.oracle/` beside the project's `setup.cfg`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

SDK_VERSION = "1.68.2"
TOOLS = ("setuptools<81", "wheel")  # VWO's SDK and its mmh3 need pkg_resources and a legacy build
SERVER = Path(__file__).with_name("vwo_server.py")
DIRECTORY_VARIABLE = "DJANGO_VWO_ORACLE_DIR"
DEFAULT_DIRECTORY = Path(__file__).resolve().parents[2] / ".oracle"
TAIL_LINES = 25


class OracleError(RuntimeError):
    """The official SDK cannot be asked: no environment, or its process is gone."""


# --- The environment -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A virtual environment that has an SDK."""

    name: str
    """What its directory's name begins with."""
    version: str
    """The SDK's."""
    tools: tuple[str, ...]
    """What is installed first, because the SDK is built with it."""
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    """What can be imported once all is installed."""

    def key(self) -> str:
        """Return a name that changes with whatever the environment is made of."""
        parts = [*self.tools, *self.requirements, sys.version, sys.base_prefix]
        return f"{self.version}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"

    def make(self, directory: Path, python: Path) -> None:
        """Make the virtual environment and install the SDK, its build tools first."""
        run(sys.executable, "-m", "venv", "--clear", str(directory))
        install = (str(python), "-m", "pip", "install", "--no-input")
        run(*install, *self.tools)
        run(*install, "--no-build-isolation", *self.requirements)
        run(str(python), "-c", f"import {', '.join(self.modules)}")
        (directory / "complete").touch()


VWO = Environment(
    name="sdk",
    version=SDK_VERSION,
    tools=TOOLS,
    requirements=(f"vwo-python-sdk=={SDK_VERSION}",),
    modules=("vwo", "mmh3"),
)


def environment_python(directory: Path | None = None, environment: Environment = VWO) -> Path:
    """
    Return the interpreter of an environment that has its SDK, making it if need be.

    Raises `OracleError` with the end of pip's output if it cannot be made.
    """
    home = directory or Path(os.environ.get(DIRECTORY_VARIABLE) or DEFAULT_DIRECTORY)
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n")
    place = home / f"{environment.name}-{environment.key()}"
    python = place / "bin" / "python"
    with locked(home / "lock"):
        if not (place / "complete").exists():
            environment.make(place, python)
    return python


def run(*command: str) -> None:
    """Run *command*; raise `OracleError` with the tail of its output if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        output = tail(done.stdout.decode("utf-8", "replace"))
        raise OracleError(
            f"The environment of the official SDK could not be made: {' '.join(command)} "
            f"ended with status {done.returncode}.\n{output}"
        )


def tail(text: str) -> str:
    """Return the last lines of *text*."""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time through."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- Values ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One method of the SDK with its arguments."""

    method: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{key}={value!r}" for key, value in self.kwargs.items())]
        return f"{self.method}({', '.join(given)})"

    def encoded(self) -> dict[str, Any]:
        """Return the call as the server reads it."""
        return {
            "method": self.method,
            "args": encode(list(self.args)),
            "kwargs": encode(dict(self.kwargs)),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A visitor's calls, one after the other, on a user storage that holds *records* at first."""

    calls: Sequence[Call]
    records: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one call came to."""

    result: Any
    """The value that the SDK returned, type included."""
    stored: list[dict[str, Any]]
    """Every record in user storage after the call, oldest first; none without user storage."""
    sent: list[dict[str, Any]]
    """Every request of this call: method, url, headers, params, body, and rendered if asked for."""
    error: str | None
    """The name of the exception that ended the call inside the SDK."""
    swallowed: list[str]
    """The exceptions that the SDK logged and went on from: "TypeError in its_function"."""


ATOMS = (str, int, float, bool, type(None))


def encode(value: Any) -> Any:
    """Return *value* in JSON's types; `vwo_server.py` lists the tags for what JSON lacks."""
    if type(value) in ATOMS:
        return value
    if type(value) is list:
        return [encode(item) for item in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: encode(item) for key, item in value.items()}
    if type(value) is dict:
        return {"$dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if type(value) is tuple:
        return {"$tuple": [encode(item) for item in value]}
    if type(value) is set:
        return {"$set": [encode(item) for item in value]}
    if type(value) is bytes:
        return {"$bytes": value.decode("latin-1")}
    return value


def decode(value: Any) -> Any:
    """Return what the server encoded; a value of the SDK's own stays `{"$object": repr}`."""
    if type(value) in ATOMS:
        return value
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    if "$tuple" in value:
        return tuple(decode(value["$tuple"]))
    if "$bytes" in value:
        return str(value["$bytes"]).encode("latin-1")
    if "$dict" in value:
        return {decode(key): decode(item) for key, item in value["$dict"]}
    return {key: decode(item) for key, item in value.items()}


def answer_from(encoded: Mapping[str, Any]) -> Answer:
    """Return the answer that the server wrote."""
    return Answer(
        result=decode(encoded["result"]),
        stored=decode(encoded["stored"]),
        sent=encoded["sent"],
        error=encoded["error"],
        swallowed=encoded["swallowed"],
    )


# --- The process -----------------------------------------------------------------------------


class Process:
    """A process that has an official SDK; a context manager that ends it."""

    environment: Environment
    server: Path
    """The program that answers there: one JSON request a line in, one JSON answer a line out."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory
        self.process: subprocess.Popen[str] | None = None
        self.errors: IO[str] | None = None

    def __enter__(self) -> Self:
        python = environment_python(self.directory, self.environment)
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            [str(python), str(self.server)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="ascii",
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        if self.errors is not None:
            self.errors.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the server's answer to one request; raise `OracleError` if it has none."""
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            raise OracleError("The official SDK is asked outside its `with` block.")
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise OracleError(self.obituary())
        answer: dict[str, Any] = json.loads(line)
        if "server_error" in answer:
            raise OracleError(f"The server failed on {request['op']}: {answer['server_error']}.")
        return answer

    def obituary(self) -> str:
        """Return how the process ended and what it wrote last."""
        if self.process is None or self.errors is None:
            return "The official SDK was never started."
        status = self.process.wait()
        self.errors.seek(0)
        return (
            f"The process of the official SDK ended with status {status}.\n"
            f"{tail(self.errors.read())}"
        )


class Oracle(Process):
    """A process of VWO's SDK."""

    environment = VWO
    server = SERVER

    def launch(
        self,
        document: Mapping[str, Any] | str,
        *,
        storage: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> OfficialClient:
        """
        Return the SDK launched on *document*, an object or its text.

        *options* are keywords of the SDK's `launch`, such as `goal_type_to_track` and
        `batch_events`; `logger` and `integrations` may be true for one that does nothing.
        Raises `RefusedError` if the SDK did not take the document or an option.
        """
        asked = {"op": "launch", "storage": storage, "options": encode(dict(options or {}))}
        answer = self.ask({**asked, "document": document})
        if answer["handle"] is None:
            raise RefusedError(answer["error"])
        return OfficialClient(self, answer["handle"])


class RefusedError(Exception):
    """The SDK did not launch; `args[0]` names the exception it died of, `None` if it said no."""


class OfficialClient:
    """One launched SDK. Its calls share a user storage, if it has one."""

    def __init__(self, oracle: Oracle, handle: int) -> None:
        self.oracle, self.handle = oracle, handle

    def call(self, method: str, *args: Any, rendered: bool = False, **kwargs: Any) -> Answer:
        """Return the answer to one call; *rendered* adds the requests as `requests` sends them."""
        call = Call(method=method, args=args, kwargs=kwargs).encoded()
        return answer_from(self._ask({"op": "call", "rendered": rendered, **call}))

    def sessions(
        self, sessions: Iterable[Session], *, rendered: bool = False
    ) -> list[list[Answer]]:
        """Return the answers to every call of every session; user storage is fresh for each."""
        encoded = [
            {
                "records": encode([dict(record) for record in session.records]),
                "calls": [call.encoded() for call in session.calls],
            }
            for session in sessions
        ]
        answer = self._ask({"op": "sessions", "rendered": rendered, "sessions": encoded})
        return [[answer_from(each) for each in session] for session in answer["sessions"]]

    def refresh(self, document: Mapping[str, Any] | str) -> Answer:
        """Return the answer to fetching *document*, as after a webhook."""
        return answer_from(self._ask({"op": "refresh", "document": document}))

    def close(self) -> None:
        """Let the server forget this instance."""
        self._ask({"op": "close"})

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self.oracle.ask({**request, "handle": self.handle})
