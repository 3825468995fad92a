"""Storages for VWO's own SDKs: what is read and written, and what they may do to us."""

from __future__ import annotations

import logging
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser

from django_vwo.client import Client, get_client
from django_vwo.conf import Backend
from django_vwo.engine.errors import VWOError
from django_vwo.models import Assignment, Event, EventKind
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.base import NewAssignment
from django_vwo.storages.records import assignment_in, with_goal
from django_vwo.storages.sdk import SDKStorage
from tests.backends import SiteStorage
from tests.conftest import Configure, Serve
from tests.documents import ab_test, document, feature_test, only, rollout

from .conftest import visitor

pytestmark = pytest.mark.django_db(transaction=True)

SITE = SiteStorage()
"""A storage that settings can name."""
RECORD = {"userId": "alice", "campaignKey": "pricing-page", "variationName": "Variation-1"}


@pytest.fixture
def kept() -> SiteStorage:
    return SiteStorage(RECORD)


@pytest.fixture
def site_of_alice(configure: Configure) -> None:
    """Let the site have one visitor, whose record is in its own storage."""
    configure(
        SETTINGS_DOCUMENT=document(),
        USER_ID=lambda request: "alice",
        USER_STORAGE={
            "BACKEND": "django_vwo.storages.sdk.SDKStorage",
            "OPTIONS": {"storage": f"{__name__}.SITE"},
        },
    )
    SITE.__init__()  # type: ignore[misc]
    SITE.set(RECORD)


def client(kept: Any, *campaigns: dict[str, Any], **options: Any) -> Client:
    given = document(*campaigns, **options)
    return Client(given, storage=SDKStorage(kept), recorder=OutboxRecorder())


def kinds() -> list[str]:
    """Return the events that were recorded, in order."""
    return [
        EventKind(kind).name for kind in Event.objects.order_by("id").values_list("kind", flat=True)
    ]


# --- Naming it in the settings -------------------------------------------------------------------


class Half:
    """No storage: it cannot be written to."""

    def get(self, user_id: str, campaign_key: str) -> None:
        """Return nothing."""


class NeedsArguments(SiteStorage):
    """A storage that nobody can make without knowing more."""

    def __init__(self, host: str) -> None:
        super().__init__()


@pytest.mark.parametrize("storage", [SiteStorage, SITE, f"{SiteStorage.__module__}.SiteStorage"])
def test_a_class_an_instance_and_a_path_can_be_named(storage: object) -> None:
    made = Backend(path="django_vwo.storages.sdk.SDKStorage", options={"storage": storage}).create()
    assert isinstance(made.storage, SiteStorage)


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("nowhere.Storage", "No module named 'nowhere'"),
        (f"{__name__}.Half", "'storage' has no method set"),
        (f"{__name__}.NeedsArguments", "missing 1 required positional argument: 'host'"),
        (None, "'storage' has no method get and no method set"),
        (5, "'storage' has no method get and no method set"),
        ("", "doesn't look like a module path"),
    ],
)
def test_what_is_no_storage_is_a_mistake_in_the_settings(storage: object, said: str) -> None:
    backend = Backend(path="django_vwo.storages.sdk.SDKStorage", options={"storage": storage})
    with pytest.raises(ImproperlyConfigured, match=said):
        backend.create()


# --- Reading -------------------------------------------------------------------------------------


def test_a_record_of_before_keeps_its_variation(kept: SiteStorage) -> None:
    vwo = client(kept, ab_test(variations=[*only("Other")["variations"], *ab_test()["variations"]]))
    assert vwo.activate("pricing-page", "alice") == "Variation-1"
    assert kinds() == []
    assert kept.records == {("alice", "pricing-page"): RECORD}


def test_only_the_campaign_that_is_asked_for_is_read(kept: SiteStorage) -> None:
    vwo = client(kept, ab_test(), feature_test(), rollout())
    vwo.get_variation_name("pricing-page", "alice")
    assert kept.asked == [("alice", "pricing-page")]


def test_of_a_group_its_members_are_read_and_no_others(kept: SiteStorage) -> None:
    members = [ab_test(f"member-{number}", id=number) for number in range(1, 4)]
    vwo = client(
        kept,
        *members,
        ab_test("other", id=9),
        groups={"7": {"campaigns": [1, 2, 3]}},
        campaignGroups={"1": 7, "2": 7, "3": 7},
    )
    kept.set({**RECORD, "campaignKey": "member-3"})
    assert vwo.get_variation_name("member-1", "alice") is None
    assert vwo.activate("member-1", "alice") is None
    assert {key for _user, key in kept.asked} == {"member-1", "member-2", "member-3"}
    assert vwo.activate("member-3", "alice") == "Variation-1"


