"""A step that is not alike on both sides, and what the SDK would have to be asked instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.conformance.oracle import Call

from .official import Generation, OfficialSDK, Profiles
from .outcomes import OfficialSide, Outcome

Json = Mapping[str, Any]

PLACES = {
    "activate": (1, 2),
    "get_variation": (1, 2),
    "is_feature_enabled": (1, 2),
    "get_all_feature_variables": (1, 2),
    "get_enabled_features": (0, 1),
    "track": (1, 2),
    "set_forced_variation": (1, 9),
    "get_forced_variation": (1, 9),
    "decide": (1, 2),
}
"""Where a method's arguments have the user id, and the attributes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A call, and all that its answer depends on."""

    document: Any
    call: Call
    profiles: Profiles | None
    forced: tuple[Call, ...]
    """The calls that have forced variations before, on both sides."""
    is_elsewhere_forced: bool = False
    """Whether a variation was forced on one side only, for a reason that is excused."""

    @property
    def places(self) -> tuple[int, int]:
        return PLACES.get(self.call.method, (2, 3))

    @property
    def user_id(self) -> Any:
        return self.call.args[self.places[0]]

    @property
    def attributes(self) -> Any:
        return self.argument(self.places[1])

    @property
    def tags(self) -> Any:
        return self.argument(3) if self.call.method == "track" else None

    def argument(self, place: int) -> Any:
        """Return an argument, `None` if it is not given."""
        return self.call.args[place] if place < len(self.call.args) else None

    def with_argument(self, place: int, value: Any) -> Question:
        """Return the question with another argument, which must be given."""
        args = list(self.call.args)
        args[place] = value
        return replace(self, call=replace(self.call, args=tuple(args)))

    def with_document(self, document: Any) -> Question:
        return replace(self, document=document)


@dataclass(slots=True)
class Step:
    """A call and what both sides made of it."""

    sdk: OfficialSDK
    question: Question
    official: Outcome
    ours: Outcome
    asked: dict[str, Outcome] = field(default_factory=dict)

    @property
    def generation(self) -> Generation:
        return self.sdk.generation

    def ask(self, question: Question) -> Outcome:
        """Return what the SDK makes of another question."""
        calls = [*question.forced, question.call]
        performed = OfficialSide(self.sdk).perform(question.document, calls, question.profiles)
        if performed.is_refused:
            return Outcome(result="the datafile is refused")
        return performed.outcomes[-1]
