"""The only sockets of the app: `send` returns the `Answer` to a `Request`, in bounded time."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

from .conf import AppSettings
from .dialects.base import Request
from .engine.errors import VWOError

BODY_BYTES = 64 * 1024
CHUNK_BYTES = 16 * 1024
GZIP_OR_ZLIB = 47


class TransportError(VWOError):
    """No answer came: *reason* says what went wrong, *host* where; neither holds a secret."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host, reason)
        self.host, self.reason = self.args

    def __str__(self) -> str:
        return f"{self.host}: {self.reason}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = field(default=b"", repr=False)
    """Without its content encoding, at most as long as was asked for."""
    is_whole: bool = True
    """False if the body was longer and is cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """How long a request may take, in seconds."""

    connect: float = 3.0
    """For one address of the host."""
    read: float = 10.0
    """For the next piece of the answer."""
    total: float = 15.0
    """From looking up the host's name to the last byte of the answer."""


DEFAULT_TIMEOUTS = Timeouts()


def timeouts_of(configured: AppSettings) -> Timeouts:
    """Return the timeouts that the site has set."""
    return Timeouts(
        connect=configured.connect_timeout_seconds,
        read=configured.read_timeout_seconds,
        total=configured.timeout_seconds,
    )


def nothing() -> None:
    """Do it."""


def send(
    request: Request,
    *,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    body_bytes: int = BODY_BYTES,
    meanwhile: Callable[[], object] = nothing,
) -> Answer:
    """
    Return the answer to *request*, its body cut after *body_bytes*.

    A redirect is an answer like any other, and nothing is tried twice. *meanwhile* is called while
    the request is under way; should it take longer than that may, an answer counts that is there
    by then. Raises `TransportError` if there is no whole answer within the timeouts; the request
    may have arrived all the same.
    """
    exchange, ends = Exchange(request, timeouts, body_bytes), time.monotonic() + timeouts.total
    exchange.begin()
    try:
        meanwhile()
        exchange.join(max(0.0, ends - time.monotonic()))
    finally:
        if exchange.is_alive():
            exchange.abort()
    return exchange.result()


