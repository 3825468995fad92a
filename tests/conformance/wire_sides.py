"""
The same calls on both sides, and the requests that they lead to, comparable to the byte.

`plain` takes out of a request what may differ, after it has looked whether it is right: the clock
(each side's time has to be that of the call), chance, the name and version of the SDK, and the
headers of the HTTP library.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django_vwo import __version__
from django_vwo.client import Client
from django_vwo.dialects import get_dialect
from django_vwo.dialects.base import Request, Sender
from django_vwo.dialects.vwo import render_batch, render_single
from django_vwo.engine.events import Event
from django_vwo.outbox.parcels import pack
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.recorders.outbox import restore, row_of
from django_vwo.storages.memory import MemoryStorage
from django_vwo.transport import send

from .capture import Capture, Captured
from .documents import Json
from .oracle import SDK_VERSION, Call, Oracle, Session

CLOCK = datetime(2026, 3, 1, 12, 30, 15, 678_999, tzinfo=UTC)
CLOCK_MS = 1_772_368_215_678
CHANCE = re.compile(rb"0\.\d+|\d(\.\d+)?e-\d+")
LIBRARY_HEADERS = {b"host", b"accept-encoding", b"content-length"}
FLUSH = Call(method="flush_events", args=("sync",))


# --- What may differ -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Whose request it is, and when it was made."""

    names: tuple[bytes, ...]
    """What it may call itself; the first is the SDK's name."""
    version: bytes
    since: int
    """The milliseconds that its clock may show: from here"""
    until: Callable[[], int]
    """to here."""

    def is_now(self, number: bytes, unit: int) -> bool:
        """Return whether *number* is a time of this side's, *unit* milliseconds being its unit."""
        return self.since // unit <= int(number) <= self.until() // unit


OURS = Identity(
    names=(b"django-vwo",),
    version=__version__.encode(),
    since=CLOCK_MS,
    until=lambda: CLOCK_MS,
)


def official_identity() -> Identity:
    """Return the official SDK's, from now on. It asks for settings in the library's own name."""
    return Identity(
        names=(b"vwo-python-sdk", b"python-requests/"),
        version=SDK_VERSION.encode(),
        since=time.time_ns() // 1_000_000,
        until=lambda: time.time_ns() // 1_000_000,
    )


def plain(captured: Captured, whose: Identity) -> Captured:
    """Return *captured* without what may differ between the two sides."""
    method, target, version = captured.line.split(b" ")
    path, mark, query = target.partition(b"?")
    fields = [plain_field(path, each, whose) for each in query.split(b"&")]
    line = b" ".join([method, path + mark + b"&".join(fields), version])
    headers = (
        (name, plain_header(name, value, whose))
        for name, value in captured.headers
        if name.lower() not in LIBRARY_HEADERS
    )
    body = plain_body(captured.body, whose)
    return Captured(line=line, headers=tuple(sorted(headers)), body=body)


def plain_field(path: bytes, given: bytes, whose: Identity) -> bytes:
    """Return a field of the query; one that is not as it should be stays as it is."""
    name, _, value = given.partition(b"=")
    is_chance = name == (b"r" if path.endswith((b"/settings", b"/pull")) else b"random")
    is_right = (
        (is_chance and CHANCE.fullmatch(value))
        or (name == b"sdk" and value == whose.names[0])
        or (name == b"sdk-v" and value == whose.version)
        or (name == b"sId" and whose.is_now(value, 1_000))
        or (name == b"eTime" and whose.is_now(value, 1))
    )
    return name + b"=*" if is_right else given


def plain_header(name: bytes, value: bytes, whose: Identity) -> bytes:
    return b"*" if name == b"User-Agent" and value.startswith(whose.names) else value


def plain_body(body: bytes, whose: Identity) -> bytes:
    """Return a body of JSON. A quote within its texts is escaped, so none can look like a key."""

    def seconds(found: re.Match[bytes]) -> bytes:
        return found[1] + b"*" if whose.is_now(found[2], 1_000) else found[0]

    def milliseconds(found: re.Match[bytes]) -> bytes:
        return found[1] + b"*" if whose.is_now(found[2], 1) else found[0]

    body = re.sub(rb'("(?:sId|sessionId)": )(\d+)', seconds, body)
    body = re.sub(rb'("time": )(\d{13})', milliseconds, body)
    body = re.sub(rb'("msgId": "[0-9A-F]{32}-)(\d{13})', milliseconds, body)
    for key, value in ((b"Name", whose.names[0]), (b"Version", whose.version)):
        told = b'"vwo_sdk' + key + b'": '
        body = body.replace(told + b'"' + value + b'"', told + b"*")
    return body


