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
from uuid import uuid4

import pytest
import requests
from django.core.management import CommandError, call_command

from django_vwo.dialects import DIALECTS
from django_vwo.dialects.optimizely import load

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "example_project"
DOCUMENT, DATAFILE = PROJECT / "vwo.json", PROJECT / "optimizely.json"
VISITOR = "0123456789ABCDEF0123456789ABCDEF"
KEY_ID = "demo-sdk-key"
QUERY = {"a": "123456", "sdk": "django", "sdk-v": "1", "env": KEY_ID}
KEY = {"Authorization": KEY_ID}


RunDemo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_demo(tmp_path: Path) -> RunDemo:
    """Return a function that runs the demo in a folder of its own, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SHOP_VAR": str(tmp_path)}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "VWO_DIALECT"):
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
@pytest.mark.parametrize("dialect", DIALECTS)
def test_demo_ends_well_and_admin_and_collector_agree(run_demo: RunDemo, dialect: str) -> None:
    demo = run_demo("--visitors", "40", "--dialect", dialect)
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


@pytest.fixture
def optimizely(shop_modules: None) -> Iterator[Any]:
    """Return a collector that speaks Optimizely."""
    from collector import Collector

    with closing(Collector(DATAFILE)) as collector:
        collector.start()
        yield collector


LAYERS = {"20311": "20211", "20312": "20212", "20313": "20213", "20314": "20214"}
NAMES = {
    "20311": ("pricing-page", {"20511": "Control", "20512": "Variation-1"}),
    "20313": ("new-nav-test", {"20531": "Control", "20532": "Variation-1"}),
}


def snapshot(**parts: Any) -> dict[str, Any]:
    """Return what a visitor did, of which *parts* are the event's but for the decisions."""
    decisions = parts.pop("decisions", None)
    event = {"timestamp": 1_760_000_000_000, "uuid": str(uuid4()), **parts}
    return {"events": [event], **({"decisions": decisions} if decisions else {})}


def shown(variation: str = "20512", experiment: str = "20311", **parts: Any) -> dict[str, Any]:
    """Return an impression."""
    rule_key, names = NAMES[experiment]
    metadata = {
        "flag_key": "",
        "rule_key": rule_key,
        "rule_type": "experiment",
        "variation_key": names[variation],
        "enabled": True,
    }
    layer = LAYERS[experiment]
    decision = {"campaign_id": layer, "experiment_id": experiment, "variation_id": variation}
    own = {"entity_id": layer, "key": "campaign_activated"}
    return snapshot(**{**own, "decisions": [{**decision, "metadata": metadata}], **parts})


def bought(cents: int = 1_250, **parts: Any) -> dict[str, Any]:
    """Return a conversion."""
    worth = {"revenue": cents, "tags": {"revenue": cents}}
    return snapshot(**{"entity_id": "20401", "key": "checkout-complete", **worth, **parts})


def payload(*snapshots: dict[str, Any], **changes: Any) -> dict[str, Any]:
    visitor = {"visitor_id": "anna", "attributes": [], "snapshots": list(snapshots)}
    return {
        "account_id": "123456",
        "project_id": "20440170029",
        "revision": "7",
        "client_name": "django-vwo",
        "client_version": "1",
        "anonymize_ip": True,
        "enrich_decisions": True,
        "visitors": [visitor],
        **changes,
    }


def tell(collector: Any, body: Any) -> requests.Response:
    return requests.post(f"{collector.url}/v1/events", json=body, timeout=5)


def test_optimizely_finds_the_variation_by_earlier_impressions(optimizely: Any) -> None:
    late = 1_760_000_000_500
    before = bought(100, timestamp=late - 2)
    messages = [bought(timestamp=late), bought(timestamp=late + 1), before]
    shows = [shown(timestamp=late - 1), shown(timestamp=late + 2)]
    shows.append(shown("20532", "20313", timestamp=late - 3))
    assert tell(optimizely, payload(*messages, *shows)).status_code == 204
    tally = optimizely.tally
    assert list(tally.count("20311", "20512").visitors) == ["anna"]
    assert tally.count("20311", "20512", "20401").visitors == {"anna": Decimal(25)}
    assert tally.count("20313", "20532", "20401").visitors == {"anna": Decimal(26)}
    assert tally.count("20311", "20511", "20401").visitors == {}
    assert tally.count("20312", "20521", "20402").visitors == {}


def test_optimizely_drops_a_message_of_a_uuid_that_it_has_seen(optimizely: Any) -> None:
    message = bought()
    assert tell(optimizely, payload(shown(), message)).status_code == 204
    assert tell(optimizely, payload(message)).status_code == 204
    assert optimizely.tally.count("20311", "20512", "20401").revenue == Decimal("12.5")
    assert (optimizely.tally.received, optimizely.tally.repeated) == (3, 1)


