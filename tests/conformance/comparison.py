"""Plays performed on both sides, compared step by step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .differences import excuses
from .oracle import Call, Oracle
from .outcomes import Outcome, Remembered, remembered_in
from .plays import Play, Scene, official_scenes, our_outcomes
from .questions import SecondOpinion, Step

SHOWN = 3
"""Disagreements that a report prints; what comes after them is not looked at."""
SHOWN_CHARACTERS = 6_000
"""Characters of a document that a report prints."""


class Comparison:
    """One play on both sides. The official SDK works while ours does."""

    def __init__(self, play: Play, oracle: Oracle) -> None:
        self.play, self.oracle = play, oracle
        self.excused: Counter[str] = Counter()
        self.disagreements: list[str] = []
        self.steps = 0
        self.kinds: Counter[str] = Counter()
        """Steps by the method that was called."""

    def run(self) -> Comparison:
        """Compare every step of the play."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            official = pool.submit(official_scenes, self.play, self.oracle)
            ours = our_outcomes(self.play)
            self.compare(official.result(), ours)
        return self

    def compare(
        self, official: Sequence[Sequence[Scene]], ours: Sequence[Sequence[Sequence[Outcome]]]
    ) -> None:
        """Compare what both sides did; a session ends where their storages part."""
        parted: set[int] = set()
        for act, scenes, outcomes in zip(self.play.acts, official, ours, strict=True):
            opinion = SecondOpinion(act.case, self.oracle, has_storage=self.play.has_storage)
            for number, (scene, its_outcomes) in enumerate(zip(scenes, outcomes, strict=True)):
                steps = self.steps_of(scene, its_outcomes, opinion)
                if number not in parted and not self.agree(steps, scene):
                    parted.add(number)
                if len(self.disagreements) >= SHOWN:
                    break
            opinion.close()

    def steps_of(
        self, scene: Scene, outcomes: Sequence[Outcome], opinion: SecondOpinion
    ) -> Iterator[Step]:
        """Yield the steps of one session."""
        before = remembered_in(scene.session.records) if self.play.has_storage else Remembered()
        for call, official, ours in zip(scene.session.calls, scene.outcomes, outcomes, strict=True):
            yield Step(
                case=scene.case,
                call=call,
                before=before,
                official=official,
                ours=ours,
                opinion=opinion,
            )
            before = official.remembered

    def agree(self, steps: Iterator[Step], scene: Scene) -> bool:
        """Return whether one session left both sides' user storage alike, counting as it goes."""
        done: list[Call] = []
        for step in steps:
            self.steps += 1
            self.kinds[step.call.method] += 1
            if not step.ours.agrees_with(step.official):
                self.judge(step, done, scene)
                if step.ours.remembered != step.official.remembered:
                    return False
            done.append(step.call)
        return True

    def judge(self, step: Step, done: Sequence[Call], scene: Scene) -> None:
        """Count the differences that excuse *step*, or keep it as a disagreement."""
        key = len(done), shown(step.ours)
        if key not in scene.excuses:
            scene.excuses[key] = excuses(step)
        found = scene.excuses[key]
        self.excused.update(each.name for each in found)
        if not found:
            self.disagreements.append(self.described(step, done, scene))

    def described(self, step: Step, done: Sequence[Call], scene: Scene) -> str:
        """Return how to see a disagreement again."""
        storage = "with user storage" if self.play.has_storage else "without user storage"
        lines = [
            f"Case {step.case.name!r}, {storage}, records {list(scene.session.records)!r}:",
            *(f"    {call}" for call in done),
            f"  > {step.call}",
            f"    official {shown(step.official)}",
            f"    ours     {shown(step.ours)}",
            f"    document {json.dumps(step.case.document, default=repr)[:SHOWN_CHARACTERS]}",
        ]
        return "\n".join(lines)

    def report(self) -> str:
        """Return the first disagreements and how many there are."""
        head = f"{len(self.disagreements)} of {self.steps} steps do not agree:"
        return "\n\n".join([head, *self.disagreements])


def shown(outcome: Outcome) -> str:
    """Return *outcome* in a line."""
    told: list[Any] = [repr(each) for each in outcome.told]
    error = f", died of {outcome.error}" if outcome.error else ""
    return f"{outcome.result!r}, remembers {outcome.remembered}, tells {told}{error}"
