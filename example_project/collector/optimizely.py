"""Optimizely's endpoints: the datafile, and what its events say happened."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from uuid import UUID

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

DATAFILE = re.compile(r"/datafiles/([^/]+)\.json")
EVENTS = "/v1/events"
ACTIVATED = "campaign_activated"
CENTS = 100
RULE_TYPES = ("experiment", "feature-test", "rollout")
EARLIEST_MS = 1_400_000_000_000
LATEST_AHEAD_MS = 3_600_000

Shape = Mapping[str, type | tuple[type, ...]]

ENVELOPE: Shape = {
    "account_id": str,
    "project_id": str,
    "revision": str,
    "client_name": str,
    "client_version": str,
    "anonymize_ip": bool,
    "visitors": list,
}
ENRICHED: Shape = {"enrich_decisions": bool}
VISITOR: Shape = {"visitor_id": str, "attributes": list, "snapshots": list}
ATTRIBUTE: Shape = {"entity_id": str, "key": str, "type": str, "value": (str, bool, int, float)}
SNAPSHOT: Shape = {"events": list}
DECIDED: Shape = {"decisions": list}
DECISION: Shape = {
    "campaign_id": str,
    "experiment_id": str,
    "variation_id": (str, type(None)),
}
METADATA: Shape = {
    "flag_key": str,
    "rule_key": str,
    "rule_type": str,
    "variation_key": str,
    "enabled": bool,
}
EVENT: Shape = {"entity_id": str, "key": str, "timestamp": int, "uuid": str}
WORTH: Shape = {"revenue": int, "value": float, "tags": dict}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a visitor did: was shown a variation (or no variation), or reached a goal."""

    uuid: str
    visitor: str
    milliseconds: int
    event: str = ""
    """The id of the event that a goal is; "" for an impression."""
    cents: int = 0
    decisions: tuple[tuple[str, str | None], ...] | None = None
    """Experiment and variation ids; None: Optimizely finds out which they are."""


class Optimizely(Vendor):
    """Optimizely's servers for one datafile."""

    name = "Optimizely"

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.etag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
        self.modified = datetime.now(UTC).replace(microsecond=0)
        self.datafile = json.loads(text)
        key = self.datafile["sdkKey"]
        self.account = Account(id=self.datafile["accountId"], sdk_key=key)
        self.campaigns = tuple(campaigns(self.datafile))
        self.reader = Reader(self.datafile)
        self.tally = OptimizelyTally(self.campaigns)

    @staticmethod
    def recognises(document: Mapping[str, Any]) -> bool:
        return "experiments" in document

    def answer(self, asked: Asked) -> Reply:
        ensure(not asked.query, "a query means nothing here")
        if asked.method == "GET" and (named := DATAFILE.fullmatch(asked.path)):
            ensure(named[1] == self.account.sdk_key, "there is no datafile of this key", 403)
            return self.of_datafile(asked)
        if (asked.method, asked.path) == ("POST", EVENTS):
            messages = self.reader.read(asked.body())
            self.tally.add(messages)
            return Reply(status=204, events=len(messages))
        raise RefusedError(404, "there is nothing at this address")

    def of_datafile(self, asked: Asked) -> Reply:
        """Return the datafile, or that it is the one that the client has."""
        headers = {"ETag": self.etag, "Last-Modified": format_datetime(self.modified, usegmt=True)}
        etags, since = asked.headers.get("If-None-Match"), asked.headers.get("If-Modified-Since")
        is_known = etags == self.etag if etags else since and self.modified <= as_time(since)
        return Reply(status=304, headers=headers) if is_known else Reply(self.text, 200, headers)


