"""The bare client: what each call answers, remembers and records."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from django_vwo.calls import TrackResult
from django_vwo.client import Client
from django_vwo.engine.entities import Assignment, Reason, Visitor
from django_vwo.engine.errors import (
    CampaignError,
    DocumentError,
    RevenueError,
    UsageError,
)
from django_vwo.engine.events import Event, Kind
from django_vwo.recorders.base import Recorder
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.base import UserStorage, Writing
from django_vwo.storages.memory import MemoryStorage
from tests.backends import CountingStorage, LaggingStorage
from tests.builders import (
    SDK_KEY,
    Json,
    campaign,
    custom,
    document,
    feature_test,
    goal,
    grouped,
    loaded,
    rollout,
    split,
    variable,
    variation,
    whitelisting,
)

NOON = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)
MESSAGE_ID = UUID("12345678-1234-4234-8234-123456789abc")
BOB = "bob@example.com"


@dataclass(frozen=True)
class Site:
    """A client with the memory twins of what it writes to."""

    client: Client
    recorder: MemoryRecorder
    storage: MemoryStorage | None

    @property
    def kinds(self) -> list[str]:
        """What was recorded, in order."""
        return [event.kind.name for event in self.recorder.events]

    def remembered(self, user_id: str = BOB) -> Mapping[str, Assignment]:
        """What user storage has of a visitor."""
        return self.storage.assignments.get(user_id, {}) if self.storage else {}

    def remember(self, user_id: str = BOB, goals: Sequence[str] = (), **variations: str) -> None:
        """Put assignments into user storage: campaign key to the name of its variation."""
        assert self.storage is not None
        self.storage.assignments[user_id] = {
            key: Assignment(name, frozenset(goals)) for key, name in variations.items()
        }


def site(*campaigns: Json, storage: bool = True, whole: Json | None = None, **options: Any) -> Site:
    """Return a client of a document of *campaigns*, or of the *whole* document."""
    kept = MemoryStorage() if storage else None
    recorder = MemoryRecorder()
    client = Client(
        whole or document(*campaigns),
        storage=kept,
        recorder=recorder,
        clock=lambda: NOON,
        new_message_id=lambda: MESSAGE_ID.int,
        **options,
    )
    return Site(client, recorder, kept)


def test(**fields: Any) -> Json:
    """Return an A/B test in which everybody sees Variation-1."""
    return campaign(**{"variations": split(0, 100), **fields})


test.__test__ = False  # type: ignore[attr-defined]


# --- Campaign types ----------------------------------------------------------------------------

TYPES = {
    "A/B test": test(key="c"),
    "feature test": feature_test(
        "c",
        variations=[
            variation(
                2,
                "Variation-1",
                100,
                isFeatureEnabled=True,
                variables=[variable("v", "string", "x")],
            )
        ],
    ),
    "rollout": rollout("c", variables=[variable("v", "string", "x")], goals=[goal("signup", 1)]),
    "unknown": {**test(key="c"), "type": "BANNER", "variables": [variable("v", "string", "x")]},
}


@pytest.mark.parametrize("storage", [True, False], ids=["storage", "stateless"])
@pytest.mark.parametrize(
    ("kind", "activate", "variation_name", "is_enabled", "value", "tracked"),
    [
        ("A/B test", "Variation-1", "Variation-1", False, None, True),
        ("feature test", None, "Variation-1", True, "x", True),
        ("rollout", None, None, True, "x", False),
        ("unknown", None, "Variation-1", True, None, True),
    ],
)
def test_each_call_takes_its_types_of_campaign(
    kind: str,
    activate: str | None,
    variation_name: str | None,
    is_enabled: bool,
    value: str | None,
    tracked: bool,
    storage: bool,
) -> None:
    def answers(call: Callable[[Client], Any]) -> Any:
        own = site(TYPES[kind], storage=storage)
        if storage:
            own.remember(c="Control" if kind == "rollout" else "Variation-1")
        return call(own.client)

    assert answers(lambda client: client.activate("c", BOB)) == activate
    assert answers(lambda client: client.get_variation_name("c", BOB)) == variation_name
    assert answers(lambda client: client.is_feature_enabled("c", BOB)) is is_enabled
    assert answers(lambda client: client.get_feature_variable_value("c", "v", BOB)) == value
    assert answers(lambda client: client.track("c", BOB, "signup")) == {"c": tracked}


@pytest.mark.parametrize("call", ["activate", "is_feature_enabled"])
@pytest.mark.parametrize("kind", ["A/B test", "feature test", "rollout"])
def test_a_campaign_of_the_wrong_type_leaves_no_trace(
    call: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    if (call == "activate") == (kind == "A/B test"):
        return
    own = site(TYPES[kind])

    assert not getattr(own.client, call)("c", BOB)

    assert (own.kinds, own.remembered()) == ([], {})
    said = {"A/B test": "A/B test", "rollout": "feature rollout"}.get(kind, kind)
    assert f"{call}: campaign 'c' is of the wrong type ({said})." in caplog.text


# --- Activation --------------------------------------------------------------------------------


def test_an_impression_tells_who_saw_what_and_when() -> None:
    own = site(test())

    answer = own.client.activate(
        "test",
        BOB,
        user_agent="Browser/1",
        user_ip_address="192.0.2.7",
        custom_properties={"page": "/"},
    )

    assert answer == "Variation-1"
    assert own.recorder.events == [
        Event(
            kind=Kind.IMPRESSION,
            message_id=MESSAGE_ID.int,
            occurred_at=NOON,
            account_id="123456",
            user_id=BOB,
            visitor=loaded(document()).visitor_key(BOB),
            campaign_id="10",
            campaign_key="test",
            variation_id="2",
            variation_name="Variation-1",
            unique_key="IMPRESSION\0test\0Variation-1\0",
            custom_properties={"page": "/"},
            user_agent="Browser/1",
            ip_address="192.0.2.7",
        )
    ]
    assert own.remembered() == {"test": Assignment("Variation-1")}


@pytest.mark.parametrize("given", [{}, [], 0, False, "x", 5.5], ids=repr)
def test_custom_properties_go_with_an_impression_as_they_are(given: object) -> None:
    own = site(test())

    assert own.client.activate("test", BOB, custom_properties=given) == "Variation-1"

    assert own.recorder.events[0].custom_properties == given


@pytest.mark.parametrize(("call", "key"), [("activate", "test"), ("is_feature_enabled", "feature")])
def test_an_impression_is_recorded_once_with_storage_and_each_time_without(
    call: str, key: str
) -> None:
    kept, stateless = (site(test(), feature_test(), storage=storage) for storage in (True, False))
    for own in (kept, stateless):
        for _ in range(3):
            getattr(own.client, call)(key, BOB)

    assert kept.kinds == ["IMPRESSION"]
    assert stateless.kinds == ["IMPRESSION"] * 3
    assert {event.unique_key for event in stateless.recorder.events} == {None}


def test_who_is_outside_leaves_no_trace() -> None:
    own = site(test(percentTraffic=0), feature_test(percentTraffic=0))

    assert own.client.activate("test", BOB) is None
    assert own.client.is_feature_enabled("feature", BOB) is False
    assert own.client.track("test", BOB, "signup") == {"test": False}
    assert own.client.get_feature_variable_value("feature", "colour", BOB) is None

    assert (own.kinds, own.remembered()) == ([], {})


def test_a_remembered_variation_outlives_the_weights() -> None:
    own = site(test())
    own.remember(test="Control")

    assert own.client.activate("test", BOB) == "Control"
    assert own.kinds == []


def test_a_feature_that_is_off_is_still_an_impression() -> None:
    off = variation(1, "Off", 100, isFeatureEnabled=False)
    own = site(feature_test(variations=[off]))

    assert own.client.is_feature_enabled("feature", BOB) is False
    assert own.kinds == ["IMPRESSION"]


def test_a_feature_that_does_not_say_whether_it_is_on_is_off() -> None:
    own = site(feature_test(variations=split(100)))

    assert own.client.is_feature_enabled("feature", BOB) is False


def test_a_new_visitor_has_the_variation_they_fell_into_though_another_has_its_name() -> None:
    off, on = variation(1, "Same", 0, isFeatureEnabled=False), variation(2, "Same", 100)
    own = site(feature_test(variations=[off, {**on, "isFeatureEnabled": True}]))

    assert own.client.is_feature_enabled("feature", BOB) is True
    assert own.client.is_feature_enabled("feature", BOB) is False


def test_reading_needs_an_activation_and_records_nothing() -> None:
    own = site(test(), feature_test())

    assert own.client.get_variation_name("test", BOB) is None
    assert own.client.get_feature_variable_value("feature", "colour", BOB) is None
    assert (own.kinds, own.remembered()) == ([], {})

    own.remember(test="Control", feature="Variation-1")
    assert own.client.get_variation_name("test", BOB) == "Control"
    assert own.client.get_feature_variable_value("feature", "colour", BOB) == "red"
    assert own.kinds == []


def test_reading_without_storage_decides() -> None:
    own = site(test(), feature_test(percentTraffic=100), storage=False)

    assert own.client.get_variation_name("test", BOB) == "Variation-1"
    assert own.client.get_feature_variable_value("feature", "colour", BOB) in ("blue", "red")
    assert own.kinds == []


def test_activation_may_not_be_required() -> None:
    own = site(test(), require_activation=False)

    assert own.client.get_variation_name("test", BOB) == "Variation-1"
    assert own.remembered() == {"test": Assignment("Variation-1")}
    assert own.client.track("test", BOB, "signup") == {"test": True}
    # Whoever is remembered first is announced, or VWO would never hear of the visit.
    assert own.kinds == ["IMPRESSION", "CONVERSION"]


CALLS: dict[str, Callable[[Client], Any]] = {
    "activate": lambda client: client.activate("test", BOB),
    "get_variation_name": lambda client: client.get_variation_name("test", BOB),
    "track": lambda client: client.track("test", BOB, "signup"),
    "is_feature_enabled": lambda client: client.is_feature_enabled("feature", BOB),
    "get_feature_variable_value": lambda client: client.get_feature_variable_value(
        "feature", "colour", BOB
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_gone_variation_is_replaced_and_the_new_one_announced(name: str) -> None:
    own = site(test(), feature_test())
    own.remember(test="Gone", feature="Gone", goals=["purchase"])

    CALLS[name](own.client)

    key = "feature" if "feature" in name else "test"
    announced = own.recorder.events[0]
    assert announced.kind is Kind.IMPRESSION
    assert announced.unique_key == f"IMPRESSION\0{key}\0{announced.variation_name}\0"
    goals = frozenset({"signup"} if name == "track" else ())
    assert own.remembered()[key] == Assignment(announced.variation_name, goals)
    assert own.kinds == ["IMPRESSION", *(["CONVERSION"] if name == "track" else [])]


def test_a_goal_of_a_gone_variation_is_not_tracked_again_nor_anything_decided() -> None:
    own = site(test())
    own.remember(test="Gone", goals=["signup"])

    assert own.client.track("test", BOB, "signup") == {"test": False}
    assert (own.kinds, own.remembered()["test"].variation) == ([], "Gone")


def test_the_one_who_assigned_first_wins() -> None:
    class Contested(MemoryStorage):
        """Another process is always a moment faster."""

        def writing(self) -> AbstractContextManager[Writing]:
            self.assignments[BOB] = {"test": Assignment("Control")}
            return super().writing()

    recorder = MemoryRecorder()
    client = Client(document(test()), storage=Contested(), recorder=recorder)
    session = client.session(BOB)

    assert client.activate("test", BOB, session=session) == "Control"
    assert client.get_variation_name("test", BOB, session=session) == "Control"
    assert recorder.events == []


# --- Bandits and whitelisting ------------------------------------------------------------------


def test_a_bandit_without_storage_answers_nothing() -> None:
    own = site(test(isMAB=True), feature_test(isMAB=True), storage=False)

    assert own.client.activate("test", BOB) is None
    assert own.client.is_feature_enabled("feature", BOB) is False
    assert own.client.track("test", BOB, "signup") == {"test": False}
    assert own.client.get_variation_name("test", BOB) == "Variation-1"
    assert own.client.get_feature_variable_value("feature", "colour", BOB) in ("red", "blue")
    assert own.kinds == []


def test_a_bandit_with_storage_is_a_campaign_like_others() -> None:
    own = site(test(isMAB=True))

    assert own.client.activate("test", BOB) == "Variation-1"


def test_a_whitelisted_visitor_is_sent_each_time_and_never_remembered() -> None:
    own = site(whitelisting("Control", "x"))
    own.remember(test="Variation-1", goals=["signup"])
    listed = {"variation_targeting_variables": {"whitelist": "x"}}

    for _ in range(2):
        assert own.client.activate("test", BOB, **listed) == "Control"
        assert own.client.track("test", BOB, "signup", **listed) == {"test": True}
        assert own.client.get_variation_name("test", BOB, **listed) == "Control"

    assert own.kinds == ["IMPRESSION", "CONVERSION"] * 2
    assert {event.unique_key for event in own.recorder.events} == {None}
    assert own.remembered() == {"test": Assignment("Variation-1", frozenset({"signup"}))}


def test_a_group_keeps_its_campaigns_apart() -> None:
    one = {**test(), "key": "one", "id": 10}
    two = {**test(), "key": "two", "id": 11}
    own = site(whole=grouped(one, two))

    activated = [own.client.activate(key, BOB) for key in ("one", "two", "one")]

    assert sorted(map(str, activated[:2])) == ["None", "Variation-1"]
    assert own.kinds == ["IMPRESSION"]


# --- Tracking ----------------------------------------------------------------------------------


def test_a_conversion_tells_what_was_reached() -> None:
    revenue_goal = goal("buy", 33, "REVENUE_TRACKING", revenueProp="total")
    own = site(test(goals=[revenue_goal]))
    own.remember(test="Variation-1")

    result = own.client.track(
        "test", BOB, "buy", revenue_value=12.5, user_agent="Browser/1", user_ip_address="192.0.2.7"
    )

    assert result == {"test": True}
    assert isinstance(result, TrackResult)
    assert own.recorder.events == [
        Event(
            kind=Kind.CONVERSION,
            message_id=MESSAGE_ID.int,
            occurred_at=NOON,
            account_id="123456",
            user_id=BOB,
            visitor=loaded(document()).visitor_key(BOB),
            campaign_id="10",
            campaign_key="test",
            variation_id="2",
            variation_name="Variation-1",
            goal_id="33",
            goal_identifier="buy",
            goal_type="REVENUE_TRACKING",
            revenue=12.5,
            unique_key="CONVERSION\0test\0Variation-1\0buy",
            user_agent="Browser/1",
            ip_address="192.0.2.7",
        )
    ]
    assert own.remembered() == {"test": Assignment("Variation-1", frozenset({"buy"}))}


def test_only_who_was_activated_converts() -> None:
    own = site(test())

    assert own.client.track("test", BOB, "signup") == {"test": False}
    own.client.activate("test", BOB)
    assert own.client.track("test", BOB, "signup") == {"test": True}
    assert own.kinds == ["IMPRESSION", "CONVERSION"]


def test_without_storage_everybody_converts_each_time() -> None:
    own = site(test(), storage=False)

    assert [bool(own.client.track("test", BOB, "signup")) for _ in range(3)] == [True] * 3
    assert {event.unique_key for event in own.recorder.events} == {None}


@pytest.mark.parametrize(
    ("fields", "options", "launch", "second"),
    [
        ({}, {}, {}, False),
        ({"mca": -1}, {}, {}, True),
        ({"hasProps": True}, {}, {}, True),
        ({}, {"should_track_returning_user": True}, {}, True),
        ({}, {}, {"track_returning_users": True}, True),
        ({}, {"should_track_returning_user": False}, {"track_returning_users": True}, False),
        ({}, {"should_track_returning_user": None}, {"track_returning_users": True}, True),
        ({"mca": -1}, {"should_track_returning_user": False}, {}, True),
    ],
)
def test_a_goal_counts_once_unless_it_may_repeat(
    fields: Json, options: Json, launch: Json, second: bool
) -> None:
    own = site(test(goals=[goal("signup", 21, **fields)]), **launch)
    own.remember(test="Variation-1")

    results = [own.client.track("test", BOB, "signup", **options) for _ in range(2)]

    assert results == [{"test": True}, {"test": second}]
    assert own.remembered()["test"].goals == {"signup"}
    unique = own.recorder.events[0].unique_key
    assert (unique is None) is second


def test_campaigns_that_share_a_key_count_a_goal_once() -> None:
    own = site(test(id=10), test(id=11))
    own.remember(test="Variation-1")

    assert own.client.track(None, BOB, "signup") == {"test": False}
    assert [event.campaign_id for event in own.recorder.events] == ["10"]
    assert own.remembered()["test"].goals == {"signup"}


def test_campaigns_that_share_a_key_are_entered_once_at_the_goal() -> None:
    own = site(test(id=10), test(id=11), require_activation=False)

    own.client.track(None, BOB, "signup")

    assert [each.campaign_id for each in own.recorder.events] == ["10", "10"]
    assert [each.kind.name for each in own.recorder.events] == ["IMPRESSION", "CONVERSION"]


def test_goals_count_apart_from_each_other() -> None:
    own = site(test(goals=[goal("a", 1), goal("a_vwo_b", 2), goal("b", 3)]))
    own.remember(test="Variation-1")

    for identifier in ("a_vwo_b", "a", "b"):
        assert own.client.track("test", BOB, identifier) == {"test": True}
        assert own.client.track("test", BOB, identifier) == {"test": False}
    assert own.remembered()["test"].goals == {"a", "a_vwo_b", "b"}


SHOP = (
    test(key="a", id=10),
    test(key="paused", id=11, status="PAUSED", goals=[goal("signup", 1), goal("asleep", 2)]),
    test(key="b", id=12, goals=[goal("signup", 99), goal("other", 98)]),
    test(key="without", id=13, goals=[]),
    rollout("rollout", 14, goals=[goal("signup", 77)]),
)


@pytest.mark.parametrize(
    ("specifier", "identifier", "result"),
    [
        ("a", "signup", {"a": True}),
        (None, "signup", {"a": True, "b": True, "rollout": False}),
        (["a", "b"], "signup", {"a": True, "b": True}),
        (["b", "a", "b"], "signup", {"b": True, "a": True}),
        (["without", "a"], "signup", {"without": False, "a": True}),
        (["paused", "zzz", "a"], "signup", {"a": True}),
        (["paused", "zzz"], "signup", {}),
        ([], "signup", {}),
        ([5, None, "b", ["a"], {}], "signup", {"b": True}),
        (["a", "b"], "other", {"a": False, "b": True}),
        ("rollout", "signup", {"rollout": False}),
        ("paused", "signup", None),
        ("zzz", "signup", None),
        ("without", "signup", None),
        ("a", "zzz", None),
        (None, "zzz", None),
        (None, "asleep", None),
    ],
)
def test_the_campaigns_that_are_meant(specifier: Any, identifier: str, result: Any) -> None:
    own = site(*SHOP, storage=False)

    answer = own.client.track(specifier, BOB, identifier)

    assert answer == result
    if answer is not None:
        assert list(answer) == list(result)
        assert bool(answer) is any(result.values())
        assert len(own.recorder.events) == sum(result.values())


def test_each_campaign_has_its_own_goal_of_the_name() -> None:
    own = site(*SHOP, storage=False)

    own.client.track(None, BOB, "signup")

    assert [(event.campaign_key, event.goal_id) for event in own.recorder.events] == [
        ("a", "21"),
        ("b", "99"),
    ]


UNKNOWN = "no campaign has the key that was given (3 characters)"


@pytest.mark.parametrize(
    ("specifier", "identifier", "said"),
    [
        ("paused", "signup", "track: campaign 'paused' is not running."),
        (["a", "paused"], "signup", "track: campaign 'paused' is not running."),
        (None, "asleep", "track: no campaign with goal 'asleep' runs."),
        ("zzz", "signup", f"track: {UNKNOWN}"),
        (["a", "zzz"], "signup", f"track: {UNKNOWN}"),
        ([5], "signup", "track: campaign_specifier (int) cannot be used; expected a list of keys."),
        ("a", "zzz", "track: campaign 'a' does not have the goal that was given (3 characters)"),
        (None, "zzz", "track: no running campaign has the goal that was given (3 characters)"),
        ("a", "purchase", "track: goal 'purchase' needs a revenue_value."),
    ],
)
def test_what_is_not_tracked_is_said(
    specifier: Any, identifier: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_vwo")

    site(*SHOP).client.track(specifier, BOB, identifier)

    untold = (message.partition("; known: ")[0] for message in caplog.messages)
    assert [message.rstrip(".") for message in untold] == [said.rstrip(".")]


def test_why_nothing_was_decided_is_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "django_vwo")

    own = site(test())
    own.client.track("test", BOB, "signup")
    own.client.get_variation_name("test", BOB)

    why = "campaign 'test': the visitor was never shown this campaign."
    assert caplog.messages == [f"track: {why}", f"get_variation_name: {why}"]


@pytest.mark.parametrize("launch", ["ALL", "CUSTOM_GOAL", "REVENUE_TRACKING"])
@pytest.mark.parametrize("given", [None, "ALL", "CUSTOM_GOAL", "REVENUE_TRACKING"])
def test_goals_of_the_wanted_type_are_tracked(launch: str, given: str | None) -> None:
    items = [goal("custom", 1), goal("revenue", 2, "REVENUE_TRACKING"), goal("weird", 3, "WEIRD")]
    own = site(test(goals=items), storage=False, goal_type_to_track=launch)
    wanted = given or launch

    def tracks(identifier: str) -> bool:
        options = {"revenue_value": 5, "goal_type_to_track": given}
        return bool(own.client.track("test", BOB, identifier, **options))

    assert tracks("custom") is (wanted != "REVENUE_TRACKING")
    assert tracks("revenue") is (wanted != "CUSTOM_GOAL")
    assert tracks("weird") is True


# --- Revenue -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (12, 12),
        (12.5, 12.5),
        (-3, -3),
        (1e20, 1e20),
        (10**20, 10**20),
        (1e-7, 1e-7),
        ("0", "0"),
        ("12.50", "12.50"),
        (" 12 ", " 12 "),
        ("1e3", "1e3"),
        (Decimal("12.50"), 12.5),
        (Decimal("12.00"), 12),
        (Decimal("1E+20"), 10**20),
        (Decimal("9" * 40), int("9" * 40)),
        (Decimal("-0.01"), -0.01),
    ],
    ids=repr,
)
def test_a_revenue_is_sent_as_it_is(value: Any, sent: Any) -> None:
    own = site(test(), storage=False)

    assert own.client.track("test", BOB, "purchase", revenue_value=value) == {"test": True}

    recorded = own.recorder.events[0].revenue
    assert (recorded, type(recorded)) == (sent, type(sent))


@pytest.mark.parametrize("value", [None, 0, 0.0, -0.0, "", Decimal(0), Decimal("0.00")], ids=repr)
def test_nothing_is_no_revenue(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    own = site(test(), storage=False)

    assert own.client.track("test", BOB, "purchase", revenue_value=value) == {"test": False}
    assert own.client.track("test", BOB, "signup", revenue_value=value) == {"test": True}

    assert own.recorder.events[0].revenue is None
    assert caplog.messages == ["track: goal 'purchase' needs a revenue_value."]


UNREADABLE = [
    *(float("nan"), float("inf"), float("-inf"), 10**400, True, False),
    *("abc", "12,50", "nan", "inf", "1e400", "12 €", " ", "\ud800", "9" * 10_000),
    *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+1000000")),
]


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: ascii(value)[:20])
def test_a_revenue_that_is_no_finite_number_is_refused_with_a_reason(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    own = site(test(), storage=False)

    assert own.client.track("test", BOB, "purchase", revenue_value=value) == {"test": False}
    assert own.client.track("test", BOB, "signup", revenue_value=value) == {"test": True}

    assert own.recorder.events[0].revenue is None
    said = f"track: revenue_value ({type(value).__name__}) cannot be used; "
    assert [each for each in caplog.messages if each.startswith(said)] == [
        said + "expected a finite number, or text that is one."
    ] * 2


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: ascii(value)[:20])
def test_an_unreadable_revenue_raises_in_development(value: Any) -> None:
    own = site(test(), storage=False, development_mode=True)

    with pytest.raises(RevenueError):
        own.client.track("test", BOB, "signup", revenue_value=value)
    assert own.kinds == []


@pytest.mark.parametrize("value", [[], [5], {}, {"a": 1}, (5,), b"5", object(), 5j], ids=type)
def test_a_revenue_of_another_type_makes_the_call_none(value: Any) -> None:
    own = site(test(), storage=False)

    assert own.client.track("test", BOB, "signup", revenue_value=value) is None
    assert own.kinds == []


@pytest.mark.parametrize(
    ("fields", "options", "tracked"),
    [
        ({"revenueProp": "total"}, {}, False),
        ({"revenueProp": "total"}, {"event_properties": {"total": 5}}, True),
        ({"revenueProp": "total"}, {"event_properties": {"total": None}}, True),
        ({"revenueProp": "total"}, {"event_properties": {"other": 5}}, False),
        ({"revenueProp": "total", "mca": -1}, {}, False),
        ({"mca": -1}, {}, True),
        ({}, {"event_properties": {None: 5}}, False),
        ({}, {"revenue_value": 5}, True),
    ],
)
@pytest.mark.parametrize("is_event_arch", [True, False])
def test_properties_may_hold_the_revenue_where_the_account_takes_them(
    fields: Json, options: Json, tracked: bool, is_event_arch: bool
) -> None:
    buy = goal("buy", 1, "REVENUE_TRACKING", **fields)
    own = site(whole=document(test(goals=[buy]), isEventArchEnabled=is_event_arch), storage=False)

    result = own.client.track("test", BOB, "buy", **options)

    assert result == {"test": tracked and (is_event_arch or "revenue_value" in options)}


def test_event_properties_travel_with_each_conversion() -> None:
    own = site(*SHOP, storage=False)
    properties = {"page": "/"}

    own.client.track(["a", "b"], BOB, "signup", event_properties=properties)
    properties["page"] = "changed later"

    assert [event.properties for event in own.recorder.events] == [{"page": "/"}] * 2


# --- Push --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "keywords", "pushed"),
    [
        (("plan", "gold", BOB), {}, {"plan": "gold"}),
        (("k" * 255, "é" * 255, BOB), {}, {"k" * 255: "é" * 255}),
        ((), {"tag_key": "plan", "tag_value": "gold", "user_id": BOB}, {"plan": "gold"}),
        (({"plan": "gold", "age": 5}, BOB), {}, {"plan": "gold", "age": 5}),
        (({"": ""}, BOB), {}, {"": ""}),
        (({"plan": [None, {}]}, BOB), {}, {"plan": [None, {}]}),
        (({"plan": "gold"},), {"user_id": BOB}, {"plan": "gold"}),
        ((), {"custom_dimension_map": {"plan": "gold"}, "user_id": BOB}, {"plan": "gold"}),
        ((MappingProxyType({"plan": "gold"}), BOB), {}, {"plan": "gold"}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_push_records_properties_of_the_visitor(args: Any, keywords: Json, pushed: Json) -> None:
    own = site()

    assert own.client.push(*args, **keywords) is True

    event = own.recorder.events[0]
    assert (event.kind, event.user_id, dict(event.properties)) == (Kind.PUSH, BOB, pushed)
    assert (event.campaign_id, event.unique_key, event.user_agent) == ("", None, "")


@pytest.mark.parametrize(
    ("args", "keywords", "said"),
    [
        ((), {}, "tag_key (str)"),
        (("plan", "gold"), {}, "user_id (str)"),
        (("plan", "", BOB), {}, "tag_value (str)"),
        (("", "gold", BOB), {}, "tag_key (str)"),
        (("plan", 5, BOB), {}, "tag_value (int)"),
        ((5, "gold", BOB), {}, "tag_key (int)"),
        ((None, "gold", BOB), {}, "tag_key (NoneType)"),
        (("k" * 256, "gold", BOB), {}, "tag_key (str)"),
        (("plan", "v" * 256, BOB), {}, "tag_value (str)"),
        (({}, BOB), {}, "custom_dimension_map (dict)"),
        (({"plan": "gold"},), {}, "user_id (str)"),
        (({"plan": "gold"}, 5), {}, "user_id (int)"),
        (({"plan": "gold"}, "value", BOB), {}, "tag_value (str)"),
        ((["plan"], BOB), {}, "tag_key (list)"),
        ((), {"custom_dimension_map": {}, "user_id": BOB}, "custom_dimension_map (dict)"),
        ((), {"custom_dimension_map": [1], "user_id": BOB}, "custom_dimension_map (list)"),
        ((), {"custom_dimension_map": {"a": 1}}, "user_id (str)"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_push_refuses_with_a_reason(
    args: Any, keywords: Json, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    own = site()

    assert own.client.push(*args, **keywords) is False

    assert own.kinds == []
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"push: {said} cannot be used; expected ")
    assert BOB not in caplog.text


# --- Wrong arguments ---------------------------------------------------------------------------

ARGUMENTS: dict[str, tuple[Any, Json]] = {
    "activate": (None, {"campaign_key": "test", "user_id": BOB}),
    "get_variation_name": (None, {"campaign_key": "test", "user_id": BOB}),
    "is_feature_enabled": (False, {"campaign_key": "feature", "user_id": BOB}),
    "get_feature_variable_value": (
        None,
        {"campaign_key": "feature", "variable_key": "colour", "user_id": BOB},
    ),
    "track": (None, {"campaign_specifier": "test", "user_id": BOB, "goal_identifier": "signup"}),
    "push": (False, {"tag_key": "plan", "tag_value": "gold", "user_id": BOB}),
}
"""Each call's answer where there is none, and arguments that it works with."""

