"""What events keep, which is put together when somebody looks at it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from django.http import QueryDict

from django_vwo.client import Client
from django_vwo.engine.events import Event
from django_vwo.recorders.memory import MemoryRecorder
from tests.datafiles import Json, datafile, event, experiment

SITE = datafile(experiment(), events=[event()])
GOLD = {"entity_id": "701", "key": "plan", "type": "custom", "value": "gold"}


def activated(given: Any, document: Json = SITE, **options: Any) -> Event:
    """Return what is recorded of a visitor with the attributes *given*."""
    recorder = MemoryRecorder()
    Client(document, recorder=recorder, **options).activate("test", "Bob", custom_variables=given)
    (found,) = recorder.events
    return found


@pytest.mark.parametrize("generation", ["today", "2.1"])
def test_attributes_that_change_after_the_call_are_told_as_they_were(generation: str) -> None:
    given: Json = {"plan": "gold"}
    told = activated(given, generation=generation).told
    given["plan"] = "none"
    given["$opt_new"] = 1
    assert told["attributes"] == [GOLD]


@pytest.mark.parametrize(
    "given",
    [
        QueryDict("plan=silver&plan=gold"),
        MappingProxyType({"plan": "gold"}),
        {"plan": "gold", 7: "seven", None: "none", ("plan",): "tuple"},
    ],
    ids=["QueryDict", "mapping", "keys of other types"],
)
def test_any_mapping_is_told_by_its_items(given: Any) -> None:
    assert activated(given).told["attributes"] == [GOLD]


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda told: pickle.loads(pickle.dumps(told))]
)
def test_a_copy_of_what_is_told_is_a_dict(copied: Any) -> None:
    told = activated({"plan": "gold"}).told
    assert type(copied(told)) is dict
    assert copied(told) == told == dict(told)
    assert repr(told) == repr(dict(told))


def test_what_is_told_is_made_once() -> None:
    told = activated({"plan": "gold"})
    assert told.told["attributes"] is told.told["attributes"]
    assert replace(told).told["attributes"] is told.told["attributes"]
    assert told == replace(told)


@pytest.mark.parametrize("is_gated", [True, False])
@pytest.mark.parametrize("generation", ["today", "2.1"])
def test_conversions_keep_no_decision_of_their_own(generation: str, is_gated: bool) -> None:
    site = datafile(
        experiment(), experiment("other", "11"), events=[event(experiments=["10", "11"])]
    )
    recorder = MemoryRecorder()
    client = Client(
        site, recorder=recorder, generation=generation, track_requires_decision=is_gated
    )
    client.track(None, "Bob", "signup", custom_variables={"plan": "gold"}, event_properties={})
    envelope = ["project", "revision", "anonymize"]
    names = (
        [*envelope, "enrich", "attributes", "has_tags"]
        if generation == "today"
        else ["decisions", *envelope, "attributes", "has_tags"]
    )
    assert recorder.events
    for each in recorder.events:
        assert list(each.told) == names
        assert each.told["attributes"] == [GOLD]