def test_a_request_reads_a_record_once(site_of_alice: None, serve: Serve) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        for _time in range(3):
            assert request.vwo.get_variation_name("pricing-page") == "Variation-1"
        assert request.vwo.track("signup") == {"pricing-page": True, "new-nav": False}
        assert request.vwo.track("signup") == {"pricing-page": False, "new-nav": False}
        return HttpResponse()

    serve(view)
    assert Browser().get("/").status_code == 200
    read = [key for _user, key in SITE.asked]
    assert read == ["pricing-page", "new-nav", "pricing-page"]  # the last one before it is set
    assert SITE.records["alice", "pricing-page"] == {**RECORD, "goalIdentifiers": "signup"}


# --- Writing -------------------------------------------------------------------------------------


def test_a_first_decision_is_a_record_as_the_sdks_make_them(kept: SiteStorage) -> None:
    assert client(kept, only("Control")).activate("pricing-page", "bob") == "Control"
    assert kept.records["bob", "pricing-page"] == {
        "userId": "bob",
        "campaignKey": "pricing-page",
        "variationName": "Control",
    }
    assert kinds() == ["IMPRESSION"]
    assert not Assignment.objects.exists()


def test_goals_are_joined_and_what_else_a_record_has_stays(kept: SiteStorage) -> None:
    kept.set({**RECORD, "goalIdentifiers": "visit", "metaData": {"from": "Node"}})
    vwo = client(kept, ab_test())
    for goal in ("signup", "signup", "visit"):
        vwo.track("pricing-page", "alice", goal)
    assert kept.records["alice", "pricing-page"] == {
        **RECORD,
        "goalIdentifiers": "visit_vwo_signup",
        "metaData": {"from": "Node"},
    }
    assert kinds() == ["CONVERSION", "CONVERSION"]  # a visit may repeat, a signup may not


@pytest.mark.parametrize("spelling", ["goalIdentifiers", "goalIdentifier", "goal_identifier"])
def test_goals_are_known_in_the_words_of_each_sdk(kept: SiteStorage, spelling: str) -> None:
    kept.set({**RECORD, spelling: "other_vwo_signup"})
    vwo = client(kept, ab_test())
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": False}
    assert vwo.track("pricing-page", "alice", "checkout", revenue_value=5)
    assert kept.records["alice", "pricing-page"][spelling] == "other_vwo_signup_vwo_checkout"


def test_a_record_without_its_user_id_gets_one(kept: SiteStorage) -> None:
    kept.records["alice", "pricing-page"] = {
        name: RECORD[name] for name in ("campaignKey", "variationName")
    }
    client(kept, ab_test()).track("pricing-page", "alice", "signup")
    assert kept.records["alice", "pricing-page"] == {**RECORD, "goalIdentifiers": "signup"}


def test_a_gone_variation_is_replaced_with_its_goals(kept: SiteStorage) -> None:
    kept.set({**RECORD, "variationName": "Gone", "goalIdentifiers": "signup"})
    assert client(kept, only("Control")).activate("pricing-page", "alice") == "Control"
    assert kept.records["alice", "pricing-page"] == {**RECORD, "variationName": "Control"}


def test_nothing_is_set_that_stays_as_it_is(kept: SiteStorage) -> None:
    kept.set({**RECORD, "goalIdentifiers": "visit"})
    kept.set = lambda record: pytest.fail("a record was set")  # type: ignore[method-assign]
    vwo = client(kept, ab_test())
    vwo.activate("pricing-page", "alice")
    assert vwo.track("pricing-page", "alice", "visit") == {"pricing-page": True}


# --- Transactions --------------------------------------------------------------------------------


def test_what_is_rolled_back_leaves_no_record(kept: SiteStorage) -> None:
    vwo = client(kept, ab_test())
    with transaction.atomic():
        assert vwo.activate("pricing-page", "bob")
        assert vwo.track("pricing-page", "bob", "signup")
        assert vwo.track("pricing-page", "alice", "signup")
        transaction.set_rollback(True)
    assert kept.records == {("alice", "pricing-page"): RECORD}
    assert vwo.track("pricing-page", "bob", "signup") == {"pricing-page": False}
    assert kinds() == []


