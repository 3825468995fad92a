"""
Optimizely's SDK behind a pipe: one JSON request a line in, one JSON answer a line out.

`official.py` runs this file with the Python of an environment that has `optimizely-sdk`, 2.1.1 or
5.7.0, so only `optimizely` and the standard library are imported here. Nothing reaches the network:
the SDK is given a dispatcher that keeps what it would send, and, where it has one, the processor of
events that hands each over at once.

A request is `{"document", "profiles", "calls", "continues"}`: the text of a datafile, what the user
profile service holds per user id (null: there is no such service), calls of `{"method", "args"}`,
and whether the SDK of the request before goes on, which gets a new datafile then (5.7.0). The
answer is `{"refused", "answers"}`: whether the SDK refused the datafile, and an answer per call.

An *answer* is `{"result", "error", "sent", "saved"}`: what the call returned, the name of the
exception that left it, the requests that were dispatched, and each profile that the service holds
since this call and did not before, by user id. A request is `{"url", "method", "headers", "body"}`.
The method `decide` is a call of the method of that name on a user context; its result is an object.

Values that JSON lacks travel as in `vwo_server.py`.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import sys
from typing import Any

from optimizely import optimizely

try:
    from optimizely.event.event_processor import ForwardingEventProcessor
    from optimizely.helpers.sdk_settings import OptimizelySdkSettings
except ImportError:  # 2.1.1
    ForwardingEventProcessor = OptimizelySdkSettings = None

ATOMS = (str, int, float, bool, type(None))
DECISION = ("variation_key", "enabled", "variables", "rule_key", "flag_key")


def to_json(value: Any) -> Any:
    """Return *value* in the types that JSON has, tagged where it lacks one."""
    if type(value) in ATOMS:
        return value
    if type(value) is list:
        return [to_json(item) for item in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: to_json(item) for key, item in value.items()}
    if type(value) is dict:
        return {"$dict": [[to_json(key), to_json(item)] for key, item in value.items()]}
    if type(value) is tuple:
        return {"$tuple": [to_json(item) for item in value]}
    if type(value) is bytes:
        return {"$bytes": value.decode("latin-1")}
    return {"$object": repr(value)}


def from_json(value: Any) -> Any:
    """Return what `to_json` was given; lists and dicts are new ones, the caller's to spoil."""
    if type(value) in ATOMS:
        return value
    if type(value) is list:
        return [from_json(item) for item in value]
    if "$tuple" in value:
        return tuple(from_json(value["$tuple"]))
    if "$set" in value:
        return set(from_json(value["$set"]))
    if "$bytes" in value:
        return value["$bytes"].encode("latin-1")
    if "$dict" in value:
        return {from_json(key): from_json(item) for key, item in value["$dict"]}
    return {key: from_json(item) for key, item in value.items()}


class Wire:
    """What the SDK dispatched, in place of a network."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def dispatch_event(self, event: Any) -> None:
        """Keep *event* as the SDK's own dispatcher would have sent it; what is no JSON raises."""
        self.sent.append(
            {
                "url": event.url,
                "method": event.http_verb,
                "headers": event.headers,
                "body": json.loads(json.dumps(event.params)),
            }
        )

    def take(self) -> list[dict[str, Any]]:
        """Return what was sent since the last call, oldest first."""
        taken, self.sent = self.sent, []
        return taken


class Profiles:
    """A user profile service in memory: what it is given, and what it gives, are copies."""

    def __init__(self) -> None:
        self.profiles: dict[Any, Any] = {}
        self.saved: dict[Any, Any] = {}

    def lookup(self, user_id: Any) -> Any:
        """Return the profile of a user, or `None`."""
        return copy.deepcopy(self.profiles.get(user_id))

    def save(self, profile: Any) -> None:
        """Keep *profile* in place of an older one."""
        user_id = profile["user_id"]
        if self.profiles.get(user_id) != profile:
            self.profiles[user_id] = self.saved[user_id] = copy.deepcopy(profile)

    def take(self) -> list[list[Any]]:
        """Return what has changed since the last call."""
        taken, self.saved = self.saved, {}
        return [[to_json(user_id), to_json(profile)] for user_id, profile in taken.items()]


def made(document: str, wire: Wire, profiles: Profiles | None) -> Any:
    """Return the SDK on *document*, or `None` if it refused it."""
    options: dict[str, Any] = {"event_dispatcher": wire, "user_profile_service": profiles}
    if OptimizelySdkSettings is None:
        sdk = optimizely.Optimizely(document, **options)
        return sdk if sdk.is_valid else None
    options["event_processor"] = ForwardingEventProcessor(wire)
    options["settings"] = OptimizelySdkSettings(odp_disabled=True)
    sdk = optimizely.Optimizely(document, **options)
    return sdk if sdk.is_valid and sdk.config_manager.get_config() else None


def decide(sdk: Any, flag: Any, user_id: Any, attributes: Any, options: Any) -> Any:
    """Return the fields of a decision by a user context; those of none if it is refused."""
    context = sdk.create_user_context(user_id, attributes)
    if context is None:
        return {**dict.fromkeys(DECISION), "enabled": False, "variables": {}, "flag_key": flag}
    decision = context.decide(flag, options)
    return {name: getattr(decision, name) for name in DECISION}


def answer(sdk: Any, call: dict[str, Any], wire: Wire, profiles: Profiles | None) -> dict[str, Any]:
    """Return what came of one call."""
    args, result, error = from_json(call["args"]), None, None
    try:
        if call["method"] == "decide":
            result = decide(sdk, *args)
        else:
            result = getattr(sdk, call["method"])(*args)
    except Exception as raised:
        error = type(raised).__name__
    return {
        "result": to_json(copy.deepcopy(result)),
        "error": error,
        "sent": wire.take(),
        "saved": profiles.take() if profiles else [],
    }


class Site:
    """An SDK with all that belongs to it."""

    def __init__(self, has_profiles: bool) -> None:
        self.wire, self.sdk = Wire(), None
        self.profiles = Profiles() if has_profiles else None

    def take_datafile(self, document: str) -> None:
        """Go on with *document*; if it is refused, there is no SDK any more."""
        if self.sdk is None:
            self.sdk = made(document, self.wire, self.profiles)
            return
        self.sdk.config_manager._set_config(document)
        if self.sdk.config_manager.get_config().to_datafile() != document:
            self.sdk = None

    def performed(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request."""
        if self.profiles is not None:
            self.profiles.profiles = dict(from_json(request["profiles"]))
        try:
            self.take_datafile(request["document"])
        except Exception as error:
            return {"refused": type(error).__name__, "answers": []}
        if self.sdk is None:
            return {"refused": "invalid", "answers": []}
        answers = [answer(self.sdk, call, self.wire, self.profiles) for call in request["calls"]]
        return {"refused": None, "answers": answers}


def serve() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    site = Site(has_profiles=False)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if not request["continues"]:
                site = Site(has_profiles=request["profiles"] is not None)
            answered = site.performed(request)
        except Exception as error:
            answered = {"server_error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answered) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
    os._exit(0)  # the SDK may have threads that would hold the process
