"""Plays performed on both sides, compared step by step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.conformance.oracle import Call

from .differences import excuses
from .generated_plays import Act, Play
from .official import Generation, OfficialSDK
from .outcomes import OfficialSide, Performed, Side
from .questions import Question, Step

SHOWN_CHARACTERS = 8_000
"""Characters of a datafile that a report prints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """A step that is not alike on both sides, and that no difference explains."""

    act: int
    step: int
    method: str
    told: str


@dataclass(slots=True)
class Comparison:
    """One play on both sides."""

    play: Play
    sdk: OfficialSDK
    other: Side
    steps: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    """Steps by the method that was called."""
    excused: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)
    forced: list[Call] = field(default_factory=list)
    """What has forced variations on both sides, in the SDK that performs."""
    unset: list[Call] = field(default_factory=list)
    """What has forced variations on one side only, for a reason that is excused."""
    parted: set[str] = field(default_factory=set)
    """The users whose profiles are no longer alike on both sides, for a reason that is excused."""

    @property
    def generation(self) -> Generation:
        return self.sdk.generation

    def run(self, official: Iterable[Performed] | None = None) -> Comparison:
        """Compare until something disagrees. *official* is what the SDK does, if that is known."""
        theirs = ours = self.play.profiles
        # All acts at once: an excuse asks the same process, which forgets the SDK before.
        known = official or [*performances(self.play, OfficialSide(self.sdk))]
        for number, (act, expected) in enumerate(zip(self.play.acts, known, strict=False)):
            continues = self.play.is_continued and number > 0
            found = self.other.perform(act.document, act.calls, ours, continues=continues)
            if not continues:
                self.forced, self.unset = [], []
            self.compare(number, act, expected, found, theirs)
            if self.disagreements:
                break
            theirs, ours = expected.profiles, found.profiles
        return self

    def compare(
        self, number: int, act: Act, expected: Performed, found: Performed, profiles: Any
    ) -> None:
        """Compare one act, up to its first disagreement."""
        if expected.is_refused != found.is_refused:
            who = "the SDK" if expected.is_refused else "ours"
            self.disagree(number, 0, "datafile", f"Only {who} refuses the datafile.", act.document)
            return
        if expected.is_refused:
            return
        held = None if profiles is None else dict(profiles)
        pairs = zip(act.calls, expected.outcomes, found.outcomes, strict=True)
        for index, (call, theirs, ours) in enumerate(pairs):
            user = repr(user_of(call))
            if user not in self.parted:
                self.count(call)
                if theirs != ours:
                    question = Question(
                        document=act.document,
                        call=call,
                        profiles=held,
                        forced=tuple(self.forced),
                        is_elsewhere_forced=bool(self.unset),
                    )
                    step = Step(self.sdk, question, theirs, ours)
                    if not self.judge(number, index, act, step):
                        return
                    if theirs.saved != ours.saved:
                        self.parted.add(user)
            if held is not None:
                held.update(theirs.changed)
            if call.method == "set_forced_variation" and "true" in (theirs.result, ours.result):
                alike = theirs.result == ours.result
                (self.forced if alike else self.unset).append(call)

    def count(self, call: Call) -> None:
        self.steps += 1
        self.kinds[call.method] += 1

    def judge(self, number: int, index: int, act: Act, step: Step) -> bool:
        """Return whether differences excuse *step*, which are counted."""
        found = excuses(step)
        self.excused.update(each.name for each in found)
        if found:
            return True
        calls = "".join(f"\n    {call}" for call in act.calls[:index])
        told = (
            f"Act {number}, profiles {step.question.profiles!r}:{calls}\n  > {step.question.call}"
            f"\n    official {step.official}\n    ours     {step.ours}"
        )
        self.disagree(number, index, step.question.call.method, told, act.document)
        return False

    def disagree(self, act: int, step: int, method: str, told: str, document: Any) -> None:
        whole = json.dumps(document, ensure_ascii=False)[:SHOWN_CHARACTERS]
        told = f"{self.generation.name} ({self.generation}) {told}\n    datafile {whole}"
        self.disagreements.append(Disagreement(act=act, step=step, method=method, told=told))

    def report(self) -> str:
        """Return what disagrees."""
        return "\n\n".join(each.told for each in self.disagreements)


def performances(play: Play, side: Side) -> Iterator[Performed]:
    """Yield what a side makes of each act of *play*, the profiles carried over."""
    held = play.profiles
    for number, act in enumerate(play.acts):
        continues = play.is_continued and number > 0
        performed = side.perform(act.document, act.calls, held, continues=continues)
        yield performed
        held = performed.profiles


def user_of(call: Call) -> Any:
    """Return the user id that a call is about."""
    if call.method == "get_enabled_features":
        return call.args[0]
    return call.args[2 if call.method.startswith("get_feature_variable") else 1]


def until(play: Play, disagreement: Disagreement) -> Play:
    """Return *play* up to a disagreement."""
    kept: Sequence[Act] = play.acts[: disagreement.act + 1]
    last = replace(kept[-1], calls=kept[-1].calls[: disagreement.step + 1])
    return replace(play, acts=(*kept[:-1], last))
