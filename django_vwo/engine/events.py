"""What happened to a visitor: shown a variation, reached a goal, gained a property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID


class Kind(IntEnum):
    """The three things that a vendor is told."""

    IMPRESSION = 1
    CONVERSION = 2
    PUSH = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing to deliver, as it was meant: a dialect renders it when it is sent."""

    kind: Kind
    uuid: UUID
    """The message id: the same in every attempt to deliver."""
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
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Event properties of a conversion or, of a push, the dimensions."""
    custom_properties: object = None
    """What an impression tells beside, of any type; None: nothing."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What else the vendor is told, in the dialect's own words."""
    user_agent: str = ""
    ip_address: str = ""


def unique_key(kind: Kind, assignment_key: str, variation: str, goal_identifier: str = "") -> str:
    """Return the text that two events of a visitor share when only the first of them counts."""
    return "\0".join((kind.name, assignment_key, variation, goal_identifier))
