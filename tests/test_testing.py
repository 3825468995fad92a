"""The helpers for a site's own tests."""

from __future__ import annotations

import asyncio
import threading
import unittest

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncRequestFactory

from django_vwo.client import Client, get_client
from django_vwo.engine.events import Kind
from django_vwo.recorders.base import Recorder
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.testing import override_feature, override_variation, recorded_events
from django_vwo.visitors import RequestClient

from .conftest import Configure
from .documents import document

pytestmark = pytest.mark.django_db

MEMORY = {"BACKEND": "django_vwo.recorders.memory.MemoryRecorder"}
VISITORS = [f"visitor-{number}" for number in range(20)]


def variations() -> set[str | None]:
    return {get_client().activate("pricing-page", user_id) for user_id in VISITORS}


def test_everybody_gets_the_variation_and_afterwards_their_own(site: Configure) -> None:
    with override_variation("pricing-page", "Variation-1"):
        assert variations() == {"Variation-1"}
    assert variations() == {"Control", "Variation-1"}


def test_nobody_takes_part(site: Configure) -> None:
    with override_variation("pricing-page", None):
        assert variations() == {None}
        assert get_client().track("pricing-page", "alice", "signup") == {"pricing-page": False}


def test_no_document_and_no_campaign_is_needed() -> None:
    assert variations() == {None}
    with override_variation("pricing-page", "Cards", goals=["checkout"]):
        assert variations() == {"Cards"}
        assert get_client().track(None, "alice", "checkout", revenue_value=12) == {
            "pricing-page": True
        }
    assert variations() == {None}


def test_a_variation_that_the_campaign_does_not_have_is_a_mistake(site: Configure) -> None:
    expected = "no variation 'Variation-2'; expected one of 'Control', 'Variation-1'"
    with pytest.raises(LookupError, match=expected):
        override_variation("pricing-page", "Variation-2").enable()
    assert len(variations()) == 2


def test_a_feature_is_on_with_its_variables(site: Configure) -> None:
    vwo = get_client()
    with override_feature("new-nav", variables={"columns": 5}):
        assert vwo.is_feature_enabled("new-nav", "alice") is True
        assert vwo.get_feature_variable_value("new-nav", "columns", "alice") == 5
        assert vwo.get_feature_variable_value("new-nav", "colour", "alice") == "<b>red</b>"
    assert vwo.get_feature_variable_value("new-nav", "columns", "alice") is None, "never shown"


def test_an_overridden_variation_of_a_feature_test_is_the_features(site: Configure) -> None:
    vwo = get_client()
    names = {each.name: each for each in vwo.campaigns.campaigns["new-nav"].variations.values()}
    for name, variation in names.items():
        with override_variation("new-nav", name):
            assert vwo.get_variation_name("new-nav", "alice") == name
            assert vwo.is_feature_enabled("new-nav", "alice") is variation.is_feature_enabled
            colour = vwo.get_feature_variable_value("new-nav", "colour", "alice")
            assert colour == variation.variables["colour"]


@pytest.mark.parametrize("key", ["new-nav", "dark-mode", "not-in-the-document"])
def test_a_feature_is_on_or_off(site: Configure, key: str) -> None:
    for enabled in (True, False):
        with override_feature(key, enabled=enabled):
            assert get_client().is_feature_enabled(key, "alice") is enabled


def test_overrides_nest_and_the_inner_one_counts(site: Configure) -> None:
    with override_variation("pricing-page", "Control"), override_feature("new-nav", enabled=False):
        with override_variation("pricing-page", "Variation-1"):
            assert variations() == {"Variation-1"}
            assert not get_client().is_feature_enabled("new-nav", "alice")
        assert variations() == {"Control"}


def test_other_campaigns_stay_as_they_are(site: Configure) -> None:
    with override_variation("something-else", "A"):
        assert variations() == {"Control", "Variation-1"}


