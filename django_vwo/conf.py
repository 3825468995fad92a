"""The ``VWO`` setting: read and validated here, once, and again when it changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from .dialects import DIALECTS
from .dialects.base import GENERATIONS, Options
from .engine.conversions import GOAL_TYPES
from .engine.errors import shorten

Reader = Callable[[str, Any], Any]
"""Takes a setting's name and value, returns the value to use or raises `ImproperlyConfigured`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """A class to plug in, and what it is made with."""

    path: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def create(self) -> Any:
        """Return a new instance. Raises `ImproperlyConfigured` if it cannot be made."""
        try:
            return import_string(self.path)(**self.options)
        except (ImportError, TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"{self.path} cannot be used: {error}") from error


def refuse(name: str, found: object, expected: str) -> ImproperlyConfigured:
    """Return the error that says what is wrong with the setting *name*."""
    shown = "of the wrong type or form" if name in SECRETS else shorten(found)
    return ImproperlyConfigured(f"VWO[{name!r}] is {shown}; expected {expected}.")


def one_of(*choices: str) -> Reader:
    def read(name: str, value: Any) -> str:
        if value not in choices:
            raise refuse(name, value, "one of " + ", ".join(map(repr, choices)))
        return str(value)

    return read


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refuse(name, value, "a string")
    return value


