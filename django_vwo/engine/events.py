"""What happened to a visitor: shown a variation, reached a goal, gained a property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from os import urandom
from typing import Any
from uuid import UUID

from .entities import NOTHING

RANDOM_BITS = ~((0xF << 76) | (0x3 << 62))
"""The bits of a UUID that chance may decide."""
RANDOM_VERSION = (0x4 << 76) | (0x2 << 62)
"""What its other bits say where it does (RFC 9562, version 4)."""


class Kind(IntEnum):
    """The three things that a vendor is told."""

    IMPRESSION = 1
    CONVERSION = 2
    PUSH = 3


@dataclass(slots=True)
class Event:
    """One thing to deliver, as it was meant: a dialect renders it when it is sent."""

    # Not frozen: that would take three times as long to make.

    kind: Kind
    message_id: int
    """The same in every attempt to deliver: the 128 bits of a UUID."""
    occurred_at: datetime
    account_id: str
    user_id: str
    visitor: str
    """The visitor's key, 32 characters."""
    campaign_id: str = ""
    campaign_key: str = ""
    variation_id: str = ""
    variation_name: str = ""
    goal_id: str = ""
    goal_identifier: str = ""
    goal_type: str = ""
    revenue: int | float | str | None = None
    """What reaching the goal was worth, as the caller gave it; None: nothing was given."""
    revenue_prop: str | None = None
    """Name under which *properties* may hold the revenue instead."""
    unique_key: str | None = None
    """Names what counts once per visitor; None: each time counts."""
    properties: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """Event properties of a conversion or, of a push, the dimensions."""
    custom_properties: object = None
    """What an impression tells beside, of any type; None: nothing."""
    told: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """What else the vendor is told, in the dialect's own words."""
    user_agent: str = ""
    ip_address: str = ""

    @property
    def uuid(self) -> UUID:
        """The message id as vendors and databases take it."""
        return UUID(int=self.message_id)


def new_message_id() -> int:
    """
    Return the 128 bits of a random UUID.

    >>> UUID(int=new_message_id()).version
    4
    """
    # The system's chance: one of this process's would be the same in all that a server forks.
    return int.from_bytes(urandom(16), "big") & RANDOM_BITS | RANDOM_VERSION


def unique_key(kind: Kind, assignment_key: str, variation: str, goal_identifier: str = "") -> str:
    """Return the text that two events of a visitor share when only the first of them counts."""
    return "\0".join((kind.name, assignment_key, variation, goal_identifier))
