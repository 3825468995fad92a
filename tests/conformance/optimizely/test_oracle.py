"""The oracle itself: whether what it says of Optimizely's SDKs can be believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.oracle import Call, OracleError

from .comparison import Comparison, until
from .generated_plays import Play, plays
from .official import GENERATIONS, MISSION, TODAY, OfficialSDK
from .outcomes import OfficialSide, Performed, visitors_told
from .products import datafile, everybody, play_of
from .shrinking import shrunk

pytestmark = pytest.mark.conformance

SITE = datafile([everybody("10"), everybody("11")])


def call(method: str, *args: object) -> Call:
    return Call(method=method, args=args)


def test_known_answers_of_the_sdk(sdk: OfficialSDK) -> None:
    calls = [call("activate", "e10", "Bob"), call("track", "buy", "Bob", None, {"revenue": 5})]
    shown, tracked = sdk.perform(SITE, calls, profiles={}).answers
    assert (shown.result, shown.error) == ("a", None)
    assert shown.saved == {
        "Bob": {"user_id": "Bob", "experiment_bucket_map": {"10": {"variation_id": "101"}}}
    }
    [request] = tracked.sent
    assert request["url"] == "https://logx.optimizely.com/v1/events"
    assert request["body"]["client_version"] == sdk.generation.environment.version
    [snapshot] = request["body"]["visitors"][0]["snapshots"]
    assert snapshot["events"][0]["revenue"] == 5
    assert ("decisions" in snapshot) is not sdk.generation.is_today


def test_what_was_saved_is_there_for_the_next(sdk: OfficialSDK) -> None:
    stored = {"user_id": "Bob", "experiment_bucket_map": {"10": {"variation_id": "102"}}}
    arms = [{"id": "101", "key": "a"}, {"id": "102", "key": "b"}]
    site = datafile([everybody("10", variations=arms)])
    known = sdk.perform(site, [call("activate", "e10", "Bob")], profiles={"Bob": stored})
    new = sdk.perform(site, [call("activate", "e10", "Bob")], profiles={})
    assert [each.answers[0].result for each in (known, new)] == ["b", "a"]


def test_values_that_json_lacks_arrive(sdk: OfficialSDK) -> None:
    calls = [call("activate", "e10", ("Bob",)), call("activate", "e10", "\ud800")]
    odd, lone = sdk.perform(SITE, calls).answers
    assert odd.result == (None if sdk.generation.is_today else "a")
    assert lone.error == "UnicodeEncodeError"


def test_a_datafile_may_change_in_todays_sdk() -> None:
    arms = [{"id": "101", "key": "a"}, {"id": "102", "key": "b"}]
    site = datafile([everybody("10", variations=arms)])
    forced = call("set_forced_variation", "e10", "Bob", "b")
    asked = call("get_variation", "e10", "Bob")
    with OfficialSDK(TODAY) as sdk:
        sdk.perform(site, [forced])
        later = sdk.perform({**site, "revision": "43"}, [asked], continues=True)
        anew = sdk.perform({**site, "revision": "44"}, [asked])
    assert [each.answers[0].result for each in (later, anew)] == ["b", "a"]


@pytest.mark.parametrize("document", ["[]", "", '{"version": "4"}', {**SITE, "events": None}])
def test_a_datafile_that_is_refused_is_told(sdk: OfficialSDK, document: object) -> None:
    assert sdk.perform(document).refused  # type: ignore[arg-type]


@pytest.mark.parametrize("generation", GENERATIONS, ids=str)
def test_a_process_that_died_is_reported(generation: object) -> None:
    with OfficialSDK(generation) as sdk:  # type: ignore[arg-type]
        assert sdk.process is not None
        sdk.process.kill()
        with pytest.raises(OracleError, match="ended with status -9"):
            sdk.perform(SITE)


def test_the_sdk_agrees_with_itself(sdk: OfficialSDK) -> None:
    with OfficialSDK(sdk.generation) as twin:
        for seed in range(10):
            comparison = Comparison(plays(seed, sdk.generation), sdk, OfficialSide(twin)).run()
            assert not comparison.disagreements, comparison.report()
            assert comparison.steps
            assert not comparison.excused


class Forgetful(OfficialSide):
    """The SDK, if it had no events."""

    def perform(self, *args: object, **kwargs: object) -> Performed:
        performed = super().perform(*args, **kwargs)  # type: ignore[arg-type]
        outcomes = [replace(each, told=each.told[:-1]) for each in performed.outcomes]
        return replace(performed, outcomes=outcomes)


def test_a_play_that_disagrees_is_made_small() -> None:
    with OfficialSDK(MISSION) as sdk, OfficialSDK(MISSION) as twin:

        def compared(play: Play) -> Comparison:
            return Comparison(play, sdk, Forgetful(twin)).run()

        many = [call("get_variation", "e10", "Bob"), *[call("activate", "e10", "Bob")] * 5]
        first = compared(play_of(SITE, many))
        [found] = first.disagreements
        assert (found.method, first.steps) == ("activate", 2)
        small = shrunk(until(first.play, found), lambda play: bool(compared(play).disagreements))
    [act] = small.acts
    assert [str(each) for each in act.calls] == ["activate('e10', 'Bob')"]
    assert len(act.document["experiments"]) == 1


def test_what_differs_by_chance_alone_is_left_out_and_nothing_else(sdk: OfficialSDK) -> None:
    once, twice = sdk.perform(SITE, [call("activate", "e10", "Bob")] * 2).answers
    assert once.sent != twice.sent
    assert [*map(visitors_told, once.sent)] == [*map(visitors_told, twice.sent)]
    [other] = sdk.perform({**SITE, "revision": "43"}, [call("activate", "e10", "Bob")]).answers
    assert [*map(visitors_told, once.sent)] != [*map(visitors_told, other.sent)]