def test_calls_of_one_transaction_see_each_other(kept: SiteStorage) -> None:
    vwo = client(kept, ab_test())
    with transaction.atomic():
        shown = vwo.activate("pricing-page", "bob")
        assert vwo.activate("pricing-page", "bob") == shown
        assert vwo.track("pricing-page", "bob", "signup") == {"pricing-page": True}
        assert vwo.track("pricing-page", "bob", "signup") == {"pricing-page": False}
        assert ("bob", "pricing-page") not in kept.records
    assert kept.records["bob", "pricing-page"]["goalIdentifiers"] == "signup"
    assert kinds() == ["IMPRESSION", "CONVERSION"]


def test_records_are_kept_after_the_commit_in_no_transaction_of_ours() -> None:
    class Watching(SiteStorage):
        def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
            is_open.append(connection.in_atomic_block)
            return super().get(user_id, campaign_key)

        def set(self, record: dict[str, Any]) -> None:
            is_open.append(connection.in_atomic_block)
            super().set(record)

    is_open: list[bool] = []
    vwo = client(Watching())
    with transaction.atomic():
        vwo.activate("pricing-page", "bob")
        vwo.track("pricing-page", "bob", "signup")
        is_open.clear()
    assert is_open == [False] * 4  # each is read, and set


def test_the_manual_tells_how_often_records_are_read() -> None:
    kept = SiteStorage()
    vwo = client(kept)
    session = vwo.session("bob")
    asked = []
    for call in (vwo.activate, vwo.activate, partial(vwo.track, goal_identifier="signup")):
        call("pricing-page", "bob", session=session)
        asked.append(len(kept.asked))
        kept.asked.clear()
    assert asked == [1 + 2, 0, 1]


def test_a_savepoint_takes_back_its_own_part(kept: SiteStorage) -> None:
    vwo = client(kept, ab_test("one", id=1), ab_test("two", id=2))
    with transaction.atomic():
        vwo.activate("one", "bob")
        with transaction.atomic():
            vwo.activate("two", "bob")
            transaction.set_rollback(True)
        assert vwo.get_variation_name("two", "bob") is None
        assert vwo.get_variation_name("one", "bob")
    assert set(kept.records) == {("alice", "pricing-page"), ("bob", "one")}


def test_who_was_first_until_the_commit_wins(kept: SiteStorage) -> None:
    vwo = client(kept, only("Control"))
    with transaction.atomic():
        vwo.activate("pricing-page", "bob")
        kept.set({**RECORD, "userId": "bob"})
    assert kept.records["bob", "pricing-page"]["variationName"] == "Variation-1"


def test_who_is_forgotten_in_a_transaction_stays_forgotten(kept: SiteStorage) -> None:
    vwo = client(kept, ab_test())
    with transaction.atomic():
        vwo.activate("pricing-page", "bob")
        vwo.forget("bob")
        assert vwo.get_variation_name("pricing-page", "bob") is None
    assert ("bob", "pricing-page") not in kept.records


# --- What a storage may do -----------------------------------------------------------------------