def test_nothing_is_remembered_of_it(site: Configure) -> None:
    own = get_client().explain("pricing-page", "alice").variation
    assert own
    other = "Control" if own.name == "Variation-1" else "Variation-1"
    with override_variation("pricing-page", other):
        assert get_client().activate("pricing-page", "alice") == other
    assert get_client().activate("pricing-page", "alice") == own.name


def test_it_ends_when_the_block_fails(site: Configure) -> None:
    with pytest.raises(ZeroDivisionError), override_variation("pricing-page", "Control"):
        _ = 1 / 0
    assert len(variations()) == 2


@override_variation("pricing-page", "Variation-1")
def test_it_decorates_functions(site: Configure) -> None:
    assert variations() == {"Variation-1"}


def test_it_decorates_coroutine_functions(site: Configure) -> None:
    @override_variation("pricing-page", "Control")
    async def decorated() -> str | None:
        request = AsyncRequestFactory().get("/")
        return await RequestClient(request).aactivate("pricing-page")

    assert async_to_sync(decorated)() == "Control"


def test_it_decorates_test_cases(site: Configure) -> None:
    @override_variation("pricing-page", "Control")
    class Decorated(unittest.TestCase):
        def test_one(self) -> None:
            assert variations() == {"Control"}

        def test_another(self) -> None:
            assert variations() == {"Control"}

    for name in ("test_one", "test_another"):
        result = unittest.TestResult()
        Decorated(name).run(result)
        assert result.wasSuccessful(), result.failures + result.errors
    assert len(variations()) == 2


def test_tasks_do_not_see_each_others() -> None:
    """Each of two tasks overrides while the other one's override is in force."""

    async def overridden(variation: str, barrier: asyncio.Barrier) -> str | None:
        vwo = Client(document(), recorder=MemoryRecorder())
        with override_variation("pricing-page", variation):
            await barrier.wait()
            found = await vwo.aactivate("pricing-page", "alice")
            await barrier.wait()
        return found

    async def both() -> list[str | None]:
        barrier = asyncio.Barrier(2)
        names = ("Control", "Variation-1")
        return await asyncio.gather(*(overridden(name, barrier) for name in names))

    assert asyncio.run(both()) == ["Control", "Variation-1"]


def test_other_threads_do_not_see_it(site: Configure) -> None:
    vwo = Client(document(), recorder=MemoryRecorder())
    seen: list[str | None] = []

    def look() -> None:
        seen.extend(vwo.activate("pricing-page", user_id) for user_id in VISITORS)

    with override_variation("pricing-page", "Control"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert set(seen) == {"Control", "Variation-1"}


def test_settings_may_change_inside(site: Configure) -> None:
    with override_variation("pricing-page", "Control"):
        site(RECORDER=MEMORY)
        assert variations() == {"Control"}


@pytest.mark.parametrize("recorder", ["memory", "outbox"])
def test_what_was_recorded_is_read(site: Configure, recorder: str) -> None:
    if recorder == "memory":
        site(RECORDER=MEMORY)
    assert recorded_events() == []
    with override_variation("pricing-page", "Control"):
        get_client().activate("pricing-page", "alice")
        get_client().track("pricing-page", "alice", "checkout", revenue_value=12.5)
    impression, conversion = recorded_events()
    assert impression.kind is Kind.IMPRESSION
    assert (impression.campaign_key, impression.variation_name) == ("pricing-page", "Control")
    assert conversion.kind is Kind.CONVERSION
    assert (conversion.goal_identifier, conversion.revenue) == ("checkout", 12.5)


class Elsewhere(Recorder):
    def record(self, events: object) -> None:
        pass


def test_a_recorder_that_cannot_be_read_is_named(site: Configure) -> None:
    site(RECORDER={"BACKEND": f"{__name__}.Elsewhere"})
    with pytest.raises(TypeError, match="What Elsewhere recorded cannot be read back"):
        recorded_events()
