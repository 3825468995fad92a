"""
The official SDK behind a pipe: one JSON request a line in, one JSON answer a line out.

`oracle.py` runs this file with the Python of the SDK's own environment, so only `vwo`, what it
depends on, and the standard library are imported here. Nothing reaches the network: what the SDK
hands to `requests` is kept and answered with 200 or, after a `forward`, goes over real HTTP to a
port of this machine.

========== ====================================================== ==================================
op         takes                                                  answers
========== ====================================================== ==================================
launch     document (object, or its text), storage, options       handle (null: refused), error
call       handle, method, args, kwargs, rendered                 an answer
sessions   handle, sessions: [{records, calls}], rendered         sessions: an answer per call
refresh    handle, document                                       an answer
close      handle                                                 closed
forward    port                                                   forwarded
settings   args                                                   sent: how many requests
========== ====================================================== ==================================

An *answer* is `{"result", "stored", "sent", "error", "swallowed"}`: what the call returned, every
record the user storage now holds, the requests of this call, and the exceptions behind it: `error`
ended the call, `swallowed` are those that the SDK got over by itself, and in which function. A
session starts with the `records` given (or none); a `call` goes on with what the handle's storage
held last.

A request is `{"method", "url", "headers", "params", "body"}`: the query and the JSON body before
they are text. Asked for with `rendered` (it costs three times the time), it has `"rendered"` too:
url, headers and body as `requests` would put them on the wire.

Values that JSON lacks travel as one-key objects: `{"$tuple": [..]}`, `{"$set": [..]}`,
`{"$bytes": "latin-1 text"}`, `{"$dict": [[key, value], ..]}` and `{"$object": "its repr"}` (out
only). `NaN`, the infinities and lone surrogates are written as Python's `json` writes them.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import vwo
from requests.adapters import HTTPAdapter
from vwo.helpers import generic_util
from vwo.logger import VWOLogger
from vwo.services.url_manager import url_manager
from vwo.services.usage_stats_manager import UsageStats

SEND = requests.Session.request
USAGE_STATS = "_UsageStats__usage_stats_data"
ATOMS = (str, int, float, bool, type(None))


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
    if type(value) is not dict:
        return value
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
    """Every request that the SDK handed to `requests`, in place of a network."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.settings_text = "{}"
        self.renders = False

    def take(self) -> list[dict[str, Any]]:
        """Return what was sent since the last call, oldest first."""
        taken, self.sent = self.sent, []
        return taken

    def request(
        self, session: requests.Session, method: str, url: str, **parts: Any
    ) -> requests.Response:
        """Return 200 to a request, with the next settings document if it asks for one."""
        sent = {"method": method, "url": url, "headers": parts.get("headers") or {}}
        sent.update(params=to_json(parts.get("params")), body=to_json(parts.get("json")))
        if self.renders:
            sent["rendered"] = self.rendered(session, method, url, **parts)
        self.sent.append(sent)
        asks_for_settings = url.endswith(("/server-side/settings", "/server-side/pull"))
        return ok(self.settings_text if asks_for_settings else "")

    def rendered(
        self, session: requests.Session, method: str, url: str, **parts: Any
    ) -> dict[str, Any]:
        """Return the request as it would go over the network."""
        session.trust_env = False  # it would look for a netrc file each time
        kept = {name: parts.get(name) for name in ("params", "headers", "json")}
        prepared = session.prepare_request(requests.Request(method, url, **kept))
        body = prepared.body
        return {
            "url": prepared.url,
            "headers": dict(prepared.headers),
            "body": body.decode() if isinstance(body, bytes) else body,
        }


class Forwarding(Wire):
    """
    Lets every request go its way, to a port of this machine in place of VWO's host.

    Only where the connection leads is changed: the SDK, `requests` and `urllib3` make the request
    line, the headers and the body. What they refuse to send is not counted as sent.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        here = f"http://127.0.0.1:{port}"
        HTTPAdapter.get_connection_with_tls_context = lambda adapter, *_, **__: (
            adapter.poolmanager.connection_from_url(here)
        )

    def request(
        self, session: requests.Session, method: str, url: str, **parts: Any
    ) -> requests.Response:
        """Return what the server answers."""
        response = SEND(session, method, url, **parts)
        self.sent.append({"method": method, "url": url})
        return response


def ok(text: str) -> requests.Response:
    """Return a response of status 200 with *text* as its body."""
    response = requests.Response()
    response.status_code, response.encoding = 200, "utf-8"
    response._content = text.encode("utf-8", "surrogatepass")
    return response


class Failures:
    """The exceptions that the SDK logs in place of raising them."""

    def __init__(self) -> None:
        self.fatal: str | None = None
        self.swallowed: list[str] = []

    def clear(self) -> None:
        """Forget what the last call left."""
        self.fatal, self.swallowed = None, []

    def note(self, *_: object) -> None:
        """Stand in for the SDK's log method: keep the exception being handled, if any."""
        error = sys.exc_info()[1]
        if error is not None:
            handler = error.__traceback__.tb_frame.f_code.co_name if error.__traceback__ else ""
            self.swallowed.append(f"{type(error).__name__} in {handler}")

    def note_fatal(self, *_: object) -> None:
        """Stand in for the log method of the wrapper that ends a failed call."""
        self.fatal = type(sys.exc_info()[1]).__name__


