"""Recorders: where an event goes at the moment it happens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..engine.events import Event


class Recorder(ABC):
    """
    Records events. Subclass it and name the class in ``VWO["RECORDER"]["BACKEND"]``;
    it is made with the ``OPTIONS`` that stand beside.
    """

    @abstractmethod
    def record(self, events: Sequence[Event]) -> None:
        """
        Record all *events* of one call, or none of them.

        Raises an exception if they could not be recorded; the caller's transaction stays usable.
        """

    def has_shown(self, visitor: str) -> bool | None:
        """Return whether *visitor*, by their key, was shown a campaign; None: who knows."""
        return None
