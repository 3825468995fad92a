"""The admin shows what happened, changes only what it may, and stays fast on millions of rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vwo.admin.base import CappedPaginator, to_the_second
from django_vwo.models import (
    Assignment,
    Breaker,
    Conversion,
    Event,
    EventKind,
    EventStatus,
    Impression,
    SettingsDocument,
)
from django_vwo.sources import history
from django_vwo.sources.base import Fetched
from django_vwo.sources.current import current, start_anew

from .conftest import Configure
from .documents import DOCUMENT_KEY, ab_test, document, feature_test
from .sources.samples import SDK_KEY
from .test_results import event, reached

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser(client: Browser) -> Browser:
    """Return the browser of somebody who may do everything."""
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def browser(superuser: Browser, site: Configure) -> Browser:
    return superuser


def listing(model: str) -> str:
    return reverse(f"admin:django_vwo_{model}_changelist")


def page(browser: Browser, url: str, **query: Any) -> str:
    answer = browser.get(url, query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def act(browser: Browser, model: str, action: str, *rows: Any, **more: Any) -> list[str]:
    """Run *action* on *rows* and return the messages."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = browser.post(listing(model), {**chosen, **more})
    assert answer.status_code == 302, answer.content
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    page(browser, listing(model))  # where they are read
    return told


def listed(html: str) -> list[int]:
    """Return the ids of the rows in a list, in its order."""
    return [int(pk) for pk in re.findall(r'name="_selected_action" value="(\d+)"', html)]


def some_events() -> dict[str, Event]:
    keyed = current()
    assert keyed
    rows = {
        "impression": event(keyed.visitor_key("ann"), user_id="ann"),
        "failed": event(
            keyed.visitor_key("bob"),
            "2",
            user_id="bob",
            status=EventStatus.DEAD,
            attempts=3,
            rejections=3,
            last_status=400,
            last_error="HTTP 400: no such goal",
        ),
        "conversion": reached(
            keyed.visitor_key("ann"), goal="22", user_id="ann", revenue=Decimal("12.5")
        ),
        "pending": reached(
            keyed.visitor_key("cem"),
            user_id="cem",
            status=EventStatus.PENDING,
            due_at=timezone.now(),
        ),
        "push": event(
            keyed.visitor_key("ann"),
            kind=EventKind.PUSH,
            campaign_id="",
            campaign_key="",
            variation_id="1",
            extra={"properties": {"plan": "<gold>"}},
        ),
    }
    for row in rows.values():
        row.save()
    return rows


def test_events_are_listed_newest_first(browser: Browser) -> None:
    rows = some_events()
    html = page(browser, listing("event"))
    assert listed(html) == [row.pk for row in reversed(rows.values())]
    for text in (
        "pricing-page",
        "Variation-1",
        "checkout",
        "12.5",
        "failed",
        "no such goal",
        "400",
    ):
        assert text in html
    assert "12.500000" not in html


def test_impressions_and_conversions_have_lists_of_their_own(browser: Browser) -> None:
    rows = some_events()
    assert listed(page(browser, listing("impression"))) == [
        rows["failed"].pk,
        rows["impression"].pk,
    ]
    assert listed(page(browser, listing("conversion"))) == [
        rows["pending"].pk,
        rows["conversion"].pk,
    ]
    assert Impression.objects.count() == 2
    assert Conversion.objects.count() == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "0"}, ["pending"]),
        ({"state": "1"}, ["push", "conversion", "impression"]),
        ({"state": "2"}, ["failed"]),
        ({"state": "3"}, []),
        ({"kind": "1"}, ["failed", "impression"]),
        ({"kind": "2"}, ["pending", "conversion"]),
        ({"kind": "3"}, ["push"]),
        ({"campaign": "7"}, ["pending", "conversion", "failed", "impression"]),
        ({"campaign": "8"}, []),
        ({"goal": "checkout"}, ["conversion"]),
        ({"goal": "signup", "campaign": "7", "state": "0"}, ["pending"]),
        ({"goal": "unheard-of"}, []),
        ({"campaign": "\0"}, []),
        ({"goal": "\0"}, []),
        ({"kind": "9", "state": "x"}, ["push", "pending", "conversion", "failed", "impression"]),
    ],
    ids=str,
)
def test_filters_narrow_the_list(
    browser: Browser, query: dict[str, str], expected: list[str]
) -> None:
    rows = some_events()
    assert listed(page(browser, listing("event"), **query)) == [rows[name].pk for name in expected]


