"""A site on Optimizely: every door is the one that a site on VWO has."""

from __future__ import annotations

import hmac
import io
import json
import logging
import math
import re
from contextlib import nullcontext
from hashlib import sha1
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.urls import include, path
from django.utils import timezone
from pytest_django import Settings

from django_vwo import checks, webhooks
from django_vwo.client import Client, get_client
from django_vwo.decorators import track_goal
from django_vwo.engine.entities import Reason
from django_vwo.engine.errors import DocumentError
from django_vwo.models import Assignment, Event, EventStatus, SettingsDocument, SettingsFetch
from django_vwo.optimizely import Optimizely
from django_vwo.outbox.site import drain_site
from django_vwo.preflight.uses import Use, findings
from django_vwo.results import results
from django_vwo.sources import current, fetching
from django_vwo.sources.base import Fetched
from django_vwo.sources.reading import read
from django_vwo.storages.memory import MemoryStorage
from django_vwo.testing import override_feature, override_variation
from tests.backends import ProfileService
from tests.collector import Collector, Received, Reply
from tests.conftest import Configure, Serve
from tests.datafiles import (
    ACCOUNT_ID,
    Json,
    audience,
    datafile,
    event,
    exactly,
    experiment,
    flag,
    group,
    loaded,
    rollout,
    rule,
    variation,
)
from tests.documents import document
from tests.test_client import BrokenRecorder
from tests.test_queries import queries

SDK_KEY = "an-sdk-key-that-nobody-sees"
SITE = datafile(
    experiment("pricing", "10"),
    events=[event("signup", "21", ["10"])],
    featureFlags=[flag("nav", rollout="50")],
    rollouts=[rollout(rule("60"))],
)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def optimizely(settings: Settings, configure: Configure) -> Configure:
    """Put a datafile into service; return `configure`."""
    settings.VWO = {key: value for key, value in settings.VWO.items() if key != "ACCOUNT_ID"}
    configure(DIALECT="optimizely", SDK_KEY=SDK_KEY, SETTINGS_DOCUMENT=SITE)
    return configure


def bodies(collector: Collector) -> list[Json]:
    return [json.loads(each.body) for each in collector.accepted if each.method == "POST"]


def test_a_request_is_decided_on_recorded_and_delivered(
    optimizely: Configure, serve: Serve
) -> None:
    shown = []

    @track_goal("signup", revenue=lambda request, response: 12.5)
    def page(request: HttpRequest) -> HttpResponse:
        shown.append(request.vwo.activate("pricing"))  # type: ignore[attr-defined]
        return HttpResponse("thanks")

    serve(page)
    browser = Browser()
    browser.get("/")
    browser.get("/")
    assert shown[0] == shown[1] in ("a", "b")
    assert Assignment.objects.get().assignment_key == "10"
    with Collector() as collector:
        optimizely(COLLECTOR_URL=collector.url)
        report = drain_site()
    assert (report.sent, report.requests) == (4, 1)
    (body,) = bodies(collector)
    user_id = browser.cookies["vwo_visitor"].value
    assert [each["visitor_id"] for each in body["visitors"]] == [user_id] * 4
    (result,) = (each for each in results(current.current().campaigns["pricing"]) if each.visitors)  # type: ignore[union-attr]
    assert result.variation == shown[0]
    assert (result.visitors, result.goals["signup"].conversions) == (1, 2)
    assert float(result.goals["signup"].revenue) == 25


@pytest.mark.parametrize(
    ("dialect", "given", "told"),
    [
        ("vwo", SITE, "it is a document of optimizely; expected one of vwo, the dialect"),
        ("optimizely", document(), "it is a document of vwo; expected one of optimizely, the"),
        ("optimizely", {}, "version is missing"),
        ("vwo", {}, "version is missing"),
    ],
)
def test_another_vendors_document_is_called_so(
    configure: Configure, dialect: str, given: Json, told: str
) -> None:
    configure(DIALECT=dialect)
    with pytest.raises(DocumentError) as raised:
        read(Fetched(text=json.dumps(given), origin="new.json"))
    assert str(raised.value).startswith(f"new.json: {told}")


def test_a_document_may_have_what_another_vendor_would_look_for(configure: Configure) -> None:
    configure(DIALECT="vwo")
    both = json.dumps({**document(), "experiments": []})
    assert read(Fetched(text=both, origin="new.json")).dialect == "vwo"


