"""Plays: what visitors do on a site, act by act, and how each side performs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .documents import Case
from .oracle import Answer, Oracle, Session
from .outcomes import OurSide, Outcome, official_outcome


@dataclass(frozen=True, kw_only=True)
class Act:
    """Sessions on one settings document."""

    case: Case
    sessions: tuple[Session, ...]


@dataclass(frozen=True, kw_only=True)
class Play:
    """
    Sessions that go on, act after act, as the settings document changes.

    The first session of an act continues the first one of the act before, and so on: user storage
    is carried over, and only the records of the first act count.
    """

    acts: tuple[Act, ...]
    has_storage: bool

    @property
    def has_change(self) -> bool:
        return len(self.acts) > 1


def one_act(case: Case, sessions: Sequence[Session], *, has_storage: bool) -> Play:
    """Return a play whose document stays as it is."""
    return Play(acts=(Act(case=case, sessions=tuple(sessions)),), has_storage=has_storage)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One session as the official SDK performs it: what it starts from, and each answer."""

    case: Case
    session: Session
    answers: list[Answer]
    excuses: dict[tuple[int, str], Any] = field(default_factory=dict)
    """What explains a step, by its number and what we made of it: it takes time to find out."""

    @property
    def records(self) -> Sequence[Any]:
        """What user storage holds afterwards."""
        return self.answers[-1].stored if self.answers else self.session.records

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What came of each call."""
        return [official_outcome(self.case, answer) for answer in self.answers]


def official_scenes(play: Play, oracle: Oracle) -> list[list[Scene]]:
    """
    Return the scenes of each act, as the official SDK performs them.

    It is launched anew for each act, as its decider keeps the document that it was launched on.
    """
    acts: list[list[Scene]] = []
    for act in play.acts:
        sessions = act.sessions
        if acts:
            pairs = zip(sessions, acts[-1], strict=True)
            sessions = tuple(replace(each, records=scene.records) for each, scene in pairs)
        document = act.case.for_official()
        sdk = oracle.launch(document, storage=play.has_storage, options=act.case.options)
        answers = sdk.sessions(sessions)
        sdk.close()
        acts.append(
            [
                Scene(case=act.case, session=session, answers=each)
                for session, each in zip(sessions, answers, strict=True)
            ]
        )
    return acts


def our_outcomes(play: Play) -> list[list[list[Outcome]]]:
    """Return the outcomes of each call of each session of each act, on our side."""
    acts: list[list[list[Outcome]]] = []
    kept = [None] * len(play.acts[0].sessions)
    for act in play.acts:
        ours = OurSide(act.case, has_storage=play.has_storage)
        outcomes, after = [], []
        for session, assignments in zip(act.sessions, kept, strict=True):
            outcomes.append(ours.outcomes(session, assignments))
            after.append(ours.storage.assignments if ours.storage else None)
        acts.append(outcomes)
        kept = after
    return acts