TEXTS = ("campaign_key", "user_id", "variable_key", "goal_identifier", "tag_key", "tag_value")
NO_TEXT = [None, "", 5, 0, True, b"bytes", ["a"], 5.5, object()]
NO_DICT = [5, "text", [], [("a", 1)], True, {"a"}, object(), 0, ""]
WRONG: dict[str, list[Any]] = {
    **dict.fromkeys(TEXTS, NO_TEXT),
    "user_id": [*NO_TEXT, "lone \ud800 surrogate", "\udfff"],
    "campaign_specifier": [5, ("test",), {"test": 1}, True, b"test", {"test"}],
    "custom_variables": NO_DICT,
    "variation_targeting_variables": NO_DICT,
    "event_properties": NO_DICT,
    "goal_type_to_track": ["", "all", 5, True, ["ALL"], {}],
    "should_track_returning_user": [1, 0, "true", [], "false"],
}
EXTRAS = {
    "activate": ("custom_variables", "variation_targeting_variables"),
    "is_feature_enabled": ("custom_variables", "variation_targeting_variables"),
    "get_variation_name": ("custom_variables", "variation_targeting_variables"),
    "get_feature_variable_value": ("custom_variables", "variation_targeting_variables"),
    "track": (
        *("custom_variables", "variation_targeting_variables", "event_properties"),
        *("goal_type_to_track", "should_track_returning_user"),
    ),
    "push": (),
}


