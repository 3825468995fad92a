"""A recorder for tests, scripts and notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.events import Event, Kind
from .base import Recorder


class MemoryRecorder(Recorder):
    """Keeps the events of this process in `events`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, events: Sequence[Event]) -> None:
        self.events.extend(events)

    def has_shown(self, visitor: str) -> bool:
        return any(
            event.kind is Kind.IMPRESSION and event.campaign_id and event.visitor == visitor
            for event in self.events
        )
