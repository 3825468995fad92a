"""Sessions run on both sides at once, compared step by step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .differences import DIFFERENCES, Step
from .documents import Case
from .oracle import Answer, Oracle, Session
from .outcomes import OurSide, Outcome, official_outcome, remembered_in

BATCH = 50
"""Sessions in one request to the official SDK."""
SHOWN = 3
"""Disagreements that a report prints."""


class Comparison:
    """The sessions of one case, on both sides. The official SDK works while ours does."""

    def __init__(self, case: Case, oracle: Oracle, *, has_storage: bool) -> None:
        self.case, self.has_storage = case, has_storage
        self.ours = OurSide(case, has_storage=has_storage)
        self.official = oracle.launch(
            case.for_official(), storage=has_storage, options=case.options
        )
        self.excused: Counter[str] = Counter()
        self.disagreements: list[str] = []
        self.steps = 0

    def run(self, sessions: Sequence[Session]) -> None:
        """Compare every step of *sessions*."""
        batches = [sessions[start : start + BATCH] for start in range(0, len(sessions), BATCH)]
        with ThreadPoolExecutor(max_workers=1) as pool:
            official = pool.map(self.official.sessions, batches)
            for batch, answers in zip(batches, official, strict=True):
                for session, its_answers in zip(batch, answers, strict=True):
                    self.compare(session, its_answers)
        self.official.close()

    def compare(self, session: Session, answers: Iterable[Answer]) -> None:
        """Compare one session; it ends where an excused step leaves the two storages apart."""
        before = remembered_in(session.records)
        pairs = zip(self.ours.outcomes(session), answers, strict=True)
        for number, (ours, answer) in enumerate(pairs):
            official = official_outcome(self.case, answer)
            self.steps += 1
            if not ours.agrees_with(official):
                call = session.calls[number]
                step = Step(case=self.case, call=call, before=before, official=official, ours=ours)
                self.judge(step, session, number)
                if ours.remembered != official.remembered:
                    return
            before = official.remembered

    def judge(self, step: Step, session: Session, number: int) -> None:
        """Count the difference that excuses *step*, or keep it as a disagreement."""
        excuse = next((each for each in DIFFERENCES if each.excuses(step)), None)
        if excuse is not None:
            self.excused[excuse.name] += 1
        else:
            self.disagreements.append(self.described(step, session, number))

    def described(self, step: Step, session: Session, number: int) -> str:
        """Return how to see a disagreement again."""
        storage = "with user storage" if self.has_storage else "without user storage"
        lines = [
            f"Case {self.case.name!r}, {storage}, records {list(session.records)!r}:",
            *(f"    {call}" for call in session.calls[:number]),
            f"  > {step.call}",
            f"    official {shown(step.official)}",
            f"    ours     {shown(step.ours)}",
            f"    campaigns {json.dumps(step.campaigns, default=repr)[:1500]}",
        ]
        return "\n".join(lines)

    def report(self) -> str:
        """Return the first disagreements and how many there are."""
        found = len(self.disagreements)
        return "\n\n".join([f"{found} of {self.steps} steps:", *self.disagreements[:SHOWN]])


def shown(outcome: Outcome) -> str:
    """Return *outcome* in a line."""
    told: list[Any] = [repr(each) for each in outcome.told]
    error = f", died of {outcome.error}" if outcome.error else ""
    return f"{outcome.result!r}, remembers {outcome.remembered}, tells {told}{error}"
