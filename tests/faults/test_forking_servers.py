"""Servers that fork after the app was used, or have threads of another kind, or none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from tests.collector import Collector
from tests.outbox.processes import wait_until
from tests.outbox.samples import rows

from .web_servers import GUNICORN, SECONDS, assert_all_arrived, deliver, orders, serving

pytest.importorskip("celery")

pytestmark = [pytest.mark.faults, pytest.mark.celery, pytest.mark.django_db(transaction=True)]

APPLICATION, PRELOADED = "tests.faults.application", "tests.faults.preloaded"
EXECUTE = ("-c", "import os, sys; os.execv(sys.argv[1], sys.argv[1:])")
UWSGI = (
    f"--virtualenv={sys.prefix}",
    "--http-socket=127.0.0.1:0",
    "--master",
    "--processes=2",
    "--need-app",
    f"--module={APPLICATION}",
)
VISITORS = ("ann", "bob", "eve", "joe")


def assert_all_are_taken_and_delivered(
    collector: Collector, *command: str, sweeps: bool = False
) -> None:
    """Have a server take orders, whose events arrive through nudges, or once somebody *sweeps*."""
    vwo = {"DELIVERY": "celery", "NUDGE_SECONDS": 60.0 if sweeps else 0.01}
    with serving(*command, collector=collector, **vwo) as server:
        server.insist("steps")
        for name in VISITORS:
            server.get("order", visitor=name)
        if not sweeps:
            wait_until(lambda: all(row.sent_at for row in rows()), SECONDS)
    assert orders() == set(VISITORS)
    if sweeps:
        deliver(collector)
    if PRELOADED in command:
        Group.objects.create(name="loader")
    assert_all_arrived(collector)


def test_forked_children_deliver_by_threads_and_connections_of_their_own(
    collector: Collector,
) -> None:
    """Row 31: the parent was nudged, and has delivered, before it forked."""
    pytest.importorskip("gunicorn")
    command = (*GUNICORN, "--preload", "--workers=2", PRELOADED)
    assert_all_are_taken_and_delivered(collector, *command)


def test_greenlets_deliver(collector: Collector) -> None:
    """Row 31: the thread that nudges is a greenlet, and so is each request."""
    pytest.importorskip("gunicorn")
    pytest.importorskip("gevent")
    command = (*GUNICORN, "--worker-class=gevent", APPLICATION)
    assert_all_are_taken_and_delivered(collector, *command)


def test_where_threads_may_stand_still_the_sweep_delivers(collector: Collector) -> None:
    """Row 31: uWSGI without ``enable-threads``; the thread that nudges gets to nothing."""
    uwsgi = Path(sys.executable).parent / "uwsgi"
    if not uwsgi.exists():
        pytest.skip("uWSGI is not installed")
    command = (*EXECUTE, str(uwsgi), *UWSGI)
    assert_all_are_taken_and_delivered(collector, *command, sweeps=True)