def test_filters_offer_what_the_document_in_service_has(browser: Browser) -> None:
    html = page(browser, listing("event"))
    assert "?campaign=7" in html
    assert "?goal=checkout" in html
    html = page(browser, listing("event"), campaign="9")
    assert "goal=checkout" not in html, "a rollout has no goals"


def test_search_is_exact(browser: Browser) -> None:
    rows = some_events()
    ann = [rows[name].pk for name in ("push", "conversion", "impression")]
    for term in ("ann", rows["impression"].visitor, rows["impression"].visitor.lower(), " ann "):
        assert listed(page(browser, listing("event"), q=term)) == ann
    for term in ("an", "%", "ann'", "💥", "a" * 10_000, "\ud800".encode("utf-8", "replace")):
        assert listed(page(browser, listing("event"), q=term)) == []
    for term in (str(rows["pending"].uuid), rows["pending"].uuid.hex):
        assert listed(page(browser, listing("event"), q=term)) == [rows["pending"].pk]
    assert listed(page(browser, listing("event"), q=str(uuid4()))) == []


def test_an_event_is_shown_and_cannot_be_edited(browser: Browser) -> None:
    push = some_events()["push"]
    url = reverse("admin:django_vwo_event_change", args=[push.pk])
    html = page(browser, url)
    assert "&lt;gold&gt;" in html
    assert str(push.uuid) in html
    assert 'name="_save"' not in html
    assert "<input" not in re.sub(r'<input type="(hidden|search|text" id="nav)[^>]*>', "", html)
    assert browser.post(url, {"status": 1}).status_code == 403
    assert browser.get(reverse("admin:django_vwo_event_add")).status_code == 403
    delete = reverse("admin:django_vwo_event_delete", args=[push.pk])
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    assert Event.objects.filter(pk=push.pk).exists()