def shown(value: Any) -> str:
    """Return what a test is called by that has *value*: the same in each process."""
    return "object" if type(value) is object else ascii(value)[:24]


MISTAKES = [
    pytest.param(call, argument, value, id=f"{call} {argument} {shown(value)}")
    for call, (_, fitting) in ARGUMENTS.items()
    for argument in (*fitting, *EXTRAS[call])
    for value in WRONG[argument]
]


@pytest.mark.parametrize(("call", "argument", "value"), MISTAKES)
def test_a_wrong_argument_has_a_safe_answer_and_a_logged_reason(
    call: str, argument: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    nothing, fitting = ARGUMENTS[call]
    own = site(test(), feature_test())

    answer = getattr(own.client, call)(**{**fitting, argument: value})

    assert answer is nothing
    assert (own.kinds, own.remembered()) == ([], {})
    assert len(caplog.messages) == 1
    assert caplog.records[0].levelno == logging.WARNING
    found = type(value).__name__
    assert caplog.messages[0].startswith(f"{call}: {argument} ({found}) cannot be used; expected ")
    assert_no_secret(caplog)


@pytest.mark.parametrize(("call", "argument", "value"), MISTAKES)
def test_a_wrong_argument_raises_in_development(call: str, argument: str, value: Any) -> None:
    own = site(test(), feature_test(), development_mode=True)

    with pytest.raises(UsageError) as caught:
        getattr(own.client, call)(**{**ARGUMENTS[call][1], argument: value})

    assert own.kinds == []
    assert BOB not in repr(caught.value)
    if isinstance(value, str) and len(value) > 1:
        assert value not in repr(caught.value.args[:3])


def assert_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Fail if a log record holds the user id or the key of the SDK, be it unformatted."""
    for record in caplog.records:
        for secret in (BOB, SDK_KEY):
            assert secret not in record.getMessage()
            assert secret not in repr(record.args)
            assert secret not in (record.exc_text or "")


@pytest.mark.parametrize("call", ARGUMENTS)
def test_unheard_of_keywords_are_left_out(call: str, caplog: pytest.LogCaptureFixture) -> None:
    fitting = ARGUMENTS[call][1]
    own, other, strict = (site(test(), feature_test(), development_mode=n == 2) for n in range(3))

    answer = getattr(own.client, call)(**fitting, unheard_of=5, worse={})
    assert answer == getattr(other.client, call)(**fitting)
    assert own.kinds == other.kinds
    assert own.remembered() == other.remembered()
    assert f"{call}: a keyword argument (of another name) cannot be used" in caplog.text
    assert "unheard_of" not in caplog.text
    assert_no_secret(caplog)
    with pytest.raises(UsageError, match=f"{call}: a keyword argument"):
        getattr(strict.client, call)(**fitting, unheard_of=5)


@pytest.mark.parametrize("call", [call for call in ARGUMENTS if call != "push"])
def test_a_missing_argument_is_an_error_as_in_the_sdks(call: str) -> None:
    own, fitting = site(test()), ARGUMENTS[call][1]

    for left_out in fitting:
        without = {name: value for name, value in fitting.items() if name != left_out}
        with pytest.raises(
            TypeError, match=f"missing 1 required positional argument: '{left_out}'"
        ):
            getattr(own.client, call)(**without, unheard_of=5)
    assert (own.kinds, own.remembered()) == ([], {})


@pytest.mark.parametrize("call", [call for call in ARGUMENTS if call != "push"])
@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("nothing", "(7 characters); known: 'test', 'feature'."),
        ("asleep", "is not running."),
    ],
)
def test_an_unknown_or_paused_campaign_is_named(
    call: str, key: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_vwo")
    nothing, fitting = ARGUMENTS[call]
    place = "campaign_specifier" if call == "track" else "campaign_key"
    own = site(test(), feature_test(), test(key="asleep", id=5, status="PAUSED"))

    assert getattr(own.client, call)(**{**fitting, place: key}) is nothing
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith(said)
    assert_no_secret(caplog)


SWAPPED: dict[str, Callable[[Client], object]] = {
    "activate": lambda client: client.activate(BOB, "test"),
    "the keys of a list": lambda client: client.track([BOB], "test", "signup"),
    "a campaign and a goal": lambda client: client.track("test", "signup", BOB),
    "a goal alone": lambda client: client.track(None, "signup", BOB),
    "a variable": lambda client: client.get_feature_variable_value(BOB, "colour", "feature"),
}


@pytest.mark.parametrize("call", SWAPPED.values(), ids=SWAPPED)
@pytest.mark.parametrize("raises", [False, True], ids=["in production", "in development"])
def test_swapped_arguments_tell_no_user_id(
    call: Callable[[Client], object], raises: bool, caplog: pytest.LogCaptureFixture
) -> None:
    own = site(test(), feature_test(), development_mode=raises)

    with pytest.raises(CampaignError) if raises else nullcontext() as caught:
        assert not call(own.client)

    assert_no_secret(caplog)
    assert BOB not in repr(caught and caught.value.args)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda whole: [whole],
        lambda whole: json.dumps(json.dumps(whole)),
        lambda whole: {**document(), "campaigns": whole},
        lambda whole: {**document(), "campaigns": [whole]},
        lambda whole: (whole,),
    ],
    ids=["in a list", "encoded twice", "for campaigns", "as a campaign", "in a tuple"],
)
def test_a_document_in_the_wrong_place_tells_no_key(wrap: Callable[[Json], Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        Client(wrap(document(test())))

    for said in (str(caught.value), repr(caught.value), repr(caught.value.args)):
        assert SDK_KEY not in said


def test_a_decision_reads_well() -> None:
    said = str(site(test()).client.explain("test", BOB)).splitlines()

    assert said[0] == "Variation-1 (bucketed)"
    assert said[1] == "  remembered: no"


@pytest.mark.parametrize("specifier", ["nothing", ["test", "nothing"]])
def test_an_unknown_campaign_raises_in_development(specifier: Any) -> None:
    own = site(test(), development_mode=True, storage=False)

    with pytest.raises(CampaignError):
        own.client.track(specifier, BOB, "signup")
    assert own.kinds == []


def test_a_paused_campaign_is_no_mistake() -> None:
    own = site(test(status="PAUSED"), development_mode=True)

    assert own.client.activate("test", BOB) is None
    assert own.client.track(["test"], BOB, "signup") == {}


def test_a_name_of_any_length_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    site(test()).client.activate("x" * 10_000, BOB)
    site(test()).client.track("test", BOB, "x" * 10_000)

    assert len(caplog.messages) == 2
    assert max(map(len, caplog.messages)) < 200


ODD = ["\0", "a\0b", "🦄", "\u202eBob", " ", "\n", "x" * 10_000, "Ωμέγα", "e\u0301", "é", "'; --"]


@pytest.mark.parametrize("user_id", ODD, ids=lambda value: ascii(value)[:20])
def test_odd_user_ids_work_as_any_other(user_id: str, caplog: pytest.LogCaptureFixture) -> None:
    own = site(test())

    assert own.client.activate("test", user_id) == "Variation-1"
    assert own.client.get_variation_name("test", user_id) == "Variation-1"
    assert own.client.track("test", user_id, "signup") == {"test": True}
    assert own.client.push("plan", "gold", user_id) is True

    assert {event.user_id for event in own.recorder.events} == {user_id}
    assert {len(event.visitor) for event in own.recorder.events} == {32}
    assert caplog.messages == []


def test_user_ids_that_only_look_alike_are_different_visitors() -> None:
    own = site(test())
    for user_id in ("é", "e\u0301"):
        own.client.activate("test", user_id)

    assert len({event.visitor for event in own.recorder.events}) == 2


class Name(str):
    """A string of the site's own, such as Django's `SafeString`."""


def test_kinds_of_strings_and_dicts_are_taken() -> None:
    own = site(test(segments=custom("plan", "gold")), storage=False)

    class Facts(dict[str, Any]):
        """A dict of the site's own."""

    for facts in (Facts(plan="gold"), MappingProxyType({"plan": Name("gold")})):
        assert own.client.activate(Name("test"), Name(BOB), custom_variables=facts) == "Variation-1"


@pytest.mark.parametrize("value", [5, b"Browser", ["x"], {}, None, ""], ids=repr)
def test_a_user_agent_that_is_no_text_loses_no_event(value: Any) -> None:
    own = site(test(), storage=False)

    own.client.activate("test", BOB, user_agent=value, user_ip_address=value)

    assert (own.recorder.events[0].user_agent, own.recorder.events[0].ip_address) == ("", "")


# --- What belongs to the caller ----------------------------------------------------------------


def test_the_callers_dicts_are_left_alone() -> None:
    own = site(whitelisting("Control", "x"), feature_test(), storage=False)
    given: dict[str, Json] = {
        "custom_variables": {"plan": ["gold"]},
        "variation_targeting_variables": {"whitelist": "x", "_vwo_user_id": "me"},
    }
    properties = {"nested": {"a": [1]}}
    before = copy.deepcopy((given, properties))

    own.client.activate("test", BOB, **given, custom_properties=properties)
    own.client.is_feature_enabled("feature", BOB, **given, custom_properties=properties)
    own.client.get_variation_name("test", BOB, **given)
    own.client.get_feature_variable_value("feature", "colour", BOB, **given)
    own.client.track(None, BOB, "signup", **given, event_properties=properties)
    own.client.push(properties, BOB)
    own.client.explain("test", BOB, **given)

    assert (given, properties) == before
    assert len(own.recorder.events) == 5


def test_a_document_given_as_a_dict_is_left_alone_and_not_looked_at_again() -> None:
    whole = document(test())
    before = copy.deepcopy(whole)
    own = site(whole=whole)

    assert whole == before
    whole["campaigns"].clear()
    assert own.client.activate("test", BOB) == "Variation-1"


@pytest.mark.parametrize("value", [{"a": {"b": [1]}}, '[{"b": []}]'], ids=["object", "text"])
def test_json_variables_are_copies(value: Any) -> None:
    own = site(rollout(variables=[variable("v", "json", value)]), storage=False)

    first = own.client.get_feature_variable_value("rollout", "v", BOB)
    before = copy.deepcopy(first)
    (first["a"]["b"] if isinstance(first, dict) else first[0]["b"]).append("mine")

    assert own.client.get_feature_variable_value("rollout", "v", BOB) == before


def test_an_unknown_variable_is_none() -> None:
    own = site(rollout(), storage=False)

    assert own.client.get_feature_variable_value("rollout", "limit", BOB) == 12
    assert own.client.get_feature_variable_value("rollout", "nothing", BOB) is None


# --- Failing backends --------------------------------------------------------------------------


class OutOfOrderError(Exception):
    """What a backend raises, with the row that it failed on."""


def fail(*args: Any, **kwargs: Any) -> Any:
    raise OutOfOrderError(f"duplicate row: {BOB}, key {SDK_KEY}")


class BrokenStorage(UserStorage):
    """Cannot be reached."""

    def read(self, visitor: Visitor, goal_identifier: str | None = None) -> Any:
        fail()

    def writing(self) -> AbstractContextManager[Writing]:
        fail()
        raise AssertionError

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        fail()

    def forget(self, visitor: Visitor) -> None:
        fail()


class ReadOnlyStorage(MemoryStorage):
    """Can be read."""

    writing = fail
    add_goals = fail


class ForgetfulStorage(MemoryStorage):
    """Cannot remember goals."""

    add_goals = fail


class BrokenRecorder(Recorder):
    """Cannot record."""

    def record(self, events: Sequence[Event]) -> None:
        fail()


@dataclass(frozen=True)
class Broken:
    """What fails, and what each call answers then."""

    storage: UserStorage | None
    recorder: Recorder
    answers: Json
    kinds: tuple[str, ...]


def broken_parts() -> dict[str, Broken]:
    nothing = {"activate": None, "is_feature_enabled": False, "get_variation_name": None}
    decided = {"activate": "Variation-1", "is_feature_enabled": True}
    return {
        "storage": Broken(
            BrokenStorage(), MemoryRecorder(), {**nothing, "track": None, "push": True}, ("PUSH",)
        ),
        "writing": Broken(
            ReadOnlyStorage(),
            MemoryRecorder(),
            {**decided, "get_variation_name": None, "track": {"test": False}, "push": True},
            ("PUSH",),
        ),
        "recorder with storage": Broken(
            MemoryStorage(),
            BrokenRecorder(),
            {**decided, "get_variation_name": None, "track": {"test": False}, "push": False},
            (),
        ),
        "recorder": Broken(
            None,
            BrokenRecorder(),
            {
                **decided,
                "get_variation_name": "Variation-1",
                "track": {"test": False},
                "push": False,
            },
            (),
        ),
    }


ON = feature_test(variations=[variation(2, "On", 100, isFeatureEnabled=True)])


@pytest.mark.parametrize("part", broken_parts())
def test_a_failing_backend_has_a_safe_answer_and_a_logged_reason(
    part: str, caplog: pytest.LogCaptureFixture
) -> None:
    parts = broken_parts()[part]
    client = Client(document(test(), ON), storage=parts.storage, recorder=parts.recorder)

    for call, answer in parts.answers.items():
        assert getattr(client, call)(**ARGUMENTS[call][1]) == answer, call

    events = parts.recorder.events if isinstance(parts.recorder, MemoryRecorder) else []
    assert tuple(event.kind.name for event in events) == parts.kinds
    assert "activate failed: tests.test_client.OutOfOrderError at " in caplog.text
    assert "test_client.py:" in caplog.text
    assert_no_secret(caplog)


@pytest.mark.parametrize("part", broken_parts())
@pytest.mark.parametrize("call", ["activate", "is_feature_enabled"])
def test_a_failing_backend_raises_where_the_site_wants_it(part: str, call: str) -> None:
    parts = broken_parts()[part]
    client = Client(
        document(test(), ON), storage=parts.storage, recorder=parts.recorder, raise_errors=True
    )

    with pytest.raises(OutOfOrderError):
        getattr(client, call)(**ARGUMENTS[call][1])


def test_wrong_arguments_are_no_failing_backend() -> None:
    own = site(test(), raise_errors=True)

    assert own.client.activate("test", "") is None


def test_a_conversion_that_is_recorded_counts_though_its_goal_was_not_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage, recorder = ForgetfulStorage(), MemoryRecorder()
    storage.assignments[BOB] = {"test": Assignment("Control")}
    client = Client(document(test()), storage=storage, recorder=recorder)

    assert client.track("test", BOB, "signup") == {"test": True}

    assert [event.kind for event in recorder.events] == [Kind.CONVERSION]
    assert "track failed: tests.test_client.OutOfOrderError at " in caplog.text
    assert_no_secret(caplog)


def test_a_conversion_that_cannot_be_recorded_is_not_remembered() -> None:
    storage = MemoryStorage()
    storage.assignments[BOB] = {"test": Assignment("Control")}
    client = Client(document(test()), storage=storage, recorder=BrokenRecorder())

    assert client.track("test", BOB, "signup") == {"test": False}
    assert storage.assignments[BOB] == {"test": Assignment("Control")}


# --- Sessions ----------------------------------------------------------------------------------


def test_a_session_reads_storage_once_and_once_for_each_goal() -> None:
    storage = CountingStorage(MemoryStorage())
    client = Client(document(test(), ON, test(key="b", id=11)), storage=storage)
    session = client.session(BOB)

    for _ in range(2):
        client.activate("test", BOB, session=session)
        client.is_feature_enabled("feature", BOB, session=session)
        client.get_variation_name("test", BOB, session=session)
    assert storage.reads == [None]

    for _ in range(2):
        client.track(None, BOB, "signup", session=session)
        client.track("test", BOB, "purchase", revenue_value=5, session=session)
    assert storage.reads == [None, "signup", "purchase"]


@pytest.mark.parametrize("call", ARGUMENTS)
def test_a_call_alone_reads_storage_once_at_most(call: str) -> None:
    storage = CountingStorage(MemoryStorage())
    client = Client(document(test(), ON), storage=storage)

    getattr(client, call)(**ARGUMENTS[call][1])

    assert len(storage.reads) == (0 if call == "push" else 1)


def test_a_session_sees_what_it_did_though_storage_was_read_before() -> None:
    own = site(test())
    session = own.client.session(BOB)

    assert own.client.get_variation_name("test", BOB, session=session) is None
    assert own.client.activate("test", BOB, session=session) == "Variation-1"
    assert own.client.get_variation_name("test", BOB, session=session) == "Variation-1"
    assert own.client.track("test", BOB, "signup", session=session) == {"test": True}
    assert own.client.track("test", BOB, "signup", session=session) == {"test": False}


def test_what_a_session_knows_outlives_a_storage_that_lags_behind() -> None:
    client = Client(document(test()), storage=LaggingStorage(MemoryStorage()))
    session = client.session(BOB)

    client.activate("test", BOB, session=session)
    assert client.track("test", BOB, "signup", session=session) == {"test": True}
    assert client.track("test", BOB, "signup", session=session) == {"test": False}


def test_a_session_that_outlives_its_account_tells_the_new_one_s_visitor() -> None:
    documents = [loaded(document(test(), accountId=number)) for number in (1, 2)]
    recorder = MemoryRecorder()
    client = Client(lambda: documents[0], storage=MemoryStorage(), recorder=recorder)
    session = client.session(BOB)

    for campaigns in list(documents):
        client.push({"plan": "gold"}, BOB, session=session)
        assert recorder.events[-1].visitor == campaigns.visitor_key(BOB)
        documents.pop(0)


def test_without_storage_or_document_there_is_no_session() -> None:
    assert site(test(), storage=False).client.session(BOB) is None
    assert Client(lambda: None, storage=MemoryStorage()).session(BOB) is None


def test_forgetting_makes_a_visitor_new() -> None:
    own = site(test())
    own.client.activate("test", BOB)
    own.client.activate("test", "Ann")

    own.client.forget(BOB)

    assert own.remembered() == {}
    assert own.remembered("Ann") != {}
    assert own.client.get_variation_name("test", BOB) is None
    site(test(), storage=False).client.forget(BOB)


# --- Documents ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [document(test()), json.dumps(document(test())), json.dumps(document(test())).encode()],
    ids=["dict", "text", "bytes"],
)
def test_a_document_may_be_a_dict_text_or_bytes(given: Any) -> None:
    assert Client(given).activate("test", BOB) == "Variation-1"


