"""Databases and brokers of the tests' own, to be killed, wiped and starved."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from tests.outbox.processes import wait_until
from tests.services import require_program

START_SECONDS = 120.0
CONTROL_SECONDS = 60.0
"""How long a program of a server's may take, or the server to be gone."""
POSTGRES = Path("/usr/lib/postgresql")
RABBITMQ = Path("/usr/lib/rabbitmq/bin")
ENOUGH_MEMORY, NO_MEMORY = "0.6", "0.0000001"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class OwnServer(ABC):
    """A server at *url*, in a folder of its own; *options* are added to its command."""

    url: str
    user: str | None = None
    """Whom it runs as, where we are root; None: as the tests do."""
    variables: Mapping[str, str] = {}
    ending = signal.SIGKILL
    """What ends it as a crash does."""

    def __init__(self, *options: str) -> None:
        self.options, self.port = options, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> Sequence[str | Path]:
        """Make the files of a new server. Returns the command that runs it."""

    def is_ready(self) -> bool:
        return is_listening(self.port)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Have it run; nothing of it is left afterwards."""
        with tempfile.TemporaryDirectory(prefix="django_vwo_") as folder:
            self.folder = Path(folder)
            if self.user and os.geteuid() == 0:
                shutil.chown(folder, self.user, self.user)
            self.command = [*self.prepare(), *self.options]
            try:
                self.start()
                yield self
            finally:
                self.kill()

    def place(self) -> dict[str, Any]:
        """Return where, and as whom, its programs run."""
        given = {"cwd": self.folder, "env": {**os.environ, **self.variables}}
        if self.user is None or os.geteuid() != 0:
            return given
        return {**given, "user": self.user, "group": self.user, "extra_groups": []}

    def run(self, *command: str | Path) -> None:
        """Run a program of the server's. Raises `subprocess.SubprocessError` if it fails."""
        limit = CONTROL_SECONDS
        subprocess.run(command, check=True, capture_output=True, timeout=limit, **self.place())

    def start(self) -> None:
        """Return once it can be used."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, start_new_session=True, **self.place()
            )
        wait_until(self.is_up, START_SECONDS)

    def is_up(self) -> bool:
        """Return whether it can be used. Raises `AssertionError`, with its log, if it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2_000:]
        return self.is_ready()

    def kill(self) -> None:
        """End it as a crash, or a loss of power, does."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, self.ending)
            self.process.wait(CONTROL_SECONDS)
            wait_until(lambda: not is_listening(self.port), CONTROL_SECONDS)  # children of it, too

    def crash(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def fall_silent(self, seconds: float = 2.0) -> None:
        """Have it accept connections and answer nothing for some seconds."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)


class OwnPostgres(OwnServer):
    """PostgreSQL, which refuses to run as root. What it committed is kept, whatever happens."""

    user = "postgres"
    ending = signal.SIGQUIT  # after which no child of it holds the data

    def prepare(self) -> Sequence[str | Path]:
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        programs = max(POSTGRES.glob("*/bin"), default=POSTGRES)
        initdb, postgres, self.asker = (
            require_program(programs / name) for name in ("initdb", "postgres", "pg_isready")
        )
        data = self.folder / "data"
        self.run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        address = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
        return (postgres, "-D", data, "-p", str(self.port), *address)

    def is_ready(self) -> bool:
        asking = (self.asker, "-q", "-h", "127.0.0.1", "-p", str(self.port))
        return subprocess.run(asking, check=False, timeout=CONTROL_SECONDS).returncode == 0


class OwnMariaDB(OwnServer):
    """MariaDB. What it committed is kept, whatever happens."""

    user = "mysql"

    def prepare(self) -> Sequence[str | Path]:
        self.url = f"mysql://root@127.0.0.1:{self.port}/test"
        install, server = map(require_program, ("mariadb-install-db", "mariadbd"))
        plain = ("--no-defaults", f"--datadir={self.folder / 'data'}")
        self.run(install, *plain, "--auth-root-authentication-method=normal")
        files = (f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}")
        address = (f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve")
        return (server, *plain, *files, *address, "--character-set-server=utf8mb4")


class OwnBroker(OwnServer):
    """A broker, which is empty whenever it starts."""

    def stop(self) -> None:
        """Have nobody listen any more."""
        self.kill()

    def start_empty(self) -> None:
        """Have it listen again, without the messages that it had."""
        self.start()

    def stay_away(self, seconds: float = 3.0) -> None:
        self.stop()
        time.sleep(seconds)
        self.start_empty()


class OwnRedis(OwnBroker):
    """A Redis that keeps everything in memory."""

    def prepare(self) -> Sequence[str | Path]:
        self.url = f"redis://127.0.0.1:{self.port}/0"
        address = ("--bind", "127.0.0.1", "--port", str(self.port))
        return (require_program("redis-server"), *address, "--save", "")


class OwnRabbit(OwnBroker):
    """A RabbitMQ node; a node of its own name, ports and folder leaves others alone."""

    def prepare(self) -> Sequence[str | Path]:
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        configuration = self.folder / "node.conf"
        configuration.write_text(f"vm_memory_high_watermark.relative = {ENOUGH_MEMORY}\n")
        self.variables = {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "HOME": str(self.folder),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_NODENAME": f"django_vwo_{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
        }
        return (require_program(RABBITMQ / "rabbitmq-server"),)

    def control(self, *command: str) -> None:
        """Have the node do something."""
        self.run(RABBITMQ / "rabbitmqctl", *command)

    def stop(self) -> None:
        self.control("stop_app")

    def start_empty(self) -> None:
        self.control("eval", "rabbit_mnesia:force_reset(), rabbit:start().")
        wait_until(self.is_ready, START_SECONDS)

    def hang_up(self) -> None:
        """Close all connections."""
        self.control("close_all_connections", "the end")

    @contextmanager
    def alarm(self) -> Iterator[None]:
        """Have the broker run short of memory: it reads nothing more from who publishes."""
        self.control("set_vm_memory_high_watermark", NO_MEMORY)
        try:
            yield
        finally:
            self.control("set_vm_memory_high_watermark", ENOUGH_MEMORY)


DATABASES: dict[str, type[OwnServer]] = {"postgresql": OwnPostgres, "mysql": OwnMariaDB}
"""By the vendor that Django names."""