def test_failed_and_cancelled_events_are_sent_again_as_the_same_messages(
    browser: Browser, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    rows = some_events()
    rows["push"].status = EventStatus.CANCELLED
    rows["push"].save()
    with django_capture_on_commit_callbacks() as callbacks:
        told = act(browser, "event", "send_again", *rows.values())
    assert told == ["2 events are on their way again."]
    assert callbacks, "workers are nudged after the commit"
    failed = Event.objects.get(pk=rows["failed"].pk)
    assert (failed.status, failed.attempts, failed.rejections) == (EventStatus.PENDING, 0, 0)
    assert failed.uuid == rows["failed"].uuid
    assert failed.occurred_at == rows["failed"].occurred_at
    assert failed.due_at is not None
    assert (failed.last_status, failed.last_error) == (None, "")
    assert Event.objects.get(pk=rows["impression"].pk).status == EventStatus.SENT


def test_pending_events_are_cancelled(browser: Browser) -> None:
    rows = some_events()
    told = act(browser, "event", "cancel", *rows.values())
    assert told == ["1 event was cancelled. If it was being sent just now, it may still arrive."]
    cancelled = Event.objects.get(pk=rows["pending"].pk)
    assert (cancelled.status, cancelled.due_at) == (EventStatus.CANCELLED, None)
    assert Event.objects.filter(status=EventStatus.CANCELLED).count() == 1
    assert act(browser, "event", "cancel", *rows.values())[0].startswith("0 events")


def test_thousands_are_sent_again_in_short_steps(browser: Browser) -> None:
    rows = [event("v", status=EventStatus.DEAD) for _ in range(2_500)]
    Event.objects.bulk_create(rows)
    with CaptureQueriesContext(connection) as queries:
        everything = {"select_across": "1", "index": "0"}
        told = act(browser, "event", "send_again", Event.objects.latest("id"), **everything)
    assert told == ["2500 events are on their way again."]
    updates = [each["sql"] for each in queries if each["sql"].startswith("UPDATE")]
    assert len([sql for sql in updates if "django_vwo_event" in sql]) == 3
    assert not Event.objects.exclude(status=EventStatus.PENDING).exists()


@pytest.fixture
def clerk(client: Browser, site: Configure) -> Browser:
    """Return the browser of somebody who may look at everything."""
    user = User.objects.create(username="clerk", is_staff=True)
    looking = Permission.objects.filter(
        content_type__app_label="django_vwo", codename__startswith="view_"
    )
    user.user_permissions.set(looking)
    client.force_login(user)
    return client


def test_who_may_look_may_not_act(clerk: Browser) -> None:
    failed = some_events()["failed"]
    html = page(clerk, listing("event"))
    assert "no such goal" in html
    assert "send_again" not in html
    clerk.post(listing("event"), {"action": "send_again", "_selected_action": [failed.pk]})
    assert Event.objects.get(pk=failed.pk).status == EventStatus.DEAD
    for model in ("impression", "conversion", "assignment", "settingsdocument", "breaker"):
        page(clerk, listing(model))
    page(clerk, reverse("admin:django_vwo_results"))


def test_who_may_not_look_sees_nothing(client: Browser, site: Configure) -> None:
    client.force_login(User.objects.create(username="nobody", is_staff=True))
    for model in ("event", "conversion", "assignment", "settingsdocument", "breaker"):
        assert client.get(listing(model)).status_code == 403
    assert client.get(reverse("admin:django_vwo_results")).status_code == 403
    client.logout()
    assert client.get(reverse("admin:django_vwo_results")).status_code == 302


# --- Millions of rows -----------------------------------------------------------------------------


def plan(sql: str) -> str:
    """Return how the database means to run *sql*, with its estimates of an empty table aside."""
    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(explain + sql.replace("%", "%%"), [])
        return "\n".join(str(row) for row in cursor.fetchall())


def event_queries(browser: Browser, **query: str) -> list[str]:
    """Return the queries of a list of events, on the table of events."""
    page(browser, listing("event"), **query)
    with CaptureQueriesContext(connection) as queries:
        page(browser, listing("event"), **query)
    return [each["sql"] for each in queries if "django_vwo_event" in each["sql"]]


def test_a_list_counts_no_further_than_its_pages_go(browser: Browser) -> None:
    Event.objects.bulk_create(event(str(number)) for number in range(300))
    count, rows = event_queries(browser)
    assert f"LIMIT {CappedPaginator.MOST_ROWS}" in count
    assert "LIMIT 100" in rows
    for sql in (count, rows):
        assert "LIKE" not in sql
        assert "DISTINCT" not in sql


def test_a_long_list_says_that_there_is_more(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_events()
    assert "5 events" in page(browser, listing("event"))
    monkeypatch.setattr(CappedPaginator, "MOST_ROWS", 3)
    html = page(browser, listing("event"))
    assert "the newest 3 events; filters and search find older ones" in html


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"q": "ann"}, "django_vwo_event_visitor"),
        ({"campaign": "7", "goal": "checkout"}, "django_vwo_event_campaign"),
        ({"kind": "3"}, "django_vwo_event_campaign"),
        ({"state": "0"}, "django_vwo_event_due"),
        ({"state": "2"}, "django_vwo_event_troubled"),
        ({"state": "3"}, "django_vwo_event_troubled"),
    ],
    ids=str,
)
def test_a_narrow_list_goes_along_an_index(
    browser: Browser, query: dict[str, str], index: str
) -> None:
    if connection.vendor == "mysql":
        pytest.skip("its optimiser goes by how many rows there are")
    rows = [event(str(number % 97), campaign_id=str(number % 7)) for number in range(2_000)]
    Event.objects.bulk_create(rows)
    some_events()
    queries = event_queries(browser, **query)
    assert any(index in plan(sql) for sql in queries), [plan(sql) for sql in queries]
    whole = [sql for sql in queries if re.search("SCAN django_vwo_event'|Seq Scan", plan(sql))]
    assert whole == []


