"""What VWO's endpoints take: a request in, what it says happened out; anything else is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

VISITOR = re.compile(r"[0-9A-F]{32}")
MOST_EVENTS = 5_000
BATCH_QUERY = frozenset({"a", "sdk", "sdk-v", "env"})
CALL_QUERY = frozenset(
    {"random", "sdk", "sdk-v", "ap", "sId", "u", "account_id", "env", "visitor_ua", "visitor_ip"}
)
EVENT_QUERY = frozenset({"en", "a", "env", "eTime", "random", "p", "visitor_ua", "visitor_ip"})
USAGE = frozenset({"eb", "ig", "ss", "cl", "ll", "gt", "_l"})
BATCH_EVENT = {"u": str, "sId": int, "visitor_ua": str, "visitor_ip": str, "eT": int}
BATCH_KINDS: dict[int, dict[str, type]] = {
    1: {"c": int, "e": int},
    2: {"c": int, "e": int, "g": int},
    3: {"t": str},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Whose events are taken."""

    id: str
    sdk_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A visitor was shown a variation, reached a goal or, without a campaign, gained a property."""

    visitor: str
    campaign: str = ""
    variation: str = ""
    goal: str = ""
    revenue: str | float | None = None


class RefusedError(Exception):
    """A request that VWO would not take: the HTTP status, and what is wrong with it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


def ensure(holds: bool, reason: str, status: int = 400) -> None:
    """Raise `RefusedError` with *reason* unless it *holds*."""
    if not holds:
        raise RefusedError(status, reason)


def parse_json(text: str | bytes, what: str) -> Any:
    """Return the JSON value in *text*. Raises `RefusedError` if there is none."""
    try:
        return json.loads(text, parse_constant=lambda name: ensure(False, f"{what} has {name}"))
    except ValueError as error:
        raise RefusedError(400, f"{what} is not JSON: {error}") from error


def check_query(query: Mapping[str, str], needed: frozenset[str], also: frozenset[str]) -> None:
    missing, unknown = needed - set(query), set(query) - needed - also
    ensure(not missing, f"the query lacks {', '.join(sorted(missing))}")
    ensure(not unknown, f"the query has {', '.join(sorted(unknown))}, which means nothing here")


def check_account(account: Account, account_id: str, sdk_key: str) -> None:
    ensure(account_id == account.id, f"account {account_id!r} is not known")
    ensure(sdk_key == account.sdk_key, "the SDK key belongs to another environment")


def check_visitor(visitor: object) -> str:
    ensure(
        isinstance(visitor, str) and VISITOR.fullmatch(visitor) is not None,
        "a visitor is no UUID of 32 upper-case hexadecimal digits",
    )
    return str(visitor)


def read_batch(account: Account, query: Mapping[str, str], key: str, body: bytes) -> list[Hit]:
    """Return the hits of a batch. *key* is the ``Authorization`` header. Raises `RefusedError`."""
    check_query(query, BATCH_QUERY, USAGE)
    ensure(key == account.sdk_key, "the Authorization header is not the SDK key", 401)
    check_account(account, query["a"], query["env"])
    document = parse_json(body, "the body")
    ensure(isinstance(document, dict) and set(document) == {"ev"}, 'the body is not {"ev": [..]}')
    events = document["ev"]
    ensure(isinstance(events, list) and bool(events), "ev is no list of events")
    ensure(len(events) <= MOST_EVENTS, f"{len(events)} events are too many for a batch", 413)
    return [read_batch_event(event, f"ev[{index}]") for index, event in enumerate(events)]


def read_batch_event(event: Any, where: str) -> Hit:
    ensure(isinstance(event, dict), f"{where} is no object")
    kind = event.get("eT")
    ensure(isinstance(kind, int) and kind in BATCH_KINDS, f"{where}.eT is {kind!r}, not 1, 2 or 3")
    shape = BATCH_EVENT | BATCH_KINDS[kind]
    for name, wanted in shape.items():
        ensure(type(event.get(name)) is wanted, f"{where}.{name} is no {wanted.__name__}")
    unknown = set(event) - set(shape) - ({"r"} if kind == 2 else set())
    ensure(not unknown, f"{where} has {', '.join(sorted(unknown))}, which means nothing here")
    ensure(type(event.get("r", 0)) in (int, float, str), f"{where}.r is no number")
    visitor = check_visitor(event["u"])
    if kind == 3:
        read_tags(event["t"], f"{where}.t")
        return Hit(visitor=visitor)
    campaign, variation, goal = (str(event.get(name, "")) for name in "ecg")
    revenue = event.get("r")
    return Hit(visitor=visitor, campaign=campaign, variation=variation, goal=goal, revenue=revenue)


