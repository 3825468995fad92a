"""The oracle itself: whether what it says of the official SDK can be believed."""

from __future__ import annotations

import math
import sys

import pytest

from .documents import campaign, document, goal, plain
from .oracle import Call, Oracle, OracleError, RefusedError, Session, run

pytestmark = pytest.mark.conformance


def test_known_answer_of_the_official_sdk(oracle: Oracle) -> None:
    sdk = oracle.launch(document(campaign("pricing", 11)), storage=True)
    answer = sdk.call("activate", "pricing", "Bob")
    [request] = answer.sent
    assert answer.result == "Control"
    assert answer.stored == [
        {"userId": "Bob", "campaignKey": "pricing", "variationName": "Control"}
    ]
    assert request["url"] == "https://dev.visualwebsiteoptimizer.com/server-side/track-user"
    assert request["params"]["u"] == "DE7192C1C05253EAA1EC0B07F8F16D82"
    assert (request["params"]["experiment_id"], request["params"]["combination"]) == (11, 1)


def test_rendered_request_is_what_goes_over_the_wire(oracle: Oracle) -> None:
    [request] = oracle.launch(plain()).call("activate", "everyone", "Zoë", rendered=True).sent
    assert "ed=%7B%22p%22%3A+%22server%22%7D" in request["rendered"]["url"]
    assert request["rendered"]["headers"]["User-Agent"] == "vwo-python-sdk"
    assert request["rendered"]["body"] is None


def test_batched_events_are_seen_when_they_are_sent(oracle: Oracle) -> None:
    sdk = oracle.launch(plain(), options={"batch_events": {"events_per_request": 2}})
    counts = [len(sdk.call("activate", "everyone", name).sent) for name in ("a", "b", "c")]
    assert counts == [0, 1, 0]
    [rest] = sdk.call("flush_events", "sync").sent
    assert [event["eT"] for event in rest["body"]["ev"]] == [1]


def test_two_launches_share_nothing(oracle: Oracle) -> None:
    european = oracle.launch(plain(collectionPrefix="eu01"), storage=True)
    american = oracle.launch(plain())
    for sdk, part in ((european, "/eu01/"), (american, ".com/server-side/"), (european, "/eu01/")):
        [request] = sdk.call("push", "plan", "gold", "Bob").sent
        assert part in request["url"]
    assert "ss" in european.call("activate", "everyone", "Bob").sent[0]["params"]
    assert "ss" not in american.call("activate", "everyone", "Bob").sent[0]["params"]


def test_each_session_starts_with_its_own_records(oracle: Oracle) -> None:
    record = {"userId": "Bob", "campaignKey": "everyone", "variationName": "Variation-1"}
    call = Call(method="get_variation_name", args=("everyone", "Bob"))
    sdk = oracle.launch(plain(), storage=True)
    [[known], [stranger]] = sdk.sessions(
        [Session(calls=[call], records=[record]), Session(calls=[call])]
    )
    assert (known.result, stranger.result) == ("Variation-1", None)


def test_values_that_json_lacks_arrive(oracle: Oracle) -> None:
    revenue_goal = [goal("purchase", 1, "REVENUE_TRACKING")]
    sdk = oracle.launch(document(campaign("c", 11, goals=revenue_goal)))
    [request] = sdk.call("track", "c", "Bob", "purchase", revenue_value=math.nan).sent
    assert math.isnan(request["params"]["r"])
    assert sdk.call("track", ("c",), "Bob", "purchase").result is None
    assert sdk.call("track", ["c"], "Bob", "purchase").result == {"c": False}
    answer = sdk.call("activate", "c", "\ud800")
    assert (answer.result, answer.error) == (None, "UnicodeEncodeError")


def test_exceptions_that_the_sdk_hides_are_named(oracle: Oracle) -> None:
    broken = document(campaign("no-arms", 11, {}), campaign("bad", 12, segments={"user": 5}))
    sdk = oracle.launch(broken)
    assert sdk.call("activate", "no-arms", "Bob").error == "AttributeError"
    assert sdk.call("activate", "bad", "Bob").swallowed == [
        "AttributeError in evaluate_pre_segmentation"
    ]


def test_refresh_replaces_the_document(oracle: Oracle) -> None:
    sdk = oracle.launch(document(campaign("old", 11)))
    assert sdk.refresh(document(campaign("new", 12))).error is None
    assert sdk.call("activate", "old", "Bob").result is None
    assert sdk.call("activate", "new", "Bob").result is not None


def test_a_document_that_is_refused_is_told_from_one_that_crashes(oracle: Oracle) -> None:
    with pytest.raises(RefusedError) as refused:
        oracle.launch("[]")
    assert refused.value.args == (None,)


def test_a_process_that_died_is_reported() -> None:
    with Oracle() as oracle:
        sdk = oracle.launch(plain())
        assert oracle.process is not None
        oracle.process.kill()
        with pytest.raises(OracleError, match="ended with status -9"):
            sdk.call("activate", "everyone", "Bob")


def test_the_end_of_a_failed_installation_is_shown() -> None:
    script = "print('a long story'); print('no matching distribution'); raise SystemExit(3)"
    with pytest.raises(OracleError, match=r"status 3\.\n(.|\n)*no matching distribution"):
        run(sys.executable, "-c", script)