def test_no_column_sorts_the_whole_table(browser: Browser) -> None:
    html = page(browser, listing("event"), o="2.-3")
    assert "sortable" not in html
    with CaptureQueriesContext(connection) as queries:
        page(browser, listing("event"), o="2.-3", _facets="True")
    sorting = [each["sql"] for each in queries if "ORDER BY" in each["sql"]]
    assert all("campaign_key` ASC" not in sql for sql in sorting)
    assert not any("COUNT(CASE" in each["sql"].upper() for each in queries), "no facets"


# --- Results, assignments, breakers ---------------------------------------------------------------


def test_results_are_a_table_per_campaign(browser: Browser) -> None:
    some_events()
    html = page(browser, reverse("admin:django_vwo_results"), campaign="7")
    for text in ("Control", "Variation-1", "checkout", "12.50", "100.0 %", "(not running)"):
        assert (text in html) == (text != "(not running)"), text
    assert reverse("admin:django_vwo_results") in page(browser, listing("conversion"))
    assert reverse("admin:django_vwo_results") in page(
        browser, reverse("admin:app_list", args=["django_vwo"])
    )


def test_results_tell_how_many_conversions_the_vendor_may_not_count(
    superuser: Browser, optimizely_site: Configure
) -> None:
    address = reverse("admin:django_vwo_results")
    Event.objects.bulk_create([event("a"), reached("a")])
    assert "not in the table" not in page(superuser, address)
    reached("b").save()
    assert "1 conversion is not in the table" in page(superuser, address)


def test_results_outlive_the_campaign(browser: Browser) -> None:
    event("a", campaign_id="70", campaign_key="old-<test>").save()
    html = page(browser, reverse("admin:django_vwo_results"), campaign="70")
    assert "old-&lt;test&gt; (not running)" in html
    assert "Control" in html


def test_results_of_nothing_say_so(superuser: Browser) -> None:
    html = page(superuser, reverse("admin:django_vwo_results"))
    assert "No campaign is running" in html
    page(superuser, reverse("admin:django_vwo_results"), campaign="'; --")


def test_an_assignment_is_found_and_deleted(browser: Browser) -> None:
    keyed = current()
    assert keyed
    mine, other = (
        Assignment.objects.create(
            visitor=keyed.visitor_key(user_id),
            user_id=user_id,
            assignment_key="pricing-page",
            variation="Control",
        )
        for user_id in ("ann", "bob")
    )
    assert listed(page(browser, listing("assignment"), q="ann")) == [mine.pk]
    assert listed(page(browser, listing("assignment"), q=mine.visitor)) == [mine.pk]
    assert listed(page(browser, listing("assignment"), q="an")) == []
    url = reverse("admin:django_vwo_assignment_delete", args=[mine.pk])
    assert "meets the same variation again" in page(browser, url)
    assert browser.post(url, {"post": "yes"}).status_code == 302
    assert list(Assignment.objects.all()) == [other]
    change = reverse("admin:django_vwo_assignment_change", args=[other.pk])
    assert browser.post(change, {"variation": "Variation-1"}).status_code == 403


def test_an_assignment_is_told_by_names_where_they_are_known(
    superuser: Browser, optimizely_site: Configure
) -> None:
    known, gone = (
        Assignment.objects.create(
            visitor=key, user_id=key, assignment_key=key, variation="2", created_at=timezone.now()
        )
        for key in ("7", "8")
    )
    change = reverse("admin:django_vwo_assignment_change", args=[known.pk])
    assert "<h2>pricing-page (7): Variation-1 (2)</h2>" in page(superuser, change)
    for html in (page(superuser, listing("assignment")), page(superuser, change)):
        assert "pricing-page (7)" in html
        assert "Variation-1 (2)" in html
    change = reverse("admin:django_vwo_assignment_change", args=[gone.pk])
    assert "Variation-1" not in page(superuser, change)