def test_a_document_may_have_keys_that_json_makes_text_of() -> None:
    whole = grouped(test())
    whole["campaignGroups"] = {10: 7}
    whole["groups"] = {7: {**whole["groups"]["7"], "et": 3}}

    assert Client(whole).activate("test", BOB) is None


def cyclic() -> Json:
    whole = document()
    whole["self"] = whole
    return whole


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "it is 'NoneType'; expected a dict, text or bytes."),
        (5, "it is 'int'; expected a dict, text or bytes."),
        ([], "it is 'list'; expected a dict, text or bytes."),
        ({}, "version is missing; expected a number or a string."),
        ("", "the document is empty; expected JSON in UTF-8."),
        ({**document(), "x": {1}}, "expected what JSON can hold."),
        ({**document(), "x": float("nan")}, "expected what JSON can hold."),
        ({**document(), "x": 10**5000}, "expected what JSON can hold."),
        (cyclic(), "expected what JSON can hold."),
        ({**document(), ("a", 1): 1}, "expected what JSON can hold."),
    ],
    ids=["None", "number", "list", "{}", "", "set", "nan", "huge", "cycle", "tuple"],
)
def test_a_document_that_cannot_be_used_is_refused_at_once(given: Any, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        Client(given)

    assert str(caught.value).startswith("the document: ")
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize("call", ARGUMENTS)
@pytest.mark.parametrize("mode", [False, True])
def test_without_a_document_nothing_is_decided(
    call: str, mode: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_vwo")
    nothing, fitting = ARGUMENTS[call]
    recorder = MemoryRecorder()
    client = Client(lambda: None, recorder=recorder, development_mode=mode, raise_errors=mode)

    assert getattr(client, call)(**fitting) is nothing

    assert recorder.events == []
    assert caplog.messages == [f"{call}: No settings document is in service."]


def test_each_call_takes_the_document_that_is_in_service() -> None:
    served = [loaded(document(test(variations=split(100)))), loaded(document(test()))]
    client = Client(lambda: served[0])

    assert client.activate("test", BOB) == "Control"
    served.reverse()
    assert client.activate("test", BOB) == "Variation-1"


def test_two_clients_share_nothing() -> None:
    one = site(test(variations=split(100)))
    other = site(whole=document(test(), accountId=999))

    assert one.client.activate("test", BOB) == "Control"
    assert other.client.activate("test", BOB) == "Variation-1"
    assert [own.recorder.events[0].account_id for own in (one, other)] == ["123456", "999"]
    assert one.recorder.events[0].visitor != other.recorder.events[0].visitor


def test_a_client_by_hand_records_in_memory() -> None:
    client = Client(document(test()))

    client.activate("test", BOB)

    assert isinstance(client.recorder, MemoryRecorder)
    assert len(client.recorder.events) == 1


# --- Explaining --------------------------------------------------------------------------------


def test_explaining_answers_as_activating_would_and_changes_nothing() -> None:
    own = site(test(), feature_test(), rollout())

    for key in ("test", "feature", "rollout"):
        decision = own.client.explain(key, BOB)
        assert decision.reason is Reason.BUCKETED
        assert decision.is_new
        assert decision.findings
    assert (own.kinds, own.remembered()) == ([], {})

    own.remember(test="Control")
    assert own.client.explain("test", BOB).reason is Reason.STORED


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("nothing", BOB), Reason.UNKNOWN_CAMPAIGN),
        (("test", ""), Reason.ERROR),
        ((None, BOB), Reason.ERROR),
    ],
)
def test_explaining_tells_why_there_is_nothing_to_explain(args: Any, reason: Reason) -> None:
    decision = site(test()).client.explain(*args)

    assert (decision.campaign, decision.variation, decision.reason) == (None, None, reason)


