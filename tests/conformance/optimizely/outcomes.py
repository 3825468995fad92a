"""What comes of a call, so that sides can be compared, and the side of Optimizely's SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.conformance.oracle import Call

from .official import Answer, OfficialSDK, Profiles

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IDENTITY = ("client_name", "client_version")
"""What says which SDK sends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one call."""

    result: str
    """What was returned, type included."""
    told: tuple[str, ...] = ()
    """Each visitor that the service is told of, with where and in which envelope, in order."""
    saved: str = "{}"
    """The profiles that have changed, by user id."""
    error: str | None = None
    """The name of the exception that ended the call."""
    changed: Profiles = field(default_factory=dict, compare=False)
    """The same profiles as objects."""

    def __str__(self) -> str:
        died = f", died of {self.error}" if self.error else ""
        told = "".join(f"\n        tells {each}" for each in self.told)
        return f"{self.result}, saves {self.saved}{died}{told}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Performed:
    """What calls on one datafile came to."""

    is_refused: bool
    """Whether the datafile was."""
    outcomes: list[Outcome]
    profiles: Profiles | None
    """What the user profile service holds at the end, if there is one."""


class Side(Protocol):
    """Somebody who performs calls."""

    def perform(
        self,
        document: Mapping[str, Any],
        calls: Sequence[Call],
        profiles: Profiles | None,
        *,
        continues: bool = False,
    ) -> Performed:
        """Return what comes of *calls* on a new SDK, or, if it *continues*, on the one before."""
        ...


class OfficialSide:
    """Optimizely's SDK."""

    def __init__(self, sdk: OfficialSDK) -> None:
        self.sdk = sdk

    def perform(
        self,
        document: Mapping[str, Any],
        calls: Sequence[Call],
        profiles: Profiles | None,
        *,
        continues: bool = False,
    ) -> Performed:
        """Return what the SDK makes of *calls*."""
        performance = self.sdk.perform(document, calls, profiles=profiles, continues=continues)
        outcomes = [official_outcome(each) for each in performance.answers]
        return Performed(
            is_refused=performance.refused is not None,
            outcomes=outcomes,
            profiles=with_changes(profiles, outcomes),
        )


def with_changes(profiles: Profiles | None, outcomes: Sequence[Outcome]) -> Profiles | None:
    """Return what a user profile service holds after *outcomes*, if there is one."""
    if profiles is None:
        return None
    held = dict(profiles)
    for outcome in outcomes:
        held.update(outcome.changed)
    return held


def official_outcome(answer: Answer) -> Outcome:
    """Return what an answer of the SDK comes to."""
    return Outcome(
        result=text_of(answer.result),
        told=tuple(told for each in answer.sent for told in visitors_told(each)),
        saved=text_of(answer.saved),
        changed=answer.saved,
        error=answer.error,
    )


def visitors_told(request: Mapping[str, Any]) -> list[str]:
    """Return each visitor of a request, with its address and its envelope."""
    body = dict(request["body"])
    visitors = body.pop("visitors")
    for name in IDENTITY:
        assert isinstance(body.pop(name), str)
    envelope = {"url": request["url"], "method": request["method"], **body}
    return [text_of({**envelope, "visitor": anonymous(visitor)}) for visitor in visitors]


def anonymous(visitor: Mapping[str, Any]) -> dict[str, Any]:
    """Return *visitor* without what the clock and chance make, if it is of the right kind."""
    snapshots = []
    for snapshot in visitor["snapshots"]:
        events = []
        for event in snapshot["events"]:
            assert UUID.fullmatch(event["uuid"]), event
            assert isinstance(event["timestamp"], int), event
            events.append({**event, "uuid": "one", "timestamp": "now"})
        snapshots.append({**snapshot, "events": events})
    return {**visitor, "snapshots": snapshots}


def text_of(value: Any) -> str:
    """Return *value* as text that tells `True`, `1` and `1.0` apart, but not NaN from NaN."""
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    except TypeError:  # keys of several types, or what JSON does not have
        return repr(value)