class Exchange(threading.Thread):
    """One request and its answer; a thread, because a name look-up cannot be cut short."""

    def __init__(self, request: Request, timeouts: Timeouts, body_bytes: int) -> None:
        super().__init__(name="django_vwo.send", daemon=True)
        self.request = request
        self.timeouts = timeouts
        self.body_bytes = body_bytes
        self.host = host_of(request.url)
        self.outcome: Answer | TransportError | None = None
        self._lock = threading.Lock()
        self._is_over = False
        self._socket: socket.socket | None = None

    def begin(self) -> None:
        """Start. Raises `TransportError` where the machine has no thread left."""
        try:
            self.start()
        except RuntimeError as error:
            raise TransportError(self.host, "no thread can be started") from error

    def run(self) -> None:
        try:
            self.outcome = self.perform()
        except Exception as error:
            self.outcome = TransportError(self.host, describe(error))

    def perform(self) -> Answer:
        """Return the answer. Raises whatever the network and its libraries raise."""
        asked, session = self.request, current_session()
        address = asked.url + asked.secret_path
        prepared = session.prepare_request(
            requests.Request(
                asked.method, address, asked.headers, params=asked.query, data=asked.body
            )
        )
        url = prepared.url or ""
        around = dict[str, Any](session.merge_environment_settings(url, {}, True, None, None))
        timeout = (self.timeouts.connect, self.timeouts.read)
        # The adapter, not the session: that would read a redirect's body, however long.
        with session.get_adapter(url).send(prepared, timeout=timeout, **around) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            encoding = headers.get("content-encoding", "")
            body, is_whole = read_body(response.raw, encoding, self.body_bytes)
        return Answer(status=response.status_code, headers=headers, body=body, is_whole=is_whole)

    def bind(self, sock: Any) -> None:
        """Take note of the socket in use. Raises `TimeoutError` if nothing may be sent any more."""
        with self._lock:
            if self._is_over:
                raise TimeoutError
            self._socket = sock

    def abort(self) -> None:
        """Let nothing more be sent or read."""
        with self._lock:
            self._is_over = True
            if self._socket is not None:
                # It may be closed already; TLS inside TLS has no shutdown.
                with suppress(OSError, AttributeError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        forget_session()

    def result(self) -> Answer:
        """Return the answer. Raises `TransportError` if there is none."""
        if self._is_over or self.outcome is None:  # what was read of an answer may look like one
            reason = f"no whole answer within {self.timeouts.total:g} seconds"
            raise TransportError(self.host, reason)
        if isinstance(self.outcome, TransportError):
            raise self.outcome
        return self.outcome


def host_of(url: str) -> str:
    """Return the host that *url* names, without name and password."""
    try:
        return urlsplit(url).hostname or "(no host)"
    except ValueError:
        return "(no host)"


def read_body(raw: BaseHTTPResponse, encoding: str, limit: int) -> tuple[bytes, bool]:
    """Return at most *limit* bytes of the body, decompressed, and whether that is all of it."""
    is_compressed = encoding.strip().lower() in ("gzip", "x-gzip", "deflate")
    decoder = zlib.decompressobj(GZIP_OR_ZLIB) if is_compressed else None
    body = bytearray()
    while len(body) <= limit:
        chunk = raw.read(CHUNK_BYTES, decode_content=False)
        if not chunk:
            return bytes(body), True
        body += decoder.decompress(chunk, limit + 1 - len(body)) if decoder else chunk
    return bytes(body[:limit]), False


def describe(error: BaseException) -> str:
    """
    Return what kind of failure *error* is.

    Its message stays untold: those of HTTP libraries quote the whole address, secrets included.
    """
    root = error
    while root.__context__ is not None:
        root = root.__context__
    told = isinstance(root, OSError) and root.strerror
    kinds = dict.fromkeys((type(error).__name__, str(told or type(root).__name__)))
    return ", ".join(kinds)


# --- Connections -----------------------------------------------------------------------------


class BoundMixin:
    """A connection that tells the exchange in progress which socket it is about to use."""

    sock: socket.socket | None

    def send(self, data: Any) -> None:
        thread = threading.current_thread()
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        if isinstance(thread, Exchange):
            thread.bind(self.sock)
        super().send(data)  # type: ignore[misc]


class BoundHTTPConnection(BoundMixin, HTTPConnection):
    """`BoundMixin` without TLS."""


class BoundHTTPSConnection(BoundMixin, HTTPSConnection):
    """`BoundMixin` with TLS."""


class BoundHTTPPool(HTTPConnectionPool):
    """Connections to one host."""

    ConnectionCls = BoundHTTPConnection


class BoundHTTPSPool(HTTPSConnectionPool):
    """Connections to one host."""

    ConnectionCls = BoundHTTPSConnection


POOLS = {"http": BoundHTTPPool, "https": BoundHTTPSPool}


class BoundAdapter(HTTPAdapter):
    """Makes connections that `Exchange.abort` can cut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager


_sessions: dict[int, requests.Session] = {}


def current_session() -> requests.Session:
    """Return this process's session: a forked child does not share its parent's connections."""
    pid = os.getpid()
    if pid not in _sessions:
        _sessions[pid] = new_session()
    return _sessions[pid]


def new_session() -> requests.Session:
    """Return a session that uses the environment's proxies and certificates, not its passwords."""
    session = requests.Session()
    session.auth = lambda request: request  # else ~/.netrc would replace the Authorization header
    session.headers["Accept-Encoding"] = "gzip"
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundAdapter(max_retries=0))
    return session


def forget_session() -> None:
    """Close this process's idle connections; the next request makes a new session."""
    if session := _sessions.pop(os.getpid(), None):
        session.close()


def is_not_ours(record: logging.LogRecord) -> bool:
    """Return whether *record* comes from elsewhere: urllib3 logs addresses, secrets included."""
    return not isinstance(threading.current_thread(), Exchange)


logging.getLogger("urllib3.connectionpool").addFilter(is_not_ours)
