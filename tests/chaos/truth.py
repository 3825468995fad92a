"""The ground truth: what was committed, against what the collector accepted and what is dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django_vwo.engine.events import Kind

from .collecting import Books, Key, is_poison

KINDS = {Kind.IMPRESSION: 1, Kind.CONVERSION: 2}
"""Their ``eT`` on the wire."""
FIRST = 5
"""How many examples a report shows."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run came to. The first five say what was wrong, by examples; all must be empty."""

    lost: list[str]
    """Committed, neither accepted nor dead."""
    forgotten: list[str]
    """Ordered or promised, but not in the outbox."""
    undone: list[str]
    """Rolled back, and sent or kept all the same."""
    unsettled: list[str]
    """Still on their way, or marked as sent without having been."""
    innocent: list[str]
    """Dead, though the collector would have taken them."""
    duplicates: int
    """How often an event was accepted once more."""
    most_duplicates: int
    """One batch for each accident that may cause some."""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        wrong = (self.lost, self.forgotten, self.undone, self.unsettled, self.innocent)
        return not any(wrong) and self.duplicates <= self.most_duplicates

    def as_dict(self) -> dict[str, Any]:
        return {"is_well": self.is_well, **asdict(self)}


def lines(path: Path) -> set[str]:
    """Return the user ids of a file; a line that a kill cut short counts for nothing."""
    if not path.exists():
        return set()
    return {line for line in path.read_text().split("\n")[:-1] if len(line) == 32}


def compare(folder: Path, books: Books, most_duplicates: int, **figures: Any) -> Report:
    """Return the report, after everything came to rest."""
    from django.contrib.sessions.models import Session

    from django_vwo.models import Event, EventStatus

    rows = list(Event.objects.order_by("pk").values_list("user_id", "visitor", "kind", "status"))
    kept: Counter[Key] = Counter((visitor, KINDS[Kind(kind)]) for _, visitor, kind, _ in rows)
    dead = {(each[1], KINDS[Kind(each[2])]) for each in rows if each[3] == EventStatus.DEAD}
    sent = {(each[1], KINDS[Kind(each[2])]) for each in rows if each[3] == EventStatus.SENT}
    recorded = Counter(user_id for user_id, *_ in rows)
    ordered = set(Session.objects.values_list("session_key", flat=True))
    promised, undone = lines(folder / "promised"), lines(folder / "undone")
    accepted = set(books.accepted)
    states = Counter(EventStatus(status).label for *_, status in rows)
    return Report(
        lost=some(kept.keys() - accepted - dead),
        forgotten=some(user for user in ordered | promised if recorded[user] < len(KINDS)),
        undone=some([*(accepted - kept.keys()), *(undone & recorded.keys())]),
        unsettled=some([*(kept.keys() - sent - dead), *(sent - accepted)]),
        innocent=some(key for key in dead if not is_poison(key[0])),
        duplicates=sum(books.accepted.values()) - len(accepted),
        most_duplicates=most_duplicates,
        figures={
            "orders": len(ordered),
            "promised": len(promised),
            "rolled back": len(undone),
            "committed events": len(rows),
            "accepted": len(accepted),
            "dead": len(dead),
            "states": {str(state): count for state, count in states.items()},
            **figures,
        },
    )


def some(found: Any) -> list[str]:
    """Return the first of *found*, and how many there are, as text; nothing if there are none."""
    listed = sorted(map(str, found))
    more = [f"{len(listed)} in all"] if len(listed) > FIRST else []
    return [*listed[:FIRST], *more]
