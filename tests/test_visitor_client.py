"""A client that knows its visitor: the same answers, asked for with less."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from django_vwo.calls import TrackResult
from django_vwo.client import Client
from django_vwo.engine.entities import Reason
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.memory import MemoryStorage
from django_vwo.visitor_client import VisitorClient
from tests.backends import CountingStorage
from tests.builders import campaign, document, feature_test, split, variation

SITE = document(
    campaign(variations=split(0, 100)),
    feature_test(variations=[variation(2, "On", 100, isFeatureEnabled=True)]),
)


class Guest(VisitorClient):
    """A visitor with an id, a browser and an address."""

    def __init__(self, client: Client, user_id: str | None = "Bob") -> None:
        super().__init__(lambda: client)
        self.given = user_id
        self.asked = 0

    def identify(self) -> str | None:
        self.asked += 1
        return self.given

    @property
    def user_agent(self) -> str:
        return "Browser/1"

    @property
    def ip_address(self) -> str:
        return "192.0.2.7"


@pytest.fixture
def client() -> Client:
    return Client(SITE, storage=CountingStorage(MemoryStorage()))


def recorded(client: Client) -> list[Any]:
    assert isinstance(client.recorder, MemoryRecorder)
    return client.recorder.events


def test_each_call_is_about_the_visitor(client: Client) -> None:
    guest = Guest(client)

    assert guest.activate("test", custom_properties={"page": "/"}) == "Variation-1"
    assert guest.get_variation_name("test") == "Variation-1"
    assert guest.is_feature_enabled("feature") is True
    assert guest.get_feature_variable_value("feature", "colour") is None
    assert guest.track("signup") == {"test": True, "feature": True}
    assert guest.track("purchase", "test", revenue_value=5) == {"test": True}
    assert guest.track("purchase", ["feature"], revenue_value=5) == {"feature": True}
    assert guest.push("plan", "gold") is True
    assert guest.push({"plan": "gold"}) is True
    assert guest.explain("test").reason is Reason.STORED

    events = recorded(client)
    assert [event.kind.name for event in events] == [
        *("IMPRESSION", "IMPRESSION", "CONVERSION", "CONVERSION", "CONVERSION", "CONVERSION"),
        *("PUSH", "PUSH"),
    ]
    assert {event.user_id for event in events} == {"Bob"}
    assert {(event.user_agent, event.ip_address) for event in events[:6]} == {
        ("Browser/1", "192.0.2.7")
    }
    assert events[0].custom_properties == {"page": "/"}
    assert guest.asked == 1


def test_the_visitors_assignments_are_read_once(client: Client) -> None:
    guest = Guest(client)

    for _ in range(3):
        guest.activate("test")
        guest.get_variation_name("test")
        guest.is_feature_enabled("feature")
        guest.explain("test")

    assert isinstance(client.storage, CountingStorage)
    assert client.storage.reads == [None]


def test_without_consent_nothing_is_decided_or_kept(client: Client) -> None:
    nobody = Guest(client, None)

    assert nobody.activate("test") is None
    assert nobody.get_variation_name("test") is None
    assert nobody.is_feature_enabled("feature") is False
    assert nobody.get_feature_variable_value("feature", "colour") is None
    assert nobody.push("plan", "gold") is False
    assert nobody.explain("test").reason is Reason.NO_CONSENT
    result = nobody.track("signup")
    assert isinstance(result, TrackResult)
    assert (dict(result), bool(result)) == ({}, False)

    assert recorded(client) == []
    assert isinstance(client.storage, CountingStorage)
    assert client.storage.reads == []
    assert nobody.asked == 1


def test_without_a_client_to_ask_the_visitor_is_still_safe(client: Client) -> None:
    stateless = Guest(Client(SITE))
    empty = Guest(Client(lambda: None))

    assert stateless.activate("test") == "Variation-1"
    assert empty.activate("test") is None
    assert empty.track("signup") is None


def test_async_twins(client: Client) -> None:
    guest = Guest(client)

    async def visit() -> list[Any]:
        return [
            await guest.aactivate("test"),
            await guest.aget_variation_name("test"),
            await guest.ais_feature_enabled("feature"),
            await guest.aget_feature_variable_value("feature", "colour"),
            await guest.atrack("signup", "test"),
            await guest.apush({"plan": "gold"}),
            (await guest.aexplain("test")).reason,
        ]

    assert asyncio.run(visit()) == [
        *("Variation-1", "Variation-1", True, None, {"test": True}, True, Reason.STORED)
    ]


def test_what_is_not_said_of_a_visitor_is_empty(client: Client) -> None:
    class Shy(VisitorClient):
        def identify(self) -> str | None:
            return "Bob"

    Shy(lambda: client).activate("test")

    assert (recorded(client)[0].user_agent, recorded(client)[0].ip_address) == ("", "")