def test_a_breaker_is_told_and_can_be_tried_again(browser: Browser) -> None:
    later = timezone.now() + timedelta(hours=1)
    breaker = Breaker(account_id="123456", open_until=later, failures=4, last_error="HTTP 503")
    breaker.save()
    waiting = event("a", status=EventStatus.PENDING, due_at=later)
    held = event("b", status=EventStatus.PENDING, due_at=later, lease_token=uuid4())
    for row in (waiting, held):
        row.save()
    html = page(browser, listing("breaker"))
    assert "closed to events until" in html
    assert "HTTP 503" in html
    told = act(browser, "breaker", "try_now", breaker)
    assert told == ["1 account is tried at the next delivery."]
    breaker.refresh_from_db()
    assert breaker.open_until is not None
    assert breaker.open_until <= timezone.now() + timedelta(seconds=5)
    assert breaker.failures == 4, "the next delivery sends one event to see"
    for row in (waiting, held):
        row.refresh_from_db()
    assert waiting.due_at is not None
    assert waiting.due_at < later
    assert held.due_at == later, "a worker has it"
    assert "being tried again" in page(browser, listing("breaker"))


# --- Settings documents ---------------------------------------------------------------------------


def keep(*campaigns: dict[str, Any], **changes: Any) -> SettingsDocument:
    text = json.dumps(document(*campaigns, **changes))
    return history.keep(Fetched(text=text, origin="https://vendor.example/settings"))


def test_documents_are_listed_with_what_became_of_them(browser: Browser) -> None:
    keep()
    keep(ab_test("second"))
    keep(accountId=99)
    html = page(browser, listing("settingsdocument"))
    states = re.findall(r"field-state[^>]*>(?:<strong>)?([a-z ]+)<", html)
    assert states == ["refused", "in service", "out of service"]
    counts = re.findall(r'field-campaign_count">(\d+|-)<', html)
    assert counts == ["-", "1", "3"]
    assert "accountId is &#x27;99&#x27;" in html


def test_a_list_of_documents_does_not_read_them(browser: Browser) -> None:
    keep()
    with CaptureQueriesContext(connection) as queries:
        page(browser, listing("settingsdocument"))
    assert not any(re.search(r'["`]text["`]', each["sql"]) for each in queries)


@pytest.mark.parametrize("origin", ["good", "html", "truncated"])
def test_a_document_is_shown_without_its_key(browser: Browser, origin: str) -> None:
    lopsided = [{"id": 1, "name": "Control", "weight": 10}]
    text = json.dumps(document(ab_test(variations=lopsided), note=SDK_KEY))
    text = {"good": text, "html": f"<p>{text}", "truncated": text[:200]}[origin]
    row = history.keep(Fetched(text=text, origin="vendor"))
    html = page(browser, reverse("admin:django_vwo_settingsdocument_change", args=[row.pk]))
    assert DOCUMENT_KEY not in html
    assert SDK_KEY not in html
    assert "********" in html
    if origin == "good":
        assert "have weights that sum to 10" in html
        assert "<td>A/B test</td>" in html


def test_a_huge_document_is_shown_in_part(browser: Browser) -> None:
    row = keep(*(ab_test(f"test-{number}", id=number) for number in range(1_000)))
    html = page(browser, reverse("admin:django_vwo_settingsdocument_change", args=[row.pk]))
    assert "500 more are not shown" in html
    assert len(html) < 1_000_000


def shown(browser: Browser, row: SettingsDocument) -> str:
    """Return the page of a document, its spaces single."""
    url = reverse("admin:django_vwo_settingsdocument_change", args=[row.pk])
    return " ".join(page(browser, url).split())


def link(row: SettingsDocument) -> str:
    url = reverse("admin:django_vwo_settingsdocument_change", args=[row.pk])
    return f'<a href="{url}">{row}</a>'


def test_lone_surrogates_in_a_document_do_not_break_its_page(browser: Browser) -> None:
    keep()
    row = keep(ab_test(segments={"or": [{"half-\ud800": "\ud801"}]}))
    assert "half-" in shown(browser, row)
    SettingsDocument.objects.update(is_active=None)
    assert "half-" in asked(browser, row)
    refused = keep(ab_test("half-\ud800"))
    assert "lone surrogates" in shown(browser, refused)


def test_a_goal_with_half_a_character_breaks_no_page(browser: Browser) -> None:
    keep(ab_test(goals=[{"id": 1, "identifier": "half-\ud800", "type": "CUSTOM_GOAL"}]))
    start_anew()
    for model in ("event", "conversion", "settingsdocument"):
        page(browser, listing(model))