def test_what_one_vendor_was_to_get_is_not_told_to_another(optimizely: Configure) -> None:
    def statuses() -> list[int]:
        drain_site()
        return list(Event.objects.order_by("id").values_list("status", flat=True))

    assert get_client().activate("pricing", "ann")
    with Collector() as collector:
        vwo = document(accountId=ACCOUNT_ID)
        optimizely(DIALECT="vwo", SETTINGS_DOCUMENT=vwo, COLLECTOR_URL=collector.url)
        current.start_anew()
        assert get_client().activate("pricing-page", "ann")
        assert statuses() == [EventStatus.PENDING, EventStatus.SENT]
        assert get_client().activate("pricing-page", "bob")
        optimizely(DIALECT="optimizely", SETTINGS_DOCUMENT=SITE)
        current.start_anew()
        Event.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        assert statuses() == [EventStatus.SENT, EventStatus.SENT, EventStatus.PENDING]
    assert Event.objects.latest("id").last_error.startswith("Not renderable")


def test_revisions_travel_apart_and_one_bad_batch_holds_up_no_other(optimizely: Configure) -> None:
    for revision in ("7", "8", "9"):
        optimizely(SETTINGS_DOCUMENT={**SITE, "revision": revision})
        get_client().activate("pricing", f"visitor-{revision}")
    with Collector() as collector:
        collector.rule = lambda received: Reply(
            status=400 if json.loads(received.body)["revision"] == "8" else 200
        )
        optimizely(COLLECTOR_URL=collector.url)
        drain_site()
    assert [each["revision"] for each in bodies(collector)] == ["7", "9"]
    assert Event.objects.filter(status=EventStatus.SENT).count() == 2


def test_a_large_attribute_costs_itself_alone(optimizely: Configure) -> None:
    optimizely(GENERATION="2.1", SETTINGS_DOCUMENT=SITE)
    given: dict[str, Any] = {"plan": ["x" * 20_000], "$opt_other": "y"}
    get_client().activate("pricing", "Bob", custom_variables=given)
    with Collector() as collector:
        optimizely(COLLECTOR_URL=collector.url)
        assert drain_site().sent == 1
    (visitor,) = bodies(collector)[0]["visitors"]
    assert [each["key"] for each in visitor["attributes"]] == ["$opt_other"]


def test_an_account_is_not_asked_for(optimizely: Configure) -> None:
    assert not run_checks(tags=None, include_deployment_checks=False)
    assert not [each for each in checks.check_settings(None) if each.id == "django_vwo.E002"]
    optimizely(SDK_KEY="")
    assert drain_site().trouble == "", "events are not signed with the key"