class Reader:
    """Reads events that tell of one datafile, or of an older revision of it."""

    def __init__(self, datafile: Mapping[str, Any]) -> None:
        self.datafile = datafile
        self.attributes = {each["key"]: each["id"] for each in datafile["attributes"]}
        self.events = {each["id"]: each["key"] for each in datafile["events"]}
        self.rules = {each["id"]: each for each in rules(datafile)}

    def read(self, body: bytes) -> list[Message]:
        """Return what *body* tells of. Raises `RefusedError`."""
        content = parse_json(body, "the body")
        check(content, "the body", ENVELOPE, ENRICHED)
        for name, known in (("account_id", "accountId"), ("project_id", "projectId")):
            ensure(content[name] == self.datafile[known], f"{name} is not known")
        for name in ("client_name", "client_version", "visitors"):
            ensure(bool(content[name]), f"{name} is empty")
        is_enriched = content.get("enrich_decisions", False)
        return [
            message
            for index, visitor in enumerate(content["visitors"])
            for message in self.read_visitor(visitor, f"visitors[{index}]", is_enriched)
        ]

    def read_visitor(self, visitor: Any, where: str, is_enriched: bool) -> Iterator[Message]:
        check(visitor, where, VISITOR)
        ensure(bool(visitor["visitor_id"]), f"{where}.visitor_id is empty")
        ensure(bool(visitor["snapshots"]), f"{where}.snapshots is empty")
        for index, attribute in enumerate(visitor["attributes"]):
            self.check_attribute(attribute, f"{where}.attributes[{index}]")
        for index, snapshot in enumerate(visitor["snapshots"]):
            path = f"{where}.snapshots[{index}]"
            check(snapshot, path, SNAPSHOT, DECIDED)
            ensure(bool(snapshot["events"]), f"{path}.events is empty")
            for event in snapshot["events"]:
                yield self.read_event(visitor["visitor_id"], event, snapshot, path, is_enriched)

    def check_attribute(self, attribute: Any, where: str) -> None:
        check(attribute, where, ATTRIBUTE)
        key = attribute["key"]
        expected = key if key.startswith("$opt_") else self.attributes.get(key)
        ensure(attribute["entity_id"] == expected, f"{where}.entity_id is not that of {key!r}")
        ensure(attribute["type"] == "custom", f"{where}.type is not 'custom'")

    def read_event(
        self, visitor: str, event: Any, snapshot: Any, where: str, is_enriched: bool
    ) -> Message:
        check(event, f"{where}.events", EVENT, WORTH)
        check_moment(event, where)
        decisions = snapshot.get("decisions")
        found = decisions and tuple(
            self.read_decision(decision, f"{where}.decisions", event["key"], is_enriched)
            for decision in decisions
        )
        told = {"uuid": event["uuid"], "visitor": visitor, "milliseconds": event["timestamp"]}
        if event["key"] == ACTIVATED:
            ensure(bool(found), f"{where} is an impression without decisions")
            ensure(not set(event) & set(WORTH), f"{where} is an impression that is worth something")
            layers = {decision["campaign_id"] for decision in decisions}
            ensure(layers == {event["entity_id"]}, f"{where}: the entity is not the layer")
            return Message(**told, decisions=found)
        ensure(
            bool(found) is not is_enriched, f"{where} has decisions where it should not, or none"
        )
        known = self.events.get(event["entity_id"], event["key"])
        ensure(event["key"] == known, f"{where}: the entity is not event {event['key']!r}")
        cents = event.get("revenue", 0)
        ensure(event.get("tags", {}).get("revenue", cents) == cents, f"{where}: two revenues")
        return Message(**told, event=event["entity_id"], cents=cents, decisions=found)

    def read_decision(
        self, decision: Any, where: str, key: str, is_enriched: bool
    ) -> tuple[str, str | None]:
        """Return the ids of the experiment and the variation."""
        needs_metadata = is_enriched and key == ACTIVATED
        check(decision, where, {**DECISION, **({"metadata": dict} if needs_metadata else {})})
        experiment, variation = decision["experiment_id"], decision["variation_id"]
        rule = self.rules.get(experiment)
        keys = {each["id"]: each["key"] for each in rule["variations"]} if rule else {}
        if rule:
            is_layer = decision["campaign_id"] == rule["layerId"]
            ensure(is_layer, f"{where}.campaign_id is not the experiment's layer")
        if needs_metadata:
            metadata = decision["metadata"]
            check(metadata, f"{where}.metadata", METADATA)
            ensure(metadata["rule_type"] in RULE_TYPES, f"{where}.metadata.rule_type is unknown")
            is_named = metadata["rule_key"] == (rule["key"] if rule else metadata["rule_key"])
            is_named &= metadata["variation_key"] == keys.get(variation, metadata["variation_key"])
            ensure(is_named, f"{where}.metadata has another experiment or variation")
        return experiment, variation