def test_two_documents_of_a_minute_differ(browser: Browser) -> None:
    first, second = keep(), keep(ab_test())
    same = SettingsDocument.objects.get(pk=first.pk).fetched_at.replace(second=7)
    SettingsDocument.objects.update(fetched_at=same)
    names = {str(row) for row in SettingsDocument.objects.filter(pk__in=[first.pk, second.pk])}
    assert len(names) == 2
    assert all(":07" in name for name in names)
    listed = page(browser, listing("settingsdocument"))
    assert to_the_second(same) in listed


def test_a_document_tells_what_it_changes_against_the_one_in_service(browser: Browser) -> None:
    first, second = keep(), keep(ab_test(percentTraffic=30), isNBv2=True)
    newest = shown(browser, second)
    assert f"Compared with {link(first)}" in newest
    for text in ("traffic 100 % → 30 %", "is gone", ">new-nav<"):
        assert text in newest
    older = shown(browser, first)
    assert f"Compared with {link(second)}" in older
    assert "traffic 30 % → 100 %" in older


def test_a_document_without_a_usable_predecessor_starts_everything(browser: Browser) -> None:
    keep(accountId=99)
    first = keep()
    html = shown(browser, first)
    assert "There is no document to compare with." in html
    assert "starts: A/B test" in html
    assert "what it changes" in html.lower()


def test_a_document_without_changes_says_so(browser: Browser) -> None:
    keep()
    row = keep(version=2)
    assert "Nothing changes that decisions depend on." in shown(browser, row)


def test_a_predecessor_that_can_no_longer_be_used_is_no_obstacle(
    browser: Browser, site: Configure
) -> None:
    keep()
    row = keep(ab_test("second"))
    site(ACCOUNT_ID=99)
    assert "field-changes" in shown(browser, row)
    SettingsDocument.objects.filter(pk=row.pk).update(is_active=None, text="{")
    assert "field-changes" in shown(browser, row)


def test_changes_are_shown_without_secrets_and_escaped(browser: Browser) -> None:
    keep(feature_test())
    changed = feature_test()
    variables = [{"id": 1, "key": "colour", "type": "string", "value": f"<i>{SDK_KEY}"}]
    changed["variations"][0]["variables"] = variables
    html = shown(browser, keep(changed, sdkKey="another-document-key"))
    assert "colour in On" in html
    assert "&lt;i&gt;********" in html
    for secret in (SDK_KEY, DOCUMENT_KEY, "another-document-key"):
        assert secret not in html


def test_thousands_of_changes_are_shown_in_part(browser: Browser) -> None:
    keep(*(ab_test(f"test-{number}", id=number) for number in range(1_000)))
    row = keep(*(ab_test(f"other-{number}", id=2_000 + number) for number in range(1_000)))
    html = shown(browser, row)
    assert "1500 more are not shown" in html
    assert len(html) < 1_500_000


def asked(browser: Browser, row: SettingsDocument, **more: Any) -> str:
    """Return the page that asks whether *row* is to be put into service."""
    chosen = {"action": "put_into_service", "_selected_action": [row.pk]}
    answer = browser.post(listing("settingsdocument"), {**chosen, **more})
    assert answer.status_code == 200, [str(m) for m in get_messages(answer.wsgi_request)]
    return " ".join(answer.content.decode().split())


def confirmed(html: str) -> dict[str, str]:
    """Return what the form of the page `asked` sends beside the chosen row."""
    found = re.search(r'name="instead_of" value="(\d*)"', html)
    assert found
    return {"instead_of": found[1]}