def identifier(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise refuse(name, value, "a number or a string")
    return str(value)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(name, value, "True or False")
    return value


def number(low: float, high: float, unit: str, *, may_be_zero: bool = False) -> Reader:
    expected = f"a number from {low:g} to {high:g} ({unit})" + ", or 0" * may_be_zero

    def read(name: str, value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_zero = may_be_zero and is_number and value == 0
        if not is_zero and not (is_number and math.isfinite(value) and low <= value <= high):
            raise refuse(name, value, expected)
        return float(value)

    return read


def whole(low: int, high: int, unit: str) -> Reader:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise refuse(name, value, f"a whole number from {low} to {high} ({unit})")
        return value

    return read


def url(name: str, value: Any) -> str:
    expected = "an http or https address without user and query, like 'https://collector.example'"
    try:
        parts = urlsplit(text(name, value))
        host = parts.hostname
    except ValueError:
        raise refuse(name, value, expected) from None
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
    if value and (parts.scheme not in ("http", "https") or not host or not is_bare):
        raise refuse(name, value, expected)
    return str(value).rstrip("/")


def document(name: str, value: Any) -> Path | Mapping[str, Any] | None:
    if value is None or isinstance(value, Mapping | Path):
        return value
    if isinstance(value, str) and value and not value.lstrip().startswith(("{", "[")):
        return Path(value)
    raise refuse(name, value, "a path to a JSON file, or a dict")


def function(name: str, value: Any) -> Callable[..., Any] | None:
    if value is None or callable(value):
        return value  # type: ignore[no-any-return]
    try:
        found = import_string(text(name, value))
    except ImportError as error:
        raise ImproperlyConfigured(f"VWO[{name!r}] cannot be imported: {error}") from error
    if not callable(found):
        raise refuse(name, value, "a callable, or the dotted path of one")
    return found  # type: ignore[no-any-return]


def backend(name: str, value: Any) -> Backend:
    expected = "a dict with 'BACKEND' (dotted path of a class) and perhaps 'OPTIONS' (a dict)"
    if not isinstance(value, Mapping) or set(value) - {"BACKEND", "OPTIONS"}:
        raise refuse(name, value, expected)
    path, options = value.get("BACKEND"), value.get("OPTIONS", {})
    if not isinstance(path, str) or not isinstance(options, Mapping):
        raise refuse(name, value, expected)
    return Backend(path=path, options=options)


def optional(reader: Reader) -> Reader:
    return lambda name, value: None if value is None else reader(name, value)


def setting(default: Any, reader: Reader) -> Any:
    return field(default=default, metadata={"reader": reader})


SECRETS = frozenset({"COLLECTOR_URL", "SDK_KEY", "SETTINGS_DOCUMENT", "WEBHOOK_SECRET"})
"""Values that are, or may hold, a secret: no message shows them."""
DATABASE_STORAGE = Backend(path="django_vwo.storages.database.DatabaseStorage")
OUTBOX_RECORDER = Backend(path="django_vwo.recorders.outbox.OutboxRecorder")


@dataclass(frozen=True, kw_only=True, slots=True)
class AppSettings:
    """``settings.VWO``, complete and checked. Field names are the keys in lower case."""

    account_id: str = setting("", identifier)
    """The account that decisions are made and events are sent for."""
    sdk_key: str = field(default="", repr=False, metadata={"reader": text})
    """The environment's key, a secret: fetches the settings document, signs deliveries."""
    dialect: str = setting("vwo", one_of(*DIALECTS))
    """The vendor whose language is spoken."""
    generation: str = setting(GENERATIONS[0], one_of(*GENERATIONS))
    """Of the dialects that have several: whose SDKs are to be agreed with."""
    settings_document: Path | Mapping[str, Any] | None = field(
        default=None, repr=False, metadata={"reader": document}
    )
    """A file or dict to start with, until a document was fetched."""
    refresh_seconds: float = setting(60.0, number(0, 86_400, "seconds"))
    """How soon every process follows a new document; 0: only when it restarts."""
    fetch_seconds: float = setting(300.0, number(5, 86_400, "seconds", may_be_zero=True))
    """How often the vendor is asked for a new document; 0: only when somebody asks for it."""
    webhook_secret: str = field(default="", repr=False, metadata={"reader": text})
    user_id: Callable[..., Any] | None = setting(None, function)
    """Takes the request, returns the visitor's id; None: a first-party cookie."""
    consent: Callable[..., Any] | None = setting(None, function)
    """Takes the request, returns whether the visitor may be tested; None: everybody may."""
    cookie_name: str = setting("vwo_visitor", text)
    cookie_age_seconds: int = setting(63_072_000, whole(1, 315_360_000, "seconds"))
    """How long the visitor's cookie lasts: two years by default."""
    cookie_domain: str | None = setting(None, optional(text))
    cookie_path: str = setting("/", text)
    send_ip_address: bool = setting(True, flag)
    """Whether events of a request carry the visitor's address."""
    user_storage: Backend | None = setting(DATABASE_STORAGE, optional(backend))
    """Where assignments are kept; None: nowhere, every decision is made anew."""
    recorder: Backend = setting(OUTBOX_RECORDER, backend)
    """Where events go when they happen."""
    delivery: str = setting("celery", one_of("celery", "command"))
    """Who delivers: Celery workers that are nudged, or ``vwo_deliver`` alone."""
    queue: str = setting("", text)
    """Celery queue of the delivery task; empty: the site's default queue."""
    collector_url: str = setting("", url)
    """Replaces the vendor's scheme and host."""
    connect_timeout_seconds: float = setting(3.0, number(0.05, 60, "seconds"))
    read_timeout_seconds: float = setting(10.0, number(0.05, 60, "seconds"))
    timeout_seconds: float = setting(15.0, number(0.1, 120, "seconds"))
    """Total time of one request to the vendor, from connecting to the last byte."""
    lease_seconds: float = setting(120.0, number(1, 3_600, "seconds"))
    """How long a worker holds the events that it claimed."""
    batch_events: bool = setting(True, flag)
    """Whether events travel together as far as they can; else each by itself."""
    batch_size: int = setting(500, whole(1, 5_000, "events a request"))
    batch_bytes: int = setting(512 * 1024, whole(1_024, 16 * 1024 * 1024, "bytes a request"))
    nudge_seconds: float = setting(1.0, number(0, 60, "seconds"))
    """At most one nudge to the workers in this time."""
    retention_days: int = setting(30, whole(1, 3_650, "days"))
    """How long delivered events stay in the admin."""
    goal_type_to_track: str = setting("ALL", one_of(*GOAL_TYPES))
    track_returning_users: bool = setting(False, flag)
    """Whether a goal counts each time it is reached."""
    require_activation: bool = setting(True, flag)
    """Whether only visitors who were shown a campaign can convert in it."""
    track_requires_decision: bool = setting(True, flag)
    """Whether goals of no campaign's visitors are withheld, in a dialect that would count them."""
    development_mode: bool = setting(False, flag)
    """Decide and record, send nothing, raise on programming errors."""
    raise_errors: bool = setting(False, flag)
    """Whether a failure to record or remember is raised, as tests want it."""

    @property
    def load_options(self) -> Options:
        """How a settings document is meant."""
        return Options(
            generation=self.generation, tracks_undecided=not self.track_requires_decision
        )


def read_settings(given: object) -> AppSettings:
    """Return *given*, the ``VWO`` setting, checked. Raises `ImproperlyConfigured`."""
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("The VWO setting is missing or is no dict.")
    readers = {item.name.upper(): item.metadata["reader"] for item in fields(AppSettings)}
    unknown = sorted(str(name) for name in given if name not in readers)
    if unknown:
        raise ImproperlyConfigured(f"VWO has unknown keys: {', '.join(unknown)}.")
    return AppSettings(
        **{name.lower(): readers[name](name, value) for name, value in given.items()}
    )


@lru_cache(maxsize=1)
def app_settings() -> AppSettings:
    """Return the site's settings. Raises `ImproperlyConfigured`."""
    return read_settings(getattr(settings, "VWO", {}))


def forget_settings(*, setting: str, **kwargs: Any) -> None:
    """Read ``settings.VWO`` anew when a test changes it."""
    if setting == "VWO":
        from .client import get_client

        app_settings.cache_clear()
        get_client.cache_clear()


setting_changed.connect(forget_settings)