class Fixed(SiteStorage):
    """Has one answer for everybody."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def get(self, user_id: str, campaign_key: str) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [None, {}, "", 0, False, [], ()])
def test_no_record_is_a_new_visitor(answer: Any) -> None:
    kept = Fixed(answer)
    vwo = client(kept, only("Control"))
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": False}
    assert vwo.activate("pricing-page", "alice") == "Control"
    assert list(kept.records) == [("alice", "pricing-page")]


@pytest.mark.parametrize(
    "answer",
    [
        *("Variation-1", 5, True, ["Variation-1"], object(), b"{}"),
        {"userId": "alice"},
        {"variationName": "Control"},
        {"campaignKey": "pricing-page"},
        {**RECORD, "campaignKey": "another"},
        {**RECORD, "variationName": None},
        {**RECORD, "variationName": ["Control"]},
        {**RECORD, "variationName": ""},
        {1: 2},
    ],
    ids=lambda answer: str(answer)[:50] if isinstance(answer, dict) else type(answer).__name__,
)
def test_a_broken_record_is_decided_anew_and_replaced(answer: Any) -> None:
    kept = Fixed(answer)
    vwo = client(kept, only("Control"))
    assert vwo.activate("pricing-page", "alice") == "Control"
    assert vwo.track("pricing-page", "alice", "signup") == {"pricing-page": True}
    assert kept.records["alice", "pricing-page"] == {**RECORD, "variationName": "Control"}


@pytest.mark.parametrize("goals", [5, None, ["signup"], {"signup": 1}, "", "_vwo_", b"signup"])
def test_goals_that_cannot_be_read_are_none(kept: SiteStorage, goals: Any) -> None:
    kept.set({**RECORD, "goalIdentifiers": goals})
    assert client(kept, ab_test()).track("pricing-page", "alice", "signup") == {
        "pricing-page": True
    }
    assert kept.records["alice", "pricing-page"]["goalIdentifiers"] == "signup"


class BrokenStorage(SiteStorage):
    """Fails where it is told to."""

    def __init__(self, *failing: str) -> None:
        super().__init__(RECORD)
        self.failing = failing

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        if "get" in self.failing:
            raise ConnectionError(user_id)
        return super().get(user_id, campaign_key)

    def set(self, record: dict[str, Any]) -> None:
        if "set" in getattr(self, "failing", ()):
            raise ConnectionError(record)
        super().set(record)


def test_a_storage_that_cannot_be_read_means_no_variation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vwo = client(BrokenStorage("get"), ab_test())
    assert vwo.activate("pricing-page", "alice") is None
    assert vwo.track("pricing-page", "alice", "signup") is None
    assert kinds() == []
    assert "activate failed: builtins.ConnectionError" in caplog.text
    assert "alice" not in caplog.text


@pytest.mark.parametrize("is_in_transaction", [False, True])
def test_a_storage_that_cannot_be_written_changes_no_answer(
    is_in_transaction: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "django_vwo")
    vwo = client(BrokenStorage("set"), only("Control", goals=ab_test()["goals"]))
    with transaction.atomic() if is_in_transaction else nullcontext():
        assert vwo.activate("pricing-page", "bob") == "Control"
    assert kinds() == ["IMPRESSION"]
    assert "builtins.ConnectionError" in caplog.text
    assert "bob" not in caplog.text


def test_forgetting_needs_a_method_that_the_sdks_do_not_ask_for() -> None:
    class Plain:
        """A storage as VWO's own SDKs want it, and no more."""

        def get(self, user_id: str, campaign_key: str) -> None:
            """Return nothing."""

        def set(self, record: dict[str, Any]) -> None:
            """Keep nothing."""

    with pytest.raises(VWOError, match=r"Plain has no method forget\(user_id\)"):
        SDKStorage(Plain).forget(visitor())


def test_opting_out_erases_the_records(site_of_alice: None, serve: Serve) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.vwo.opt_out()
        return HttpResponse()

    serve(view)
    Browser().get("/")
    assert SITE.records == {}
    assert get_client().get_variation_name("pricing-page", "alice") is None


# --- Records -------------------------------------------------------------------------------------


def test_a_record_is_not_changed_in_place() -> None:
    record = {**RECORD, "goalIdentifiers": "a"}
    assert with_goal(record, "b") == {**RECORD, "goalIdentifiers": "a_vwo_b"}
    assert record["goalIdentifiers"] == "a"


def test_goals_of_two_spellings_are_put_together() -> None:
    record = {**RECORD, "goalIdentifiers": "a_vwo_b", "goalIdentifier": "b_vwo_c"}
    found = assignment_in(record, "pricing-page")
    assert found is not None
    assert found.goals == {"a", "b", "c"}
    assert with_goal(record, "d") == {
        **RECORD,
        "goalIdentifiers": "a_vwo_b_vwo_c_vwo_d",
        "goalIdentifier": "a_vwo_b_vwo_c_vwo_d",
    }


def test_of_several_assignments_all_are_kept_or_none(kept: SiteStorage) -> None:
    storage = SDKStorage(kept)
    for fails in (True, False):
        with suppress(RuntimeError), storage.writing() as writing:
            for key in ("one", "two"):
                assert writing.add(visitor(), NewAssignment(key, "Control")) == "Control"
            if fails:
                raise RuntimeError
        assert len(kept.records) == (1 if fails else 3)


def test_a_lazy_mapping_finds_nothing_twice(kept: SiteStorage) -> None:
    found = SDKStorage(kept).read(visitor())
    assert (len(found), bool(found)) == (0, False)
    for _time in range(2):
        assert "nothing" not in found
        assert found.get("nothing") is None
        assert found["pricing-page"].variation == "Variation-1"
        assert "pricing-page" in found
        assert 5 not in found
    assert list(found) == ["pricing-page"]
    assert kept.asked == [("alice", "nothing"), ("alice", "pricing-page")]
    with pytest.raises(KeyError):
        found["nothing"]


def test_memory_recorder_and_storage_of_the_site_go_together(kept: SiteStorage) -> None:
    recorder = MemoryRecorder()
    vwo = Client(document(), storage=SDKStorage(kept), recorder=recorder)
    vwo.activate("pricing-page", "bob")
    assert [event.user_id for event in recorder.events] == ["bob"]