def test_an_earlier_document_is_put_into_service_once_confirmed(browser: Browser) -> None:
    first, second, refused = keep(), keep(ab_test("second")), keep(accountId=99)
    html = asked(browser, first)
    assert "starts: feature test" in html
    assert "second" in html
    assert SettingsDocument.objects.get(is_active=True) == second, "it only asked"
    told = act(browser, "settingsdocument", "put_into_service", first, **confirmed(html))
    assert told[0].startswith("In service: https://vendor.example/settings")
    assert SettingsDocument.objects.get(is_active=True) == first
    in_service = current()
    assert in_service
    assert "new-nav" in in_service.campaigns, "this process follows at once"
    assert "accountId" in act(browser, "settingsdocument", "put_into_service", refused)[0]
    again = act(browser, "settingsdocument", "put_into_service", first)
    assert again == ["This document is in service already."]
    both = act(browser, "settingsdocument", "put_into_service", first, second)
    assert both == ["Choose one document."]
    assert SettingsDocument.objects.get(is_active=True) == first


def test_what_is_wrong_with_a_document_is_told_before_it_is_put_into_service(
    browser: Browser,
) -> None:
    stalling = {"custom_variable": {"name": "regex((a{1,50}){1,50}$)"}}
    row = keep(ab_test(segments=stalling, percentTraffic=0.001, type="?"))
    keep(ab_test("second"))
    for html in (shown(browser, row), asked(browser, row)):
        assert "campaigns[0].segments.custom_variable.name: cannot be evaluated" in html
        assert "campaigns[0].type: is missing or unknown" in html


def test_a_document_that_came_meanwhile_is_asked_about_anew(browser: Browser) -> None:
    first, second = keep(), keep(ab_test("second"))
    seen = confirmed(asked(browser, first))
    third = keep(ab_test("third"))
    html = asked(browser, first, **seen)
    assert "Another document has come into service meanwhile" in html
    assert "third" in html
    assert SettingsDocument.objects.get(is_active=True) == third
    act(browser, "settingsdocument", "put_into_service", first, **confirmed(html))
    assert SettingsDocument.objects.get(is_active=True) == first
    act(browser, "settingsdocument", "put_into_service", second, instead_of=str(first.pk))
    assert SettingsDocument.objects.get(is_active=True) == second


def test_the_document_of_the_settings_is_what_the_first_one_replaces(
    browser: Browser,
) -> None:
    row = keep(ab_test("second"))
    SettingsDocument.objects.update(is_active=None)
    start_anew()
    html = asked(browser, row)
    assert "Compared with VWO[&#x27;SETTINGS_DOCUMENT&#x27;]" in html
    told = act(browser, "settingsdocument", "put_into_service", row, **confirmed(html))
    assert told[0].startswith("In service")


@override_settings(USE_THOUSAND_SEPARATOR=True)
def test_ids_beyond_a_thousand_are_confirmed_too(browser: Browser) -> None:
    first, second = keep(), keep(ab_test("second"))
    SettingsDocument.objects.filter(pk=second.pk).update(is_active=None)
    row = SettingsDocument.objects.get(pk=second.pk)
    row.pk, row.is_active = second.pk + 12_345, True
    row.save(force_insert=True)
    html = asked(browser, first)
    assert confirmed(html) == {"instead_of": str(row.pk)}
    act(browser, "settingsdocument", "put_into_service", first, **confirmed(html))
    assert SettingsDocument.objects.get(is_active=True) == first


def test_who_may_only_look_is_not_asked(clerk: Browser) -> None:
    first, second = keep(), keep(ab_test("second"))
    chosen = {"action": "put_into_service", "_selected_action": [first.pk], "instead_of": second.pk}
    clerk.post(listing("settingsdocument"), chosen)
    assert SettingsDocument.objects.get(is_active=True) == second
    assert "is gone" in shown(clerk, second)


@override_settings(USE_TZ=False)
def test_sites_without_time_zones_have_an_admin_too(browser: Browser) -> None:
    event("a", occurred_at=timezone.now()).save()
    Breaker(account_id="1", open_until=timezone.now() + timedelta(hours=1), failures=1).save()
    for model in ("event", "breaker", "settingsdocument", "assignment"):
        page(browser, listing(model))


def test_every_page_has_the_assets_that_it_names(browser: Browser) -> None:
    from django.contrib.staticfiles import finders

    row = keep()
    html = page(browser, reverse("admin:django_vwo_settingsdocument_change", args=[row.pk]))
    assert "django_vwo/admin.css" in html
    assert finders.find("django_vwo/admin.css")
