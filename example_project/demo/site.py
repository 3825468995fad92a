"""The demo's own place: a folder, a database, and the processes of the shop in them."""

from __future__ import annotations

import fcntl
import io
import os
import secrets
import shutil
import sys
from contextlib import AbstractContextManager, redirect_stderr
from pathlib import Path

from collector import Account
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.utils import Error
from django.test import override_settings

from .processes import PROJECT, DemoError, Process

WORKER = "celery -A shop_site worker --pool=solo --loglevel=info --without-gossip --without-mingle"


class Site:
    """A shop of *account* that starts from nothing and sends its events to *collector_url*."""

    def __init__(self, collector_url: str, dialect: str, account: Account) -> None:
        self.folder: Path = settings.VAR / "demo"
        self.lock = self.folder.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(f"Another demo is at work in {self.folder}.") from None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "demo.settings",
            "DEMO_DATABASE": make_database(self.folder),
            "SHOP_VAR": str(self.folder),
            "VWO_DIALECT": dialect,
            "VWO_ACCOUNT_ID": account.id,
            "VWO_SDK_KEY": account.sdk_key,
            "VWO_COLLECTOR_URL": collector_url,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONUNBUFFERED": "1",
        }
        self.password = make_admin()

    def process(self, name: str, command: str) -> Process:
        """Return the running process ``manage.py`` or ``python -m`` *command*."""
        start = [] if command.startswith("manage.py") else ["-m"]
        log = self.folder / f"{name.replace(' ', '-')}.log"
        return Process(name, [*start, *command.split()], log, self.environment)

    def fetch_document(self) -> None:
        """Take the settings document from the collector, as one would from the vendor."""
        with self.process("settings fetch", "manage.py vwo_settings fetch") as fetch:
            fetch.wait()

    def web(self, port: int) -> Process:
        command = f"manage.py runserver --noreload --skip-checks 127.0.0.1:{port}"
        return self.process("web server", command)

    def worker(self, number: int) -> Process:
        return self.process(f"worker {number}", f"{WORKER} --hostname=worker{number}@%h")


def speaking(dialect: str) -> AbstractContextManager[None]:
    """Return the context in which this process, too, has the settings of *dialect*."""
    own = {"DIALECT": dialect, "SETTINGS_DOCUMENT": PROJECT / f"{dialect}.json"}
    context: AbstractContextManager[None] = override_settings(VWO={**settings.VWO, **own})
    return context


def make_database(folder: Path) -> str:
    """
    Return the name of a new, migrated database that this process uses from now on.

    It lies in *folder* or, with ``DATABASE_URL``, on that server under a name of its own; the
    database that the shop uses otherwise is left alone.
    """
    is_file = connection.vendor == "sqlite"
    name = (
        str(folder / "shop.sqlite3") if is_file else f"{connection.settings_dict['NAME']}_vwo_demo"
    )
    connection.settings_dict["TEST"]["NAME"] = name
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            connection.creation.create_test_db(verbosity=0, autoclobber=True)
    except (Error, SystemExit) as error:
        reason = str(error) if isinstance(error, Error) else said.getvalue()
        raise DemoError(f"The database {name} cannot be made: {reason.strip()}") from error
    return name


def make_admin() -> str:
    """Return the password of the new administrator ``demo``."""
    password = secrets.token_urlsafe(6)
    get_user_model().objects.create_superuser("demo", "demo@example.com", password)
    return password
