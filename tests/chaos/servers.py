"""The servers of a run, and what may happen to them; afterwards they can be used again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from tests.own_servers import OwnBroker, OwnMariaDB, OwnPostgres, OwnRabbit, OwnRedis, OwnServer


class Sqlite(OwnServer):
    """A file. Whoever writes locks out all others, and that is what happens to it."""

    def prepare(self) -> tuple[()]:
        self.path = self.folder / "shop.sqlite3"
        self.url = f"sqlite:///{self.path}"
        return ()

    def start(self) -> None:
        """Do nothing: the first connection makes it."""

    def lock(self) -> None:
        with closing(sqlite3.connect(self.path, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(1.0)
            connection.execute("ROLLBACK")


DATABASES: dict[str, type[OwnServer]] = {
    "sqlite": Sqlite,
    "postgres": OwnPostgres,
    "mariadb": OwnMariaDB,
}
BROKERS: dict[str, type[OwnBroker]] = {"redis": OwnRedis, "amqp": OwnRabbit}
ACCIDENTS: Mapping[type[OwnServer], Mapping[str, Callable[[Any], object]]] = {
    Sqlite: {"database locked for a second": Sqlite.lock},
    OwnPostgres: {"database restarted at once": OwnPostgres.crash},
    OwnMariaDB: {"database killed and restarted": OwnMariaDB.crash},
    OwnRedis: {
        "Redis killed, restarted empty": OwnRedis.crash,
        "Redis stopped for a while": OwnRedis.stay_away,
        "Redis silent": OwnRedis.fall_silent,
    },
    OwnRabbit: {
        "RabbitMQ closed all connections": OwnRabbit.hang_up,
        "RabbitMQ stopped for a while, wiped": OwnRabbit.stay_away,
    },
}
