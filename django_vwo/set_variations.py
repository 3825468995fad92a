"""Which variations a site has set for visitors, whatever would be decided."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from .engine.entities import NOTHING

MOST_VISITORS = 10_000


class SetVariations:
    """
    What one process was told, of the last `MOST_VISITORS` visitors.

    >>> known = SetVariations()
    >>> known.set("Bob", "10", "101")
    >>> dict(known.of("Bob"))
    {'10': '101'}
    """

    def __init__(self) -> None:
        # Without a lock, which a fork could inherit: each change is one step of a dict.
        self.by_user: dict[str, dict[str, str]] = {}
        """User id to campaign id to what user storage would call the variation."""

    def of(self, user_id: str) -> Mapping[str, str]:
        """Return, by campaign id, what user storage would call the visitor's variations."""
        return self.by_user.get(user_id, NOTHING) if self.by_user else NOTHING

    def set(self, user_id: str, campaign_id: str, stored_as: str | None) -> None:
        """Set a visitor's variation in a campaign; None: it is decided on again."""
        if stored_as is None:
            self.by_user.get(user_id, {}).pop(campaign_id, None)
            return
        self.by_user.setdefault(user_id, {})[campaign_id] = stored_as
        if len(self.by_user) > MOST_VISITORS:
            with suppress(RuntimeError):  # another thread is making room
                self.forget(next(iter(self.by_user)))

    def forget(self, user_id: str) -> None:
        """Set nothing any more for a visitor."""
        self.by_user.pop(user_id, None)
