"""An event as a worker holds it: what it takes to render it and to mark it, no model."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from ..models import Event

ISOLATE_AFTER = 3
"""A worker that was killed that often while it held an event: it is claimed alone from then on."""


class HeldEvent(NamedTuple):
    """A row of the outbox. A tuple, as thousands of them are read in a second."""

    id: int
    uuid: UUID
    kind: int
    occurred_at: datetime
    account_id: str
    user_id: str
    visitor: str
    campaign_id: str
    campaign_key: str
    variation_id: str
    variation_name: str
    goal_id: str
    goal_identifier: str
    extra: Any
    dedup_key: str | None
    attempts: int
    rejections: int
    lease_token: UUID | None
    last_status: int | None

    @property
    def is_suspect(self) -> bool:
        """Whether several workers died while they held it, and none lived to an outcome."""
        was_left = self.lease_token is not None
        return was_left and self.last_status is None and self.attempts >= ISOLATE_AFTER


def read(rows: QuerySet[Event]) -> list[HeldEvent]:
    """Return what *rows* select."""
    return [HeldEvent._make(row) for row in rows.values_list(*HeldEvent._fields)]
