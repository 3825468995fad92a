"""What arrived, counted as VWO counts: a visitor once per variation, a conversion once per goal."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from .shapes import Hit, RefusedError


@dataclass(slots=True)
class Count:
    """Of one variation, or of one goal in it."""

    visitors: dict[str, Decimal] = field(default_factory=dict)
    """Visitor to the revenue of the hit that counts: the first."""
    received: int = 0
    """Hits, with those that arrived more than once."""

    @property
    def revenue(self) -> Decimal:
        return sum(self.visitors.values(), Decimal(0))


class Tally:
    """All counts of one settings document. Every method may be called by several threads."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], Count] = {}
        self._known = set(known_places(document))
        self.requests = 0
        self.refused: list[str] = []
        self.pushes = 0
        self.discarded = 0
        """Hits of a campaign, variation or goal that the document does not have."""

    def add(self, hits: Iterable[Hit]) -> None:
        """Count all *hits* of one request."""
        revenues = [(hit, as_money(hit.revenue)) for hit in hits]
        with self._lock:
            self.requests += 1
            for hit, revenue in revenues:
                self._add(hit, revenue)

    def _add(self, hit: Hit, revenue: Decimal) -> None:
        place = (hit.campaign, self._variation(hit), hit.goal)
        if not hit.campaign:
            self.pushes += 1
        elif place not in self._known:
            self.discarded += 1
        else:
            count = self._counts.setdefault(place, Count())
            count.received += 1
            count.visitors.setdefault(hit.visitor, revenue)

    def _variation(self, hit: Hit) -> str:
        """Return the hit's variation; an event that names none counts where its visitor is."""
        if hit.variation or not hit.campaign:
            return hit.variation
        shown = (
            place[1]
            for place, count in self._counts.items()
            if place[0] == hit.campaign and not place[2] and hit.visitor in count.visitors
        )
        return next(shown, "")

    def refuse(self, refused: RefusedError) -> None:
        """Remember a request that was refused."""
        with self._lock:
            self.refused.append(f"{refused.status}: {refused.reason}")

    def count(self, campaign: str, variation: str, goal: str = "") -> Count:
        """Return a variation's visitors or, with *goal*, its conversions."""
        with self._lock:
            found = self._counts.get((campaign, variation, goal), Count())
            return Count(visitors=dict(found.visitors), received=found.received)

    @property
    def received(self) -> int:
        with self._lock:
            return sum(count.received for count in self._counts.values())

    @property
    def repeated(self) -> int:
        """How many hits changed nothing, because the same had arrived before."""
        with self._lock:
            return sum(count.received - len(count.visitors) for count in self._counts.values())


def known_places(document: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Yield (campaign, variation, goal or nothing) of everything that runs."""
    for campaign in document["campaigns"]:
        if campaign["status"] != "RUNNING":
            continue
        goals = ["", *(str(goal["id"]) for goal in campaign["goals"])]
        for variation in campaign["variations"]:
            yield from ((str(campaign["id"]), str(variation["id"]), goal) for goal in goals)


def as_money(revenue: str | float | None) -> Decimal:
    """Return *revenue* as an exact number. Raises `RefusedError` if it does not read as one."""
    try:
        money = Decimal(str(0 if revenue is None else revenue))
    except InvalidOperation:
        raise RefusedError(400, "a revenue does not read as a number") from None
    if not money.is_finite():
        raise RefusedError(400, "a revenue is not finite")
    return money
