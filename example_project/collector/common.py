"""What the vendors' servers have in common: what is asked of them, and what they count."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from email.message import Message
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Whose events are taken."""

    id: str
    sdk_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """Something that visitors are counted in, and what its parts are called."""

    id: str
    key: str
    variations: Mapping[str, str]
    """Id to name."""
    goals: Mapping[str, str]
    """Id to identifier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: Callable[[], bytes]
    """Returns the body, which is JSON. Raises `RefusedError`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request that is taken."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    events: int = 0
    """How many were in the request."""


@dataclass(slots=True)
class Count:
    """Of one variation, or of one goal in it."""

    visitors: dict[str, Decimal] = field(default_factory=dict)
    """Visitor to the revenue that counts."""
    received: int = 0
    """What arrived, with what arrived more than once."""

    @property
    def revenue(self) -> Decimal:
        return sum(self.visitors.values(), Decimal(0))


class RefusedError(Exception):
    """A request that the vendor would not take: the HTTP status, and what is wrong with it."""

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


class Tally(ABC):
    """What arrived, counted as the vendor counts. Every method may be called by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.refused: list[str] = []

    def refuse(self, refused: RefusedError) -> None:
        """Remember a request that was refused."""
        with self._lock:
            self.refused.append(f"{refused.status}: {refused.reason}")

    @abstractmethod
    def count(self, campaign: str, variation: str, goal: str = "") -> Count:
        """Return a variation's visitors or, with *goal*, its conversions."""

    @property
    @abstractmethod
    def received(self) -> int:
        """How many events arrived, with those that arrived more than once."""

    @property
    @abstractmethod
    def repeated(self) -> int:
        """How many changed nothing, because the same had arrived before."""


class Vendor(ABC):
    """The servers of a vendor, for one settings document."""

    name: str
    account: Account
    campaigns: Sequence[Campaign]
    tally: Tally

    @abstractmethod
    def __init__(self, text: bytes) -> None: ...

    @staticmethod
    @abstractmethod
    def recognises(document: Mapping[str, Any]) -> bool:
        """Return whether *document* is one of this vendor's settings documents."""

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """Return the answer, once what was told is counted. Raises `RefusedError`."""
