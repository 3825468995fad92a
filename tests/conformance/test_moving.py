"""
A site that moves in the middle of its experiments, and moves back.

Visitors do the first half of what they do on one side and the second half on the other, which has
the records of the first. Answers, records and what the vendor is told are those of a visitor who
was with the official SDK all the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from django_vwo.client import Client
from django_vwo.engine.events import Kind
from django_vwo.models import Event
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.database import DatabaseStorage
from django_vwo.storages.importing import Tally, checked, import_records
from django_vwo.storages.sdk import SDKStorage
from tests.backends import SiteStorage

from .documents import (
    Json,
    campaign,
    document,
    features,
    goals,
    plain,
    random_groups,
    uneven_weights,
)
from .oracle import Answer, Call, OfficialClient, Oracle, Session
from .visitors import user_id

pytestmark = [pytest.mark.conformance, pytest.mark.django_db(transaction=True)]

VISITORS = 60
KINDS = {
    "track-user": "IMPRESSION",
    "vwo_variationShown": "IMPRESSION",
    "track-goal": "CONVERSION",
}
DOCUMENTS = {
    "old bucketing": plain(),
    "new bucketing": plain(isNB=True),
    "uneven weights": uneven_weights(),
    "features": features(),
    "groups": random_groups(),
    "goals": goals(),
    "goals on event-arch": goals(isEventArchEnabled=True),
}
Told = list[tuple[Any, list[str]]]
"""What each call answered, and the kinds of events that it led to."""


def calls(whole: Json, user: str) -> list[Call]:
    """Return what a visitor does: meets each campaign, then reaches each goal, twice."""
    running = [each for each in whole["campaigns"] if each["status"] == "RUNNING"]
    return [*(meet(each, user) for each in running), *reach_all(running, user)]


def meet(each: Json, user: str) -> Call:
    method = "activate" if each["type"] == "VISUAL_AB" else "is_feature_enabled"
    return Call(method=method, args=(each["key"], user))


def reach_all(running: Sequence[Json], user: str) -> Iterator[Call]:
    options = {"revenue_value": 5, "event_properties": {"amount": 5, "price": 5}}
    for each in running:
        for goal in each["goals"]:
            arguments = (each["key"], user, goal["identifier"])
            yield Call(method="track", args=arguments, kwargs=options)


def official(sdk: OfficialClient, made: list[Call], records: Sequence[Json]) -> tuple[Told, Any]:
    """Return what the official SDK made of the calls, and its records afterwards."""
    [answers] = sdk.sessions([Session(calls=made, records=records)])
    return [told(answer) for answer in answers], answers[-1].stored if answers else list(records)


def told(answer: Answer) -> tuple[Any, list[str]]:
    assert answer.error is None
    return plain_result(answer.result), [kind_of(request) for request in answer.sent]


def plain_result(result: Any) -> Any:
    """Return *result* as both sides give it; a feature may be off in two ways."""
    if isinstance(result, dict):
        return dict(result)
    return None if result is False else result


def kind_of(request: Json) -> str:
    name = request["url"].rsplit("/", 1)[-1]
    return KINDS.get(request["params"]["en"] if name == "t" else name, "CONVERSION")


def ours(whole: Json, made: list[Call], records: Sequence[Json]) -> tuple[Told, Any]:
    """Return what our client made of the calls on the site's storage, and its records then."""
    storage, recorder = SiteStorage(*records), MemoryRecorder()
    client = Client(whole, storage=SDKStorage(storage), recorder=recorder, raise_errors=True)
    answers: Told = []
    for call in made:
        recorder.events.clear()
        result = answer_to(client, call)
        answers.append((result, [Kind(event.kind).name for event in recorder.events]))
    return answers, list(storage.records.values())


def imported(whole: Json, made: list[Call], records: Sequence[Json]) -> Told:
    """Return what our client made of the calls after *records* were imported."""
    client = Client(whole, storage=DatabaseStorage(), recorder=OutboxRecorder(), raise_errors=True)
    import_records([checked(each, client.campaigns.visitor_key) for each in records], Tally())
    answers: Told = []
    for call in made:
        before = Event.objects.count()
        result = answer_to(client, call)
        events = Event.objects.order_by("id")[before:]
        answers.append((result, [Kind(event.kind).name for event in events]))
    return answers


def answer_to(client: Client, call: Call) -> Any:
    return plain_result(getattr(client, call.method)(*call.args, **call.kwargs))


def by_place(records: Sequence[Json]) -> dict[tuple[str, str], Json]:
    return {(record["userId"], record["campaignKey"]): record for record in records}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_who_moves_in_the_middle_goes_on_as_if_they_had_not(name: str, oracle: Oracle) -> None:
    whole = DOCUMENTS[name]
    sdk = oracle.launch(whole, storage=True)
    shown = 0
    for number in range(VISITORS):
        made = calls(whole, user_id(number))
        half = number % (len(made) + 1)  # each place to move at
        expected, stored = official(sdk, made, [])
        shown += sum(kinds.count("IMPRESSION") for _result, kinds in expected)

        first, records = official(sdk, made[:half], [])
        second, after = ours(whole, made[half:], records)
        assert first + second == expected
        assert by_place(after) == by_place(stored)

        first, records = ours(whole, made[:half], [])
        second, after = official(sdk, made[half:], records)
        assert first + second == expected
        assert by_place(after) == by_place(stored)
    assert shown


@pytest.mark.parametrize("name", ["features", "groups", "goals"])
def test_who_is_imported_goes_on_as_if_they_had_not_moved(name: str, oracle: Oracle) -> None:
    whole = DOCUMENTS[name]
    sdk = oracle.launch(whole, storage=True)
    for number in range(VISITORS // 3):
        made = calls(whole, user_id(number))
        half = (5 * number) % (len(made) + 1)
        expected, _stored = official(sdk, made, [])
        first, records = official(sdk, made[:half], [])
        assert first + imported(whole, made[half:], records) == expected


def test_a_visitor_who_moves_keeps_the_variation_when_weights_have_changed(oracle: Oracle) -> None:
    before = document(campaign("pricing", 11))
    sdk = oracle.launch(before, storage=True)
    arms = [
        {**arm, "weight": weight}
        for arm, weight in zip(before["campaigns"][0]["variations"], (0, 100), strict=True)
    ]
    later = document(campaign("pricing", 11, arms))
    [[answer]] = sdk.sessions([Session(calls=[Call(method="activate", args=("pricing", "Bob"))])])
    assert answer.result == "Control"
    call = Call(method="activate", args=("pricing", "Bob"))
    assert ours(later, [call], [])[0] == [("Variation-1", ["IMPRESSION"])]
    assert ours(later, [call], answer.stored)[0] == [("Control", [])]
