"""The example shop: its demo as a whole, and the collector that it is measured by."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "example_project"
DOCUMENT = PROJECT / "vwo.json"
VISITOR = "0123456789ABCDEF0123456789ABCDEF"
KEY_ID = "demo-sdk-key"
QUERY = {"a": "123456", "sdk": "django", "sdk-v": "1", "env": KEY_ID}
KEY = {"Authorization": KEY_ID}


RunDemo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_demo(tmp_path: Path) -> RunDemo:
    """Return a function that runs the demo in a folder of its own, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SHOP_VAR": str(tmp_path)}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"):
        environment.pop(name, None)

    def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), "demo", *options],
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def address(variable: str, default: str) -> str:
    """Return where a server is; skip the test if it is not there, but fail it in CI."""
    url = os.environ.get(variable, default)
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=3).close()
    except OSError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{variable}: {error}")
    return url


@pytest.fixture
def shop_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test import what lies in the example project."""
    monkeypatch.syspath_prepend(str(PROJECT))


@pytest.fixture
def collector(shop_modules: None) -> Iterator[Any]:
    from collector import Collector

    with closing(Collector(DOCUMENT)) as collector:
        collector.start()
        yield collector


def impression(**changes: Any) -> dict[str, Any]:
    event = {"u": VISITOR, "sId": 1_760_000_000, "visitor_ua": "", "visitor_ip": ""}
    return {**event, "eT": 1, "e": 11, "c": 2, **changes}


def conversion(**changes: Any) -> dict[str, Any]:
    return impression(**{"eT": 2, "g": 201, "r": 12.5, **changes})


def post_batch(collector: Any, body: Any, **changes: Any) -> requests.Response:
    given = {"params": QUERY, "headers": KEY, "json": body, **changes}
    given = {name: value for name, value in given.items() if value is not None}
    return requests.post(f"{collector.url}/server-side/batch-events", timeout=5, **given)


@pytest.mark.celery
def test_demo_ends_well_and_admin_and_collector_agree(run_demo: RunDemo) -> None:
    demo = run_demo("--visitors", "40")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "The worker is killed (SIGKILL)" in demo.stdout
    assert "agree on every figure" in demo.stdout
    assert "DIFFERS" not in demo.stdout


@pytest.mark.services
@pytest.mark.parametrize(
    ("driver", "database", "broker"),
    [
        pytest.param(
            "psycopg",
            ("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test"),
            ("REDIS_URL", "redis://127.0.0.1:6379/0"),
            id="PostgreSQL and Redis",
        ),
        pytest.param(
            "MySQLdb",
            ("MARIADB_URL", "mysql://root@127.0.0.1:3306/test"),
            ("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//"),
            id="MariaDB and RabbitMQ",
        ),
    ],
)
def test_demo_ends_well_on_servers(
    run_demo: RunDemo, driver: str, database: tuple[str, str], broker: tuple[str, str]
) -> None:
    pytest.importorskip(driver)
    demo = run_demo(
        "--visitors", "40", DATABASE_URL=address(*database), CELERY_BROKER_URL=address(*broker)
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "agree on every figure" in demo.stdout


@pytest.mark.celery
def test_demo_refuses_to_run_without_visitors(run_demo: RunDemo) -> None:
    demo = run_demo("--visitors", "0")
    assert demo.returncode == 1
    assert "--visitors is the number of visitors: 1 or more." in demo.stderr


@pytest.mark.celery
def test_demo_says_that_a_port_is_taken(run_demo: RunDemo, collector: Any) -> None:
    demo = run_demo("--collector-port", str(collector.address[1]))
    assert demo.returncode == 1
    assert f"cannot listen on port {collector.address[1]} of 127.0.0.1" in demo.stderr
    assert "Traceback" not in demo.stderr


def test_collector_counts_a_visitor_once_however_often_it_hears_of_them(collector: Any) -> None:
    events = [impression(), conversion(), conversion(r=99), impression(eT=3, t='{"u": {"a": 1}}')]
    del events[3]["e"], events[3]["c"]
    assert post_batch(collector, {"ev": events}).status_code == 200
    assert post_batch(collector, {"ev": events[:1]}).status_code == 200
    tally = collector.tally
    assert tally.count("11", "2").received == 2
    assert list(tally.count("11", "2").visitors) == [VISITOR]
    assert tally.count("11", "2", "201").revenue == Decimal("12.5")
    assert (tally.received, tally.repeated, tally.pushes, tally.refused) == (4, 2, 1, [])


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        pytest.param(401, {"headers": {}}, id="no key"),
        pytest.param(400, {"params": {**QUERY, "a": "1"}}, id="another account"),
        pytest.param(400, {"params": {**QUERY, "env": "other"}}, id="another key"),
        pytest.param(400, {"params": {**QUERY, "colour": "red"}}, id="unknown query"),
        pytest.param(400, {"json": None, "data": b"{}"}, id="no JSON by its header"),
        pytest.param(400, {"json": [impression()]}, id="a bare list"),
        pytest.param(400, {"json": {"ev": []}}, id="no events"),
        pytest.param(413, {"json": {"ev": [impression()] * 5_001}}, id="too many events"),
        pytest.param(400, {"json": {"ev": [impression(e="11")]}}, id="an id as text"),
        pytest.param(400, {"json": {"ev": [impression(u=VISITOR.lower())]}}, id="lower-case UUID"),
        pytest.param(400, {"json": {"ev": [impression(eT=4)]}}, id="unknown kind"),
        pytest.param(400, {"json": {"ev": [impression(g=201)]}}, id="impression with a goal"),
        pytest.param(400, {"json": {"ev": [conversion(r="much")]}}, id="revenue in words"),
        pytest.param(400, {"json": {"ev": [conversion(r=True)]}}, id="revenue as a bool"),
    ],
)
def test_collector_refuses_what_vwo_would_refuse(
    collector: Any, status: int, changes: dict[str, Any]
) -> None:
    answer = post_batch(collector, {"ev": [impression()]}, **changes)
    assert answer.status_code == status
    assert collector.tally.refused == [f"{status}: {answer.json()['error']}"]
    assert collector.tally.received == 0


@pytest.mark.parametrize("campaign", [{"e": 99}, {"c": 9}])
def test_collector_discards_what_its_document_does_not_have(
    collector: Any, campaign: dict[str, int]
) -> None:
    assert post_batch(collector, {"ev": [impression(**campaign)]}).status_code == 200
    assert (collector.tally.received, collector.tally.discarded) == (0, 1)


COMMON = {
    "random": "0.5",
    "sdk": "django",
    "sdk-v": "1",
    "ap": "server",
    "sId": "1760000000",
    "u": VISITOR,
    "account_id": "123456",
    "env": KEY_ID,
    "visitor_ua": "",
    "visitor_ip": "",
}
PLACE = {"experiment_id": "11", "combination": "2"}


@pytest.mark.parametrize(
    ("path", "query", "counted"),
    [
        ("track-user", {**PLACE, "ed": '{"p":"server"}'}, ("11", "2", "")),
        ("track-goal", {**PLACE, "goal_id": "201", "r": "3.20"}, ("11", "2", "201")),
    ],
)
def test_collector_takes_single_calls(
    collector: Any, path: str, query: dict[str, str], counted: tuple[str, str, str]
) -> None:
    answer = requests.get(
        f"{collector.url}/server-side/{path}", params={**COMMON, **query}, timeout=5
    )
    assert answer.status_code == 200
    assert list(collector.tally.count(*counted).visitors) == [VISITOR]


def test_collector_takes_event_arch_calls(collector: Any) -> None:
    def post(name: str, props: dict[str, Any]) -> int:
        event = {"name": name, "time": 1_760_000_000_000, "props": {"vwo_envKey": KEY_ID, **props}}
        data = {"msgId": f"{VISITOR}-1", "visId": VISITOR, "sessionId": 1_760_000_000}
        query = {"en": name, "a": "123456", "env": KEY_ID, "eTime": "1", "random": "1", "p": "FS"}
        return requests.post(
            f"{collector.url}/events/t",
            params={**query, "visitor_ua": "", "visitor_ip": ""},
            json={"d": {**data, "event": event}},
            timeout=5,
        ).status_code

    metric = {"id_11": ["g_201"], "id_13": ["g_201"]}
    assert post("vwo_variationShown", {"id": 11, "variation": 3}) == 200
    assert post("vwo_variationShown", {"id": 13, "variation": 1}) == 200
    assert post("checkout-complete", {"vwoMeta": {"metric": metric, "amount": 5}}) == 200
    assert post("checkout-complete", {"vwoMeta": {}}) == 400
    assert collector.tally.count("11", "3", "201").revenue == 5
    assert collector.tally.count("13", "1", "201").revenue == 5


def test_collector_that_went_away_refuses_connections_and_keeps_its_counts(collector: Any) -> None:
    post_batch(collector, {"ev": [impression()]})
    before = collector.address
    collector.stop()
    with pytest.raises(requests.ConnectionError):
        post_batch(collector, {"ev": [impression()]})
    collector.start()
    assert collector.address == before
    assert post_batch(collector, {"ev": [impression(u="F" * 32)]}).status_code == 200
    assert len(collector.tally.count("11", "2").visitors) == 2


def test_collector_hands_its_document_to_its_account_only(collector: Any) -> None:
    def get(account: str, key: str) -> requests.Response:
        query = {"a": account, "i": key, "r": "1", "platform": "server", "api-version": "1"}
        return requests.get(f"{collector.url}/server-side/settings", params=query, timeout=5)

    assert get("123456", KEY_ID).json() == json.loads(DOCUMENT.read_text())
    assert get("123456", "other").status_code == 400
    assert get("1", KEY_ID).status_code == 400


def test_figures_that_differ_are_told_and_end_the_demo_badly(shop_modules: None) -> None:
    from demo.figures import table
    from demo.report import States, problems

    document = json.loads(DOCUMENT.read_text())
    place = ("pricing-page", "Control", "visitors")
    states = States(total=9, pending=0, sent=9, duplicate=0, dead=0, retried=0)
    same = {place: Decimal(9)}
    assert problems(states, same, same) == []
    assert problems(states, same, {place: Decimal(8)}) == [
        "pricing-page / Control / visitors: 9 in the admin, 8 at the collector."
    ]
    assert problems(states, {}, same) != []
    assert problems(states, {}, {}) == ["The collector received nothing."]
    assert problems(replace(states, pending=1), same, same) == ["1 event was not delivered."]
    assert problems(states, same, same, refused=["400: rubbish"]) != []
    assert "DIFFERS" not in table(document, same, same)
    assert "DIFFERS" in table(document, same, {place: Decimal(8)})
    assert "DIFFERS" in table(document, {("gone", "Control", "visitors"): Decimal(1)}, {})


def test_demo_that_ended_badly_has_another_status(
    shop_modules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demo.run import Demo
    from shop.management.commands.demo import Command

    monkeypatch.setattr(Demo, "run", lambda self: False)
    with pytest.raises(CommandError) as raised:
        call_command(Command())
    assert raised.value.returncode == 1