def check(value: Any, where: str, needed: Shape, also: Shape | None = None) -> None:
    """Raise `RefusedError` unless *value* is an object with those parts, and of those types."""
    ensure(isinstance(value, dict), f"{where} is no object")
    shape = {**needed, **(also or {})}
    missing, unknown = set(needed) - set(value), set(value) - set(shape)
    ensure(not missing, f"{where} lacks {', '.join(sorted(missing))}")
    ensure(not unknown, f"{where} has {', '.join(sorted(unknown))}, which means nothing here")
    for name, found in value.items():
        types = shape[name] if isinstance(shape[name], tuple) else (shape[name],)
        ensure(type(found) in types, f"{where}.{name} is of the wrong type")


def check_moment(event: Mapping[str, Any], where: str) -> None:
    latest = time.time() * 1000 + LATEST_AHEAD_MS
    is_time = EARLIEST_MS < event["timestamp"] < latest
    ensure(is_time, f"{where}: the timestamp is no number of milliseconds")
    try:
        is_uuid = str(UUID(event["uuid"])) == event["uuid"]
    except ValueError:
        is_uuid = False
    ensure(is_uuid, f"{where}: the uuid is none")


class OptimizelyTally(Tally):
    """
    Counts as Optimizely does: a message of a uuid once; each time that a goal is reached.

    A goal counts in the experiments that have it and that the visitor was shown before: by the time
    that the messages tell, for they may arrive in any order.
    """

    def __init__(self, campaigns: Iterable[Campaign]) -> None:
        super().__init__()
        self.campaigns = {campaign.id: campaign for campaign in campaigns}
        self.messages: dict[str, Message] = {}
        self._received = 0

    def add(self, messages: Iterable[Message]) -> None:
        """Keep all *messages* of one request."""
        with self._lock:
            self.requests += 1
            for message in messages:
                self._received += 1
                self.messages.setdefault(message.uuid, message)

    def count(self, campaign: str, variation: str, goal: str = "") -> Count:
        with self._lock:
            messages = list(self.messages.values())
        shown = first_shown(messages, campaign)
        count = Count()
        if campaign not in self.campaigns or variation not in self.campaigns[campaign].variations:
            return count
        for message in messages:
            if message.event == goal and self.place(message, campaign, shown) == variation:
                count.received += 1
                before = count.visitors.get(message.visitor, Decimal(0))
                count.visitors[message.visitor] = before + Decimal(message.cents) / CENTS
        return count

    def place(
        self, message: Message, campaign: str, shown: Mapping[str, tuple[int, str | None]]
    ) -> str | None:
        """Return the variation of *campaign* in which *message* counts."""
        if message.decisions is not None:
            return dict(message.decisions).get(campaign)
        first, variation = shown.get(message.visitor, (message.milliseconds + 1, None))
        has_goal = message.event in self.campaigns[campaign].goals
        return variation if has_goal and first <= message.milliseconds else None

    @property
    def received(self) -> int:
        with self._lock:
            return self._received

    @property
    def repeated(self) -> int:
        with self._lock:
            return self._received - len(self.messages)


def first_shown(messages: Iterable[Message], campaign: str) -> dict[str, tuple[int, str | None]]:
    """Return by visitor when they were first shown *campaign*, and which variation."""
    shown: dict[str, tuple[int, str | None]] = {}
    for message in messages:
        decisions = dict(message.decisions or ())
        if not message.event and campaign in decisions:
            seen = (message.milliseconds, decisions[campaign])
            shown[message.visitor] = min(seen, shown.get(message.visitor, seen), key=lambda s: s[0])
    return shown


def rules(datafile: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield experiments, those in groups, and the rules of rollouts."""
    yield from datafile["experiments"]
    for parent in (*datafile["groups"], *datafile["rollouts"]):
        yield from parent["experiments"]


def campaigns(datafile: Mapping[str, Any]) -> Iterator[Campaign]:
    """Yield what visitors are counted in."""
    for rule in rules(datafile):
        goals = {
            event["id"]: event["key"]
            for event in datafile["events"]
            if rule["id"] in event["experimentIds"]
        }
        variations = {each["id"]: each["key"] for each in rule["variations"]}
        yield Campaign(id=rule["id"], key=rule["key"], variations=variations, goals=goals)


def as_time(text: str) -> datetime:
    """Return the time that a header tells. Raises `RefusedError`."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        raise RefusedError(400, "If-Modified-Since is no date") from None