def read_tags(text: str, what: str) -> None:
    tags = parse_json(text, what)
    is_shaped = isinstance(tags, dict) and set(tags) == {"u"} and isinstance(tags["u"], dict)
    ensure(is_shaped, f'{what} is not {{"u": {{..}}}}')


def read_call(account: Account, query: Mapping[str, str], own: set[str], also: set[str]) -> str:
    """Return the visitor of a classic call, whose query also has *own* and may have *also*."""
    check_query(query, CALL_QUERY | own, USAGE | also)
    check_account(account, query["account_id"], query["env"])
    ensure(query["ap"] == "server", "ap is not 'server'")
    ensure(query["sId"].isdecimal(), "sId is no number of seconds")
    return check_visitor(query["u"])


def read_track_user(account: Account, query: Mapping[str, str]) -> list[Hit]:
    visitor = read_call(account, query, {"experiment_id", "combination", "ed"}, set())
    ensure(parse_json(query["ed"], "ed") == {"p": "server"}, 'ed is not {"p":"server"}')
    return [Hit(visitor=visitor, campaign=query["experiment_id"], variation=query["combination"])]


def read_track_goal(account: Account, query: Mapping[str, str]) -> list[Hit]:
    visitor = read_call(account, query, {"experiment_id", "combination", "goal_id"}, {"r"})
    return [
        Hit(
            visitor=visitor,
            campaign=query["experiment_id"],
            variation=query["combination"],
            goal=query["goal_id"],
            revenue=query.get("r"),
        )
    ]


def read_push(account: Account, query: Mapping[str, str]) -> list[Hit]:
    visitor = read_call(account, query, {"tags"}, set())
    read_tags(query["tags"], "tags")
    return [Hit(visitor=visitor)]


def read_event(account: Account, query: Mapping[str, str], body: bytes) -> list[Hit]:
    """Return the hits of a call to ``/events/t``: a conversion may count in several campaigns."""
    check_query(query, EVENT_QUERY, USAGE)
    check_account(account, query["a"], query["env"])
    ensure(query["p"] == "FS", "p is not 'FS'")
    data = parse_json(body, "the body")
    try:
        event, visitor = data["d"]["event"], check_visitor(data["d"]["visId"])
        ensure(event["name"] == query["en"], "en is not the event's name")
        ensure(data["d"]["msgId"].startswith(visitor), "msgId is not the visitor's")
        ensure(type(event["time"]) is int and type(data["d"]["sessionId"]) is int, "no time")
        props = event["props"]
        check_account(account, query["a"], props["vwo_envKey"])
        if event["name"] == "vwo_variationShown":
            campaign, variation = str(props["id"]), str(props["variation"])
            return [Hit(visitor=visitor, campaign=campaign, variation=variation)]
        if event["name"] == "vwo_syncVisitorProp":
            return [Hit(visitor=visitor)]
        return read_conversions(visitor, props["vwoMeta"])
    except (KeyError, TypeError, AttributeError) as error:
        raise RefusedError(400, f"the body is not shaped as an event: {error!r}") from error


def read_conversions(visitor: str, meta: Mapping[str, Any]) -> list[Hit]:
    revenue = next((value for name, value in meta.items() if name != "metric"), None)
    return [
        Hit(
            visitor=visitor,
            campaign=campaign.removeprefix("id_"),
            goal=goal.removeprefix("g_"),
            revenue=revenue,
        )
        for campaign, goals in meta["metric"].items()
        for goal in goals
    ]


CALLS: dict[str, Callable[[Account, Mapping[str, str]], list[Hit]]] = {
    "/server-side/track-user": read_track_user,
    "/server-side/track-goal": read_track_goal,
    "/server-side/push": read_push,
}