# --- Both sides ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """A document, and how the SDK is launched on it."""

    name: str
    document: Json
    is_batched: bool = False
    has_storage: bool = False
    options: Json = field(default_factory=dict)
    """Further keywords of launch that only the usage statistics tell of."""

    @property
    def launch(self) -> Json:
        batching = {"batch_events": {"events_per_request": 5000}} if self.is_batched else {}
        return {**self.options, **batching}

    @property
    def usage(self) -> dict[str, str]:
        """What the usage statistics tell, as a sender has it."""
        told = {
            "eb": self.is_batched,
            "ig": "integrations" in self.options,
            "ss": self.has_storage,
            "cl": "logger" in self.options,
            "ll": "log_level" in self.options,
            "gt": "goal_type_to_track" in self.options,
        }
        return {name: "1" for name, is_told in told.items() if is_told}


class OfficialWire:
    """The official SDK, its requests captured."""

    def __init__(self, oracle: Oracle, capture: Capture) -> None:
        self.oracle, self.capture = oracle, capture
        oracle.ask({"op": "forward", "port": capture.port})

    def requests(self, setup: Setup, sessions: Sequence[Session]) -> Iterator[list[Captured]]:
        """Yield the requests of each call of *sessions*."""
        sdk = self.oracle.launch(setup.document, storage=setup.has_storage, options=setup.launch)
        whose = official_identity()
        answers = sdk.sessions(sessions)
        sdk.close()
        captured = iter([plain(each, whose) for each in self.capture.take()])
        for answer in (answer for session in answers for answer in session):
            yield [next(captured) for _ in answer.sent]
        assert not list(captured), "More was sent than the SDK tells of."

    def settings_requests(self, *args: Any) -> list[Captured]:
        """Return the requests for a settings document."""
        whose = official_identity()
        assert self.oracle.ask({"op": "settings", "args": args}) == {"sent": 1}
        return [plain(each, whose) for each in self.capture.take()]


class OurWire:
    """Our client, outbox row, dialect and transport; their requests captured."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture

    def requests(self, setup: Setup, sessions: Sequence[Session]) -> Iterator[list[Captured]]:
        """Yield the requests of each call of *sessions*."""
        for session in sessions:
            recorder = MemoryRecorder()
            client = Client(
                setup.document,
                storage=MemoryStorage() if setup.has_storage else None,
                recorder=recorder,
                goal_type_to_track=setup.options.get("goal_type_to_track", "ALL"),
                clock=lambda: CLOCK,
            )
            sender = self.sender(client, setup)
            for call in session.calls:
                if call is not FLUSH:
                    getattr(client, call.method)(*call.args, **call.kwargs)
                if call is not FLUSH and setup.is_batched:
                    yield []
                    continue
                events, recorder.events = recorder.events, []
                yield self.sent(rendered(events, sender))

    def sender(self, client: Client, setup: Setup) -> Sender:
        """Return who sends, as the document in service says."""
        campaigns = client.campaigns
        return Sender(
            account_id=campaigns.account_id,
            sdk_key=campaigns.sdk_key,
            base_url=self.capture.url,
            collection_prefix=campaigns.collection_prefix,
            has_event_properties=campaigns.has_event_properties,
            batches_events=setup.is_batched,
            usage=setup.usage,
        )

    def sent(self, requests: Iterable[Request]) -> list[Captured]:
        """Return what comes of *requests* on the wire."""
        for request in requests:
            send(request)
        return [plain(each, OURS) for each in self.capture.take()]


def rendered(events: Sequence[Event], sender: Sender) -> list[Request]:
    """Return the requests for *events*, each of which went through a row of the outbox."""
    if not events:
        return []
    rows = [stored(event) for event in events]
    if sender.batches_events:
        return [render_batch([restore(row) for row in rows], sender)]
    parcels, broken = pack(rows, get_dialect("vwo"), sender)
    assert not broken
    return [request for each in parcels for request in render_single(each.events, sender)]


def stored(event: Event) -> Any:
    """Return the row of *event*, as a database gives it back."""
    row = row_of(event, payload_version=1)
    row.extra = json.loads(json.dumps(row.extra))
    return row


def without(header: bytes, captured: Captured) -> Captured:
    """Return *captured* without one of its headers."""
    return replace(captured, headers=tuple(each for each in captured.headers if each[0] != header))
