"""One step of a session, and the questions to the official SDK that it raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .amendments import is_running, is_sound_goal, without_namesakes
from .documents import Case, Json
from .oracle import Call, OfficialClient, Oracle, Session
from .outcomes import Outcome, Remembered, Told, official_outcome, records_of

NO_VARIATION = ("AttributeError", "UnboundLocalError", "ZeroDivisionError")
"""What the official SDK dies of where it has no variation, or no winner of a group, to give."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What the official SDK is asked."""

    document: Json
    call: Call
    before: Remembered
    """What user storage remembers before the call."""
    survives: bool = False
    """Whether a call that has no variation to give is answered, though the SDK dies of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One call of a session, and what came of it on both sides."""

    case: Case
    call: Call
    before: Remembered
    """What user storage remembered before the call."""
    official: Outcome
    ours: Outcome
    opinion: SecondOpinion

    @property
    def question(self) -> Question:
        """What the official SDK was asked."""
        return Question(document=self.case.for_official(), call=self.call, before=self.before)

    @property
    def is_track(self) -> bool:
        return self.call.method == "track"

    @property
    def user_id(self) -> Any:
        """The visitor, who stands last among the arguments but in `track` and a push."""
        return self.call.args[1] if self.is_track else self.call.args[-1]

    @property
    def named(self) -> list[Json]:
        """The running campaigns that the call names, in its order; all where it names none."""
        return named(self.case.document, self.call.args[0])


class SecondOpinion:
    """The official SDK, asked about other documents than the one of the case."""

    def __init__(self, case: Case, oracle: Oracle, *, has_storage: bool) -> None:
        self.case, self.oracle, self.has_storage = case, oracle, has_storage
        self.launched: dict[str, OfficialClient] = {}
        self.known: dict[int, tuple[Json, OfficialClient]] = {}
        """By the identity of a document, which stays its own as long as it is kept here."""
        self.changed: dict[tuple[Any, int], tuple[Json, Json]] = {}
        """By a change and the identity of a document: the document, and as it is changed."""
        self.probed: dict[str, bool] = {}

    def ask(self, question: Question) -> Outcome:
        """Return what the official SDK does; of what it survives, what it would have done."""
        if not question.survives:
            return self.once(question)
        if question.call.method == "track":
            return self.campaign_by_campaign(question)
        outcome = self.once(question)
        return nothing(question) if outcome.error in NO_VARIATION else outcome

    def once(self, question: Question) -> Outcome:
        """Return what the official SDK does."""
        records = records_of(question.before)
        session = Session(calls=[question.call], records=records)
        [[answer]] = self.client(question.document).sessions([session])
        return official_outcome(self.case, answer)

    def campaign_by_campaign(self, question: Question) -> Outcome:
        """Return what tracking comes to where each campaign is asked about on its own."""
        specifier, *others = question.call.args
        if not isinstance(specifier, list) and not any(with_goal(question)):
            return nothing(question)
        results: dict[str, bool] = {}
        remembered, told = question.before, list[Told]()
        for campaign in meant(question):
            call = replace(question.call, args=(campaign["key"], *others))
            document = without_namesakes(question.document, campaign)
            alone = Question(document=document, call=call, before=remembered)
            outcome = self.once(alone)
            if outcome.error in NO_VARIATION:
                outcome = nothing(alone)
            results[campaign["key"]] = bool((outcome.result or {}).get(campaign["key"]))
            remembered, told = outcome.remembered, [*told, *outcome.told]
        return Outcome(result=results, remembered=remembered, told=tuple(told))

    def client(self, document: Json) -> OfficialClient:
        """Return the official SDK on *document*; it is launched once."""
        if id(document) not in self.known:
            key = json.dumps(document)
            if key not in self.launched:
                self.launched[key] = self.oracle.launch(
                    document, storage=self.has_storage, options=self.case.options
                )
            self.known[id(document)] = document, self.launched[key]
        return self.known[id(document)][1]

    def change(self, document: Json, change: Callable[[Json], Json]) -> Json:
        """Return *document* as *change* returns it, each time the same object."""
        if (change, id(document)) not in self.changed:
            self.changed[change, id(document)] = document, change(document)
        return self.changed[change, id(document)][1]

    def can_evaluate(self, leaf: Json, variables: Mapping[str, Any]) -> bool:
        """Return whether the official SDK can tell if *variables* meet *leaf*."""
        key = repr((leaf, variables))
        if key not in self.probed:
            answers = [self.is_met(tree, variables) for tree in (leaf, {"not": leaf})]
            self.probed[key] = any(answers)
        return self.probed[key]

    def is_met(self, tree: Json, variables: Mapping[str, Any]) -> bool:
        """Return whether the official SDK lets *variables* into a campaign behind *tree*."""
        arms = [{"id": 1, "name": "in", "weight": 100}]
        campaign = {"id": 1, "key": "probe", "status": "RUNNING", "percentTraffic": 100}
        whole = {"version": 1, "accountId": 1, "isNB": True}
        probe = {**campaign, "goals": [], "variations": arms, "segments": tree, "type": "VISUAL_AB"}
        call = Call(
            method="activate", args=("probe", "u"), kwargs={"custom_variables": {**variables}}
        )
        document = {**whole, "campaigns": [probe]}
        return self.once(Question(document=document, call=call, before={})).result == "in"

    def close(self) -> None:
        """Let the server forget what was launched."""
        for client in self.launched.values():
            client.close()


def nothing(question: Question) -> Outcome:
    """Return what a call about one campaign comes to that finds no variation."""
    is_false = question.call.method in ("is_feature_enabled", "push")
    result: Any = False if is_false else None
    if question.call.method == "track" and any(with_goal(question)):
        result = {question.call.args[0]: False}
    return Outcome(result=result, remembered=question.before, told=())


def meant(question: Question) -> list[Json]:
    """Return the campaigns whose results a call of `track` answers."""
    specifier = question.call.args[0]
    found = named(question.document, specifier)
    return found if isinstance(specifier, list) else [*with_goal(question)]


def with_goal(question: Question) -> Iterator[Json]:
    """Yield the campaigns that a call of `track` names and that have its goal."""
    specifier, _, goal = question.call.args
    return (each for each in named(question.document, specifier) if has_goal(each, goal))


def named(document: Json, specifier: Any) -> list[Json]:
    """Return the running campaigns that a key or a list of keys means; None means all."""
    running = [*filter(is_running, document["campaigns"])]
    if specifier is None:
        return running
    first = {campaign["key"]: campaign for campaign in reversed(running)}
    keys = specifier if isinstance(specifier, list) else [specifier]
    known = [key for key in keys if isinstance(key, str) and key in first]
    return [first[key] for key in dict.fromkeys(known)]


def has_goal(campaign: Json, identifier: str) -> bool:
    """Return whether *campaign* has a goal that can be reached."""
    sound = filter(is_sound_goal, campaign["goals"])
    return any(goal["identifier"] == identifier for goal in sound)
