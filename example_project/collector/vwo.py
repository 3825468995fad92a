"""VWO's endpoints: a request in, what it says happened out; anything else is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from .common import (
    Account,
    Asked,
    Campaign,
    Count,
    RefusedError,
    Reply,
    Tally,
    Vendor,
    ensure,
    parse_json,
)

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

SETTINGS = ("/server-side/settings", "/server-side/pull")
BATCH = "/server-side/batch-events"
EVENT = "/events/t"
SUCCESS = b'{"status": "success"}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A visitor was shown a variation, reached a goal or, without a campaign, gained a property."""

    visitor: str
    campaign: str = ""
    variation: str = ""
    goal: str = ""
    revenue: str | float | None = None


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


class VWO(Vendor):
    """VWO's servers for one settings document."""

    name = "VWO"

    def __init__(self, text: bytes) -> None:
        self.text = text
        document = json.loads(text)
        self.account = Account(id=str(document["accountId"]), sdk_key=document["sdkKey"])
        self.campaigns = tuple(map(campaign, document["campaigns"]))
        self.tally = VWOTally(places(document["campaigns"]))

    @staticmethod
    def recognises(document: Mapping[str, Any]) -> bool:
        return "campaigns" in document

    def answer(self, asked: Asked) -> Reply:
        if asked.method == "GET" and asked.path in SETTINGS:
            return Reply(self.settings(asked.query))
        if (asked.method, asked.path) == ("POST", BATCH):
            key = asked.headers.get("Authorization", "")
            hits = read_batch(self.account, asked.query, key, asked.body())
        elif (asked.method, asked.path) == ("POST", EVENT):
            hits = read_event(self.account, asked.query, asked.body())
        elif asked.method == "GET" and asked.path in CALLS:
            hits = CALLS[asked.path](self.account, asked.query)
        else:
            raise RefusedError(404, "there is nothing at this address")
        self.tally.add(hits)
        return Reply(SUCCESS, events=len(hits))

    def settings(self, query: Mapping[str, str]) -> bytes:
        check_account(self.account, query.get("a", ""), query.get("i", ""))
        ensure(query.get("platform") == "server", "platform is not 'server'")
        ensure(query.get("api-version") == "1", "api-version is not 1")
        return self.text


class VWOTally(Tally):
    """Counts as VWO does: a visitor once per variation, a conversion once per goal."""

    def __init__(self, known: Iterable[tuple[str, str, str]]) -> None:
        super().__init__()
        self._counts: dict[tuple[str, str, str], Count] = {}
        self._known = set(known)
        self.pushes = 0
        self.discarded = 0
        """Hits of a campaign, variation or goal that the document does not have."""

    def add(self, hits: Iterable[Hit]) -> None:
        """Count all *hits* of one request."""
        revenues = [(hit, as_money(hit.revenue)) for hit in hits]
        with self._lock:
            self.requests += 1
            for hit, revenue in revenues:
                self._add(hit, revenue)

    def _add(self, hit: Hit, revenue: Decimal) -> None:
        place = (hit.campaign, self._variation(hit), hit.goal)
        if not hit.campaign:
            self.pushes += 1
        elif place not in self._known:
            self.discarded += 1
        else:
            count = self._counts.setdefault(place, Count())
            count.received += 1
            count.visitors.setdefault(hit.visitor, revenue)

    def _variation(self, hit: Hit) -> str:
        """Return the hit's variation; an event that names none counts where its visitor is."""
        if hit.variation or not hit.campaign:
            return hit.variation
        shown = (
            place[1]
            for place, count in self._counts.items()
            if place[0] == hit.campaign and not place[2] and hit.visitor in count.visitors
        )
        return next(shown, "")

    def count(self, campaign: str, variation: str, goal: str = "") -> Count:
        with self._lock:
            found = self._counts.get((campaign, variation, goal), Count())
            return Count(visitors=dict(found.visitors), received=found.received)

    @property
    def received(self) -> int:
        with self._lock:
            return sum(count.received for count in self._counts.values())

    @property
    def repeated(self) -> int:
        with self._lock:
            return sum(count.received - len(count.visitors) for count in self._counts.values())


def campaign(item: Mapping[str, Any]) -> Campaign:
    """Return what a settings document says of a campaign."""
    return Campaign(
        id=str(item["id"]),
        key=item["key"],
        variations={str(each["id"]): each["name"] for each in item["variations"]},
        goals={str(each["id"]): each["identifier"] for each in item["goals"]},
    )


def places(items: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str]]:
    """Yield (campaign, variation, goal or nothing) of everything that runs."""
    for item in items:
        if item["status"] == "RUNNING":
            running = campaign(item)
            for variation in running.variations:
                yield from ((running.id, variation, goal) for goal in ("", *running.goals))


def as_money(revenue: str | float | None) -> Decimal:
    """Return *revenue* as an exact number. Raises `RefusedError` if it does not read as one."""
    try:
        money = Decimal(str(0 if revenue is None else revenue))
    except InvalidOperation:
        raise RefusedError(400, "a revenue does not read as a number") from None
    if not money.is_finite():
        raise RefusedError(400, "a revenue is not finite")
    return money