def test_the_datafile_is_fetched_by_its_key_which_nobody_sees(
    optimizely: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[Received] = []

    def answer(received: Received) -> Reply:
        asked.append(received)
        if received.headers.get("if-none-match") == '"one"':
            return Reply(status=304, headers={}, body=b"")
        headers = {"Content-Type": "application/json", "ETag": '"one"'}
        return Reply(headers=headers, body=json.dumps(SITE).encode())

    with Collector() as collector:
        collector.rule = answer
        optimizely(COLLECTOR_URL=collector.url, SETTINGS_DOCUMENT=None)
        first, second = fetching.fetch_now(), fetching.fetch_now()
        collector.rule = lambda received: Reply(status=403)
        refused = fetching.fetch_now()
    assert (first.error, second.error) == ("", "")
    assert second.is_unchanged
    assert {each.path for each in asked} == {f"/datafiles/{SDK_KEY}.json"}
    assert current.sender().account_id == ACCOUNT_ID
    row, document = SettingsFetch.objects.get(), SettingsDocument.objects.get()
    assert row.account_id == "optimizely"
    told = "\n".join([*caplog.messages, str(vars(row)), str(vars(document)), refused.error])
    assert "403" in told
    assert SDK_KEY not in told


SECRET = "hook-secret"
BODY = b'{"project_id": 9001, "event": "project.datafile_updated"}'


@pytest.fixture
def hook(optimizely: Configure, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ROOT_URLCONF = (path("vwo/", include("django_vwo.urls")),)
    optimizely(WEBHOOK_SECRET=SECRET, COLLECTOR_URL="http://127.0.0.1:9")
    monkeypatch.setattr(webhooks, "seldom", webhooks.SeldomLog())
    monkeypatch.setattr(webhooks.errand, "start", lambda: None)


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha1=" + hmac.new(secret.encode(), body, sha1).hexdigest()


@pytest.mark.parametrize(
    ("body", "signed", "status"),
    [
        (BODY, signature(BODY), 200),
        (BODY, signature(BODY, "another"), 403),
        (BODY, signature(BODY + b" "), 403),
        (BODY, "", 403),
        (BODY, SECRET, 403),
        (BODY, "\xff\ud800", 403),
        (b"", signature(b""), 200),
        (b"x" * 65_537, signature(b"x" * 65_537), 413),
    ],
    ids=[
        *("signed", "with another secret", "another body", "unsigned", "the secret itself"),
        *("no ASCII", "empty", "too long"),
    ],
)
def test_a_webhook_is_taken_if_it_is_signed(
    hook: None, body: bytes, signed: str, status: int
) -> None:
    browser = Browser(enforce_csrf_checks=True)
    answer = browser.post(
        "/vwo/webhook/", body, content_type="application/json", HTTP_X_HUB_SIGNATURE=signed
    )
    assert answer.status_code == status
    assert SettingsFetch.objects.filter(asked_at__isnull=False).exists() is (status == 200)


def test_tests_of_a_site_choose_what_visitors_get(optimizely: Configure) -> None:
    with override_variation("pricing", "b"):
        assert get_client().activate("pricing", "anybody") == "b"
    with override_feature("nav", enabled=False, variables={"limit": 3, "new": 1}):
        assert not get_client().is_feature_enabled("nav", "anybody")
        assert get_client().get_feature_variable_value("nav", "limit", "anybody") == 3
        assert get_client().get_feature_variable_value("nav", "new", "anybody") == 1
    with override_feature("not-there"):
        assert get_client().is_feature_enabled("not-there", "anybody")


def test_the_commands_know_the_dialect(optimizely: Configure, tmp_path: Any) -> None:
    file = tmp_path / "datafile.json"
    file.write_text(json.dumps(SITE))
    for command in (
        ("vwo_settings", "validate", str(file)),
        ("vwo_settings", "check", str(file)),
        ("vwo_explain", "pricing", "Bob"),
        ("vwo_explain", "nav", "Bob"),
    ):
        out = io.StringIO()
        call_command(*command, stdout=out, no_color=True)
        assert out.getvalue()
    assert "rule-60" in out.getvalue()


def test_the_check_of_a_datafile_names_campaigns_as_people_do(
    optimizely: Configure, tmp_path: Any
) -> None:
    for number in range(20):
        get_client().activate("pricing", f"visitor-{number}")
    without = experiment("pricing", "10")
    without["variations"] = without["variations"][:1]
    file = tmp_path / "datafile.json"
    file.write_text(json.dumps({**SITE, "experiments": [without], "revision": "8"}))
    out = io.StringIO()
    call_command("vwo_settings", "check", str(file), stdout=out, no_color=True)
    assert re.search(r"^  pricing: none any more.* b -> none", out.getvalue(), re.MULTILINE)


def test_assignments_are_imported_by_the_names_that_people_use(
    optimizely: Configure, tmp_path: Any
) -> None:
    file = tmp_path / "assignments.csv"
    file.write_text("userId,campaignKey,variationName\nBob,pricing,a\nAnn,pricing,b\n")
    call_command("vwo_import_assignments", str(file), stdout=io.StringIO())
    assert get_client().get_variation_name("pricing", "Bob") == "a"
    assert get_client().get_variation_name("pricing", "Ann") == "b"


def sharing(count: int) -> Json:
    """Return a datafile of so many experiments with one event, and as many features."""
    numbers = [str(number) for number in range(100, 100 + count)]
    return datafile(
        *(experiment(f"test-{number}", number) for number in numbers),
        events=[event("signup", "21", numbers)],
        featureFlags=[flag(f"flag-{number}", number) for number in numbers],
    )


@pytest.mark.parametrize("is_atomic", [False, True], ids=["autocommit", "in a transaction"])
@pytest.mark.parametrize("call", ["track", "get_enabled_features"])
def test_many_campaigns_cost_the_statements_of_one(
    optimizely: Configure, call: str, is_atomic: bool
) -> None:
    taken = []
    for count in (1, 10, 30):  # SQLite takes no more values in a statement
        optimizely(SETTINGS_DOCUMENT=sharing(count))
        client = get_client()
        with queries() as verbs, transaction.atomic() if is_atomic else nullcontext():
            if call == "track":
                assert client.track(None, f"visitor of {count}", "signup")
            else:
                client.get_enabled_features(f"visitor of {count}")
        taken.append(verbs)
        assert Assignment.objects.filter(user_id=f"visitor of {count}").count() == count
    assert taken[0] == taken[1] == taken[2]


def test_what_is_shown_is_told_although_the_profiles_are_lost(optimizely: Configure) -> None:
    class Lost(ProfileService):
        def lookup(self, user_id: str) -> Any:
            raise ConnectionError

    optimizely(
        USER_STORAGE={
            "BACKEND": "django_vwo.storages.profiles.ProfileStorage",
            "OPTIONS": {"service": Lost},
        },
        RAISE_ERRORS=False,
    )
    assert get_client().activate("pricing", "Bob") in ("a", "b")
    assert get_client().track(None, "Bob", "signup")
    assert set(Event.objects.values_list("kind", flat=True)) == {1, 2}


def test_an_overridden_variation_is_that_of_its_features(optimizely: Configure) -> None:
    on, off = (
        variation("101", "a", featureEnabled=True, variables=[{"id": "801", "value": "12"}]),
        variation("102", "b", featureEnabled=False),
    )
    site = datafile(
        experiment("pricing", "10", variations=[on, off]), featureFlags=[flag("nav", "10")]
    )
    optimizely(SETTINGS_DOCUMENT=site)
    for name, limit in (("a", 12), ("b", 7)):
        with override_variation("pricing", name):
            assert get_client().is_feature_enabled("nav", "anybody") is (name == "a")
            assert get_client().get_feature_variable_value("nav", "limit", "anybody") == limit
    with override_variation("pricing", None):
        assert not get_client().is_feature_enabled("nav", "anybody")
    with override_feature("pricing", variables={"own": 1}):
        assert get_client().is_feature_enabled("pricing", "anybody")
    with override_feature("nav", enabled=False):
        assert get_client().get_feature_variable_value("nav", "limit", "anybody") == 7


# --- The client, by itself ---------------------------------------------------------------------


def own(document: Json = SITE, **options: Any) -> Client:
    return Client(document, storage=MemoryStorage(), **options)


def kinds(client: Client) -> list[str]:
    return [each.kind.name.lower() for each in client.recorder.events]  # type: ignore[attr-defined]


def test_reading_assigns_and_tells_nothing() -> None:
    client = own()
    name = client.get_variation_name("pricing", "Bob")
    assert name
    assert not kinds(client)
    session = client.session("Bob")
    assert session
    variations = loaded(SITE).campaigns["pricing"].variations
    assert variations[session["10"].variation].name == name


def test_a_stored_assignment_outlives_another_name_and_weight() -> None:
    storage = MemoryStorage()
    before = Client(SITE, storage=storage)
    name = before.activate("pricing", "Bob")
    changed = experiment("pricing", "10", trafficAllocation=[])
    changed["variations"] = [{**each, "key": each["key"] * 2} for each in changed["variations"]]
    after = Client(datafile(changed), storage=storage)
    assert name
    assert after.activate("pricing", "Bob") == name * 2


def test_conversions_of_those_in_no_campaign_are_withheld_or_not() -> None:
    gold = experiment("pricing", "10", audienceIds=["70"])
    site = datafile(
        gold,
        events=[event("signup", "21", ["10"]), event("alone", "22", [])],
        typedAudiences=[audience("70", ["or", exactly("plan", "gold")])],
    )
    gated, open_to_all = own(site), own(site, track_requires_decision=False)
    assert gated.track(None, "Bob", "signup") == {"pricing": False}
    assert gated.track(None, "Bob", "alone") is None
    assert open_to_all.track(None, "Bob", "signup") == {"pricing": True}
    assert open_to_all.track(None, "Bob", "alone")
    assert not gated.track(None, "Bob", "signup")
    assert gated.track(None, "Bob", "signup", custom_variables={"plan": "gold"})
    assert kinds(gated) == ["conversion"]
    assert kinds(open_to_all) == ["conversion", "conversion"]
    assert not own(site, generation="2.1", track_requires_decision=False).track(
        None, "Bob", "signup"
    )


def test_a_goal_that_could_not_be_recorded_is_told_so() -> None:
    client = Client(
        datafile(experiment("pricing", "10"), events=[event("signup", "21", ["10"])]),
        recorder=BrokenRecorder(),
        track_requires_decision=False,
    )
    assert client.track(None, "Bob", "signup") == {"pricing": False}


def test_what_could_not_be_remembered_is_remembered_next_time() -> None:
    class FailingOnce(MemoryStorage):
        failures = 1

        def writing(self) -> Any:
            self.failures -= 1
            if self.failures >= 0:
                raise ConnectionError
            return super().writing()

    site = datafile(experiment("pricing", "10"), featureFlags=[flag("nav", "10")])
    client = Client(site, storage=FailingOnce())
    session = client.session("Bob")
    assert session is not None
    for is_kept in (False, True):
        client.is_feature_enabled("nav", "Bob", session=session)
        assert bool(client.session("Bob")) is is_kept
    assert kinds(client) == ["impression", "impression"]


def test_two_flags_of_one_experiment_assign_once() -> None:
    reasons = []
    client = own(
        datafile(experiment("pricing", "10"), featureFlags=[flag("one", "10"), flag("two", "10")]),
        on_decided=lambda key, variation, reason, purpose: reasons.append(reason),
    )
    client.get_enabled_features("Bob")
    assert reasons == [Reason.BUCKETED, Reason.STORED]
    assert kinds(client) == ["impression", "impression"]


def test_a_variation_can_be_set_and_taken_back() -> None:
    client = own(datafile(experiment("pricing", "10"), experiment("late", "11", status="Paused")))
    decided = client.activate("pricing", "Bob")
    other = "a" if decided == "b" else "b"
    assert client.set_forced_variation("pricing", "Bob", other)
    assert client.get_forced_variation("pricing", "Bob") == other
    assert client.activate("pricing", "Bob") == other
    assert client.activate("pricing", "Ann") is not None
    assert not client.set_forced_variation("pricing", "Bob", "c")
    assert not client.set_forced_variation("unknown", "Bob", "a")
    assert client.get_forced_variation("pricing", "Bob") == other
    assert client.set_forced_variation("late", "Bob", "a")
    assert client.activate("late", "Bob") is None
    assert client.set_forced_variation("pricing", "Bob", None)
    assert client.activate("pricing", "Bob") == decided
    client.set_forced_variation("pricing", "Bob", other)
    client.forget("Bob")
    assert client.get_forced_variation("pricing", "Bob") is None


def test_a_conversion_that_the_vendor_will_not_show_is_warned_of_in_development(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = own(development_mode=True)
    client.track(None, "Bob", "signup")
    assert "activated in no campaign" in caplog.text
    caplog.clear()
    with_misses = datafile(
        experiment("pricing", "10"),
        events=[event("signup", "21", ["10"])],
        featureFlags=[flag("off")],
        sendFlagDecisions=True,
    )
    asking = own(with_misses, development_mode=True)
    asking.is_feature_enabled("off", "Eve")
    asking.track(None, "Eve", "signup")
    assert "activated in no campaign" in caplog.text, "a flag that is off is no activation"
    caplog.clear()
    client.activate("pricing", "Ann")
    client.track(None, "Ann", "signup")
    assert not caplog.records


def test_a_flag_may_have_an_experiments_key() -> None:
    site = loaded(datafile(experiment("nav", "10"), featureFlags=[flag("nav", "10")]))
    asked = Use(
        path="views.py",
        line=1,
        call="get_feature_variable_value",
        campaigns=("nav",),
        variables=("limit", "gone"),
    )
    assert [each.text for each in findings([asked], site)] == [
        "the feature 'nav' has no variable 'gone'"
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        {"plan": 10**400},
        {"plan": math.inf},
        {"plan": object()},
        {"$opt_bucketing_id": 5},
        {5: "five"},
        {"plan": "\ud800"},
        {"$opt_bucketing_id": "\ud800"},
    ],
)
@pytest.mark.parametrize("generation", ["today", "2.1"])
def test_hostile_attributes_break_nothing(attributes: Any, generation: str) -> None:
    client = own(generation=generation)
    vendor = Optimizely(client)
    vendor.activate("pricing", "Bob", attributes)
    vendor.track("signup", "Bob", attributes)
    assert vendor.is_feature_enabled("nav", "Bob", attributes) in (True, False)
    assert vendor.get_feature_variable("nav", "limit", "Bob", attributes) in (7, 9, None)


@pytest.mark.parametrize("tags", [5, "text", [1], {"value": object()}, {"a": {"b": {1}}}])
def test_hostile_tags_break_nothing(optimizely: Configure, tags: Any) -> None:
    optimizely(RAISE_ERRORS=False)
    Optimizely().track("signup", "Bob", event_tags=tags)
    with Collector() as collector:
        optimizely(COLLECTOR_URL=collector.url)
        report = drain_site()
    assert report.dead == 0
    assert report.sent == isinstance(tags, dict)


def test_a_group_lets_each_visitor_into_one_experiment() -> None:
    site = datafile(groups=[group(experiment("one", "11"), experiment("two", "12"))])
    client = own(site)
    for number in range(50):
        found = [client.activate(key, f"visitor-{number}") for key in ("one", "two")]
        assert sum(each is not None for each in found) == 1