def test_explaining_without_a_document_tells_so() -> None:
    assert Client(lambda: None).explain("test", BOB).reason is Reason.NO_DOCUMENT


# --- Async -------------------------------------------------------------------------------------


def test_async_twins_do_what_their_twins_do() -> None:
    own = site(test(), ON)

    async def visit() -> list[Any]:
        return [
            await own.client.aactivate("test", BOB, user_agent="Browser/1"),
            await own.client.aget_variation_name("test", BOB),
            await own.client.ais_feature_enabled("feature", BOB),
            await own.client.aget_feature_variable_value("feature", "nothing", BOB),
            await own.client.atrack("test", BOB, "signup"),
            await own.client.atrack("test", BOB, "signup"),
            await own.client.apush("plan", "gold", BOB),
            (await own.client.aexplain("test", BOB)).reason,
            await own.client.aactivate("test", ""),
        ]

    assert asyncio.run(visit()) == [
        *("Variation-1", "Variation-1", True, None, {"test": True}, {"test": False}, True),
        *(Reason.STORED, None),
    ]
    assert own.kinds == ["IMPRESSION", "IMPRESSION", "CONVERSION", "PUSH"]


@pytest.mark.parametrize("call", [*ARGUMENTS, "explain"])
def test_each_call_has_a_twin_that_reads_like_it(call: str) -> None:
    twin = getattr(Client, f"a{call}")

    assert asyncio.iscoroutinefunction(twin)
    assert twin.__doc__ == getattr(Client, call).__doc__


# --- Results -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "is_true"),
    [({}, False), ({"a": False}, False), ({"a": True}, True), ({"a": False, "b": True}, True)],
)
def test_a_track_result_is_true_when_anything_was_tracked(result: Any, is_true: bool) -> None:
    assert bool(TrackResult(result)) is is_true
    assert TrackResult(result) == result


def test_a_variation_cannot_be_set_where_the_vendor_knows_of_no_such_thing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = site(test(key="c"))
    assert own.client.set_forced_variation("c", BOB, "Variation-1") is False
    assert own.client.get_forced_variation("c", BOB) is None
    assert "no variations set by the site" in caplog.text