class Storage:
    """A user storage in memory, one record per campaign key and user id."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        """Return the record, or `None`."""
        return self.records.get((user_id, campaign_key))

    def set(self, record: dict[str, Any]) -> None:
        """Keep *record* in place of an older one."""
        self.records[record["userId"], record["campaignKey"]] = dict(record)

    def reset(self, records: list[dict[str, Any]]) -> None:
        """Hold *records* and nothing else."""
        self.records = {}
        for record in records:
            self.set(record)

    def snapshot(self) -> list[Any]:
        """Return every record, oldest first."""
        return [to_json(record) for record in self.records.values()]


class Silent:
    """A logger, or an integration, of the site's own that does nothing."""

    def log(self, level: int, message: str) -> None:
        """Drop *message*."""

    def callback(self, properties: dict[str, Any]) -> None:
        """Drop *properties*."""


class Instance:
    """One launched SDK and the process-wide state that belongs to it."""

    def __init__(self, document: str, has_storage: bool, options: dict[str, Any]) -> None:
        self.storage = Storage() if has_storage else None
        options = dict(options)
        for name in ("logger", "integrations"):
            if options.get(name) is True:
                options[name] = Silent()
        self.sdk = vwo.launch(document, user_storage=self.storage, **options)
        self.prefix = url_manager.collection_prefix
        self.usage_stats = getattr(UsageStats, USAGE_STATS)

    def restore_process_state(self) -> None:
        """Undo what launching another instance did to this one."""
        url_manager.collection_prefix = self.prefix
        setattr(UsageStats, USAGE_STATS, self.usage_stats)


def wait_for_senders() -> None:
    """Return once every thread that sends is done; timers are not waited for."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not isinstance(thread, threading.Timer):
            thread.join()


class Server:
    """The launched instances, and one method per op."""

    def __init__(self) -> None:
        self.wire, self.failures = Wire(), Failures()
        self.instances: dict[int, Instance] = {}
        requests.Session.request = lambda *where, **parts: self.wire.request(*where, **parts)
        VWOLogger.VWOLogger.log = lambda _, *message: self.failures.note(*message)
        generic_util.logger = type("Log", (), {"log": staticmethod(self.failures.note_fatal)})

    def launch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a handle to the SDK launched on a document, null if it refused."""
        options = from_json(request.get("options") or {})
        self.failures.clear()
        try:
            instance = Instance(as_text(request["document"]), bool(request.get("storage")), options)
        except Exception as error:
            return {"handle": None, "error": type(error).__name__}
        if instance.sdk is None:
            return {"handle": None, "error": None}
        handle = len(self.instances) + 1
        self.instances[handle] = instance
        return {"handle": handle, "error": None}

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one call."""
        with self.running(request) as instance:
            return self.answer(instance, request)

    def sessions(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answers to every call of every session."""
        with self.running(request) as instance:
            return {"sessions": [self.session(instance, each) for each in request["sessions"]]}

    def refresh(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to fetching a new document from the service."""
        self.wire.settings_text = as_text(request["document"])
        call = {"method": "get_and_update_settings_file", "args": [1, "key"]}
        with self.running(request) as instance:
            return self.answer(instance, call)

    def close(self, request: dict[str, Any]) -> dict[str, Any]:
        """Forget an instance."""
        self.instances[request["handle"]] = None  # type: ignore[assignment]
        return {"closed": True}

    def forward(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let requests go to a port of this machine from now on."""
        self.wire = Forwarding(request["port"])
        return {"forwarded": True}

    def settings(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return how many requests it took to ask for a settings document."""
        vwo.get_settings_file(*request["args"])
        return {"sent": len(self.wire.take())}

    @contextmanager
    def running(self, request: dict[str, Any]) -> Iterator[Instance]:
        """Give the instance that *request* names, the process being its alone."""
        instance = self.instances[request["handle"]]
        instance.restore_process_state()
        self.wire.renders = bool(request.get("rendered"))
        yield instance

    def session(self, instance: Instance, session: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answers to the calls of one session."""
        if instance.storage is not None:
            instance.storage.reset(from_json(session.get("records") or []))
        return [self.answer(instance, call) for call in session["calls"]]

    def answer(self, instance: Instance, call: dict[str, Any]) -> dict[str, Any]:
        """Return what one method of the SDK answered, stored, sent and failed with."""
        self.failures.clear()
        method = getattr(instance.sdk, call["method"])
        try:
            result = method(*from_json(call.get("args", [])), **from_json(call.get("kwargs", {})))
        except Exception as error:
            result, self.failures.fatal = None, type(error).__name__
        wait_for_senders()
        return {
            "result": to_json(copy.deepcopy(result)),
            "stored": instance.storage.snapshot() if instance.storage else [],
            "sent": self.wire.take(),
            "error": self.failures.fatal,
            "swallowed": self.failures.swallowed,
        }


def as_text(document: object) -> str:
    """Return the text of *document*; text is taken as it is."""
    return document if isinstance(document, str) else json.dumps(document)


def serve() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # the SDK prints when its logger fails
    logging.disable(logging.CRITICAL)
    server = Server()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request["op"])(request)
        except Exception as error:
            answer = {"server_error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
    os._exit(0)  # a batch timer would hold the process for minutes