def test_optimizely_takes_what_full_stack_2_decided(optimizely: Any) -> None:
    decision = {"campaign_id": "20211", "experiment_id": "20311", "variation_id": "20512"}
    body = payload(bought(decisions=[decision]))
    del body["enrich_decisions"]
    assert tell(optimizely, body).status_code == 204
    assert optimizely.tally.count("20311", "20512", "20401").revenue == Decimal("12.5")


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        pytest.param(bought(), {"account_id": "1"}, id="another account"),
        pytest.param(bought(), {"project_id": "1"}, id="another project"),
        pytest.param(bought(), {"revision": 7}, id="a revision that is no text"),
        pytest.param(bought(), {"visitors": []}, id="no visitors"),
        pytest.param(bought(), {"colour": "red"}, id="unknown part"),
        pytest.param(bought(), {"enrich_decisions": False}, id="no decisions"),
        pytest.param(bought(uuid="7"), {}, id="no UUID"),
        pytest.param(bought(timestamp=1_760_000_000), {}, id="seconds"),
        pytest.param(bought(revenue=12.5), {}, id="revenue that is not in cents"),
        pytest.param(bought(revenue=True), {}, id="revenue as a bool"),
        pytest.param(bought(revenue=99), {}, id="two revenues"),
        pytest.param(bought(value="3"), {}, id="value as text"),
        pytest.param(bought(entity_id="20402"), {}, id="another event's id"),
        pytest.param(bought(decisions=[{}]), {}, id="decisions that are none of its own"),
        pytest.param(shown(revenue=1), {}, id="impression with revenue"),
        pytest.param(shown(entity_id="20311"), {}, id="impression of no layer"),
        pytest.param(snapshot(entity_id="20211", key="campaign_activated"), {}, id="of nothing"),
        pytest.param({"events": []}, {}, id="no event"),
        pytest.param({**bought(), "colour": "red"}, {}, id="unknown part of a snapshot"),
    ],
)
def test_optimizely_refuses_what_is_not_its_own(
    optimizely: Any, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    answer = tell(optimizely, payload(message, **changes))
    assert answer.status_code == 400
    assert optimizely.tally.refused == [f"400: {answer.json()['error']}"]
    assert optimizely.tally.received == 0


@pytest.mark.parametrize(
    "attribute",
    [
        {"entity_id": "1", "key": "plan", "type": "custom", "value": "gold"},
        {"entity_id": "1", "key": "$opt_bot_filtering", "type": "custom", "value": True},
        {"entity_id": "$opt_x", "key": "$opt_x", "type": "custom", "value": None},
        {"entity_id": "$opt_x", "key": "$opt_x", "type": "other", "value": 1},
    ],
)
def test_optimizely_knows_the_attributes(optimizely: Any, attribute: dict[str, Any]) -> None:
    good = {**attribute, "entity_id": "$opt_x", "key": "$opt_x", "type": "custom", "value": 1}
    for told, status in ((attribute, 400), (good, 204)):
        body = payload(bought())
        body["visitors"][0]["attributes"] = [told]
        assert tell(optimizely, body).status_code == status


def test_optimizely_hands_out_its_datafile_once(optimizely: Any) -> None:
    def get(key: str = KEY_ID, **headers: str) -> requests.Response:
        address = f"{optimizely.url}/datafiles/{key}.json"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(address, headers=names, timeout=5)

    first = get()
    assert first.json() == json.loads(DATAFILE.read_text())
    assert get(If_None_Match=first.headers["ETag"]).status_code == 304
    assert get(If_None_Match='"other"').status_code == 200
    assert get(If_Modified_Since=first.headers["Last-Modified"]).status_code == 304
    assert get(If_Modified_Since="Thu, 01 Jan 2026 00:00:00 GMT").status_code == 200
    assert get("other").status_code == 403
    assert requests.get(f"{optimizely.url}/v1/events", timeout=5).status_code == 404


def test_both_documents_have_what_the_shop_asks_for() -> None:
    vwo = json.loads(DOCUMENT.read_text())
    datafile = load(DATAFILE.read_bytes(), source="optimizely.json")
    assert not datafile.problems
    for campaign in vwo["campaigns"]:
        feature = datafile.features.get(campaign["key"])
        keys = [each.key for each in feature.experiments] if feature else [campaign["key"]]
        goals = {goal["identifier"] for goal in campaign["goals"]}
        assert all(set(datafile.campaigns[key].goals) == goals for key in keys)
        variables = campaign["variations"][0].get("variables", [])
        assert {each["key"] for each in variables} == set(feature.defaults if feature else ())


def test_figures_that_differ_are_told_and_end_the_demo_badly(shop_modules: None) -> None:
    from collector.server import vendor_of
    from demo.figures import table
    from demo.report import States, problems

    campaigns = vendor_of(DOCUMENT.read_bytes()).campaigns
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
    assert "DIFFERS" not in table(campaigns, same, same)
    assert "DIFFERS" in table(campaigns, same, {place: Decimal(8)})
    assert "DIFFERS" in table(campaigns, {("gone", "Control", "visitors"): Decimal(1)}, {})


def test_demo_that_ended_badly_has_another_status(
    shop_modules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demo.run import Demo
    from shop.management.commands.demo import Command

    monkeypatch.setattr(Demo, "run", lambda self: False)
    with pytest.raises(CommandError) as raised:
        call_command(Command())
    assert raised.value.returncode == 1
