"""The admin's page that explains a decision: the same tree, by POST, with nothing changed."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from django_vwo.admin.explaining import MOST_DOCUMENTS, REASONS
from django_vwo.client import get_client
from django_vwo.engine.entities import Reason
from django_vwo.models import Assignment, Event, SettingsDocument
from django_vwo.sources import history
from django_vwo.sources.base import Fetched

from .builders import custom
from .conftest import Configure
from .datafiles import datafile, flag, rollout, rule
from .documents import ACCOUNT_ID, DOCUMENT_KEY, ab_test, document, only
from .sources.samples import text

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'&"
BIG = {"or": [custom("plan", f"plan-{number}") for number in range(10_000)]}


def deep(levels: int) -> dict[str, Any]:
    """Return a segment of so many levels."""
    node = custom("plan", "gold")
    for _ in range(levels):
        node = {"and": [node]}
    return node


class Tree(HTMLParser):
    """The lists of a page, as lines that are indented by how deep they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.lines: list[str] = []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.depth += tag == "ul"
        if tag == "li":
            self.lines.append("  " * self.depth)

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "ul"

    def handle_data(self, data: str) -> None:
        if self.depth and data.strip():
            self.lines[-1] += data


def lines_of(page: str) -> list[str]:
    """Return the tree on *page*, as lines."""
    tree = Tree()
    tree.feed(page[page.index("django-vwo-decision") : page.index("</section>")])
    return tree.lines


def log_in(browser: Browser, *permissions: str) -> Browser:
    user = User.objects.create(username="staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser.force_login(user)
    return browser


@pytest.fixture
def browser(client: Browser, site: Configure) -> Browser:
    """Return the browser of somebody who may see everything that the page leads to."""
    return log_in(client, "view_assignment", "view_settingsdocument", "view_event")


ADDRESS = "/admin/django_vwo/assignment/explain/"


def ask(browser: Browser, visitor: str = "Bob", **asked: Any) -> str:
    """Return the page that answers."""
    given = {"campaign": "pricing-page", "visitor": visitor, "has_storage": "on", **asked}
    answer = browser.post(ADDRESS, given)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<script>alert" not in page
    assert DOCUMENT_KEY not in page
    return page


def heading(page: str) -> str:
    found = re.search(r'<h2 id="decision">(.*?)</h2>\s*<p>(.*?)</p>', page)
    return unescape(f"{found[1]}: {found[2]}") if found else ""


# --- Who may see it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        ((), 403),
        (("view_event",), 403),
        (("view_assignment",), 200),
        (("view_settingsdocument",), 200),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_is_for_who_may_see_assignments_or_documents(
    client: Browser, site: Configure, permissions: tuple[str, ...], status: int, method: str
) -> None:
    assert getattr(log_in(client, *permissions), method)(ADDRESS).status_code == status


def test_it_is_for_staff(client: Browser, site: Configure) -> None:
    assert client.get(ADDRESS).status_code == 302
    client.force_login(User.objects.create(username="customer"))
    assert client.post(ADDRESS, {"visitor": "Bob"}).status_code == 302


def test_a_form_of_another_site_is_refused(browser: Browser) -> None:
    strict = Browser(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post(ADDRESS, {"campaign": "pricing-page", "visitor": "Bob"}).status_code == 403


@pytest.mark.parametrize("place", ["app_list", "assignment", "settingsdocument"])
def test_pages_link_to_it(browser: Browser, place: str) -> None:
    address = reverse(f"admin:django_vwo_{place}_changelist") if place != "app_list" else ""
    page = browser.get(address or reverse("admin:app_list", args=["django_vwo"]))
    assert f'href="{ADDRESS}"' in page.content.decode()


def test_who_may_not_see_it_has_no_link(client: Browser, site: Configure) -> None:
    page = log_in(client, "view_event").get(reverse("admin:app_list", args=["django_vwo"]))
    assert ADDRESS not in page.content.decode()


@pytest.mark.parametrize("may_see", [True, False])
def test_it_links_to_what_may_be_seen_of_the_visitor(
    client: Browser, site: Configure, may_see: bool
) -> None:
    log_in(client, "view_assignment", *(["view_event"] if may_see else []))
    page = ask(client)
    key = "8A5EB837980458DB8524FA6C65217F9B"
    assert f"Visitor {key}." in page
    assert (f'href="/admin/django_vwo/event/?q={key}"' in page) is may_see
    assert f'href="/admin/django_vwo/assignment/?q={key}"' in page


# --- What is asked -------------------------------------------------------------------------------


def test_the_page_asks_by_post_and_is_not_kept(browser: Browser) -> None:
    answer = browser.get(ADDRESS)
    page = answer.content.decode()
    assert f'<form method="post" action="{ADDRESS}">' in page
    assert "no-store" in answer.headers["Cache-Control"]
    page = browser.get(ADDRESS, {"campaign": "pricing-page", "visitor": "Bob"}).content.decode()
    assert "django-vwo-decision" not in page


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"campaign": ""}, "This field is required."),
        ({"campaign": "unheard-of"}, "unheard-of is not one of the available choices."),
        ({"visitor": ""}, "This field is required."),
        ({"visitor": "x" * 100_000}, "at most 10000 characters (it has 100000)"),
        ({"visitor": "a\0b"}, "Null characters are not allowed."),
        ({"custom_variables": "a=1\nplan"}, "Line 2 is not of the form “name = value”."),
        ({"targeting_variables": "=1"}, "Line 1 is not of the form “name = value”."),
        ({"custom_variables": "x" * 100_001}, "at most 100000 characters"),
        ({"document": "999999999999999999999999"}, "is not one of the available choices."),
        ({"document": "' OR 1=1 --"}, "is not one of the available choices."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_asked_is_told(browser: Browser, asked: dict[str, str], said: str) -> None:
    page = ask(browser, **asked)
    assert said in unescape(page)
    assert heading(page) == ""


def test_a_hostile_question_is_escaped(browser: Browser, site: Configure) -> None:
    arms = [{"id": 1, "name": HOSTILE, "weight": 100}]
    hostile = ab_test(HOSTILE, variations=arms, segments=custom(HOSTILE, HOSTILE))
    site(SETTINGS_DOCUMENT=document(hostile, ab_test(f"{HOSTILE} paused", id=8, status="PAUSED")))
    asked = {"campaign": HOSTILE, "custom_variables": f"{HOSTILE} = {HOSTILE}"}
    page = ask(browser, HOSTILE, **asked)
    assert heading(page).startswith(HOSTILE)
    assert f"    {HOSTILE}: {HOSTILE}, given {HOSTILE!r}: yes" in lines_of(page)


def test_a_paused_campaign_is_told(browser: Browser, site: Configure) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test(status="PAUSED")))
    page = ask(browser)
    assert "pricing-page (not running)" in page
    assert "This campaign is not running: nobody is decided on." in page


def test_a_feature_that_is_no_campaign_can_be_asked_about(
    client: Browser, configure: Configure
) -> None:
    given = datafile(
        featureFlags=[flag("nav", rollout="50"), flag("paused")],
        rollouts=[rollout(rule("60", end=0), rule("61"))],
        accountId=str(ACCOUNT_ID),
    )
    configure(DIALECT="optimizely", SETTINGS_DOCUMENT=given)
    browser = log_in(client, "view_assignment")
    assert "feature rollout rule-61: on (bucketed)" in unescape(ask(browser, campaign="nav"))
    assert "No experiment and no rule of the feature" in ask(browser, campaign="paused")


def test_a_site_without_a_document_is_told(client: Browser) -> None:
    page = log_in(client, "view_assignment").get(ADDRESS).content.decode()
    assert "No settings document is in service." in page
    assert heading(ask(client)) == ""


# --- What it answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_sentence(reason: Reason) -> None:
    assert str(REASONS[reason]).endswith(".")


@pytest.mark.parametrize("segment", [{}, custom("plan", "gold"), BIG, deep(90)])
@pytest.mark.parametrize("plan", ["gold", "plan-9000"])
def test_page_command_and_call_show_the_same_tree(
    browser: Browser,
    site: Configure,
    segment: Any,
    plan: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test(segments=segment)))
    decision = get_client().explain("pricing-page", "Bob", custom_variables={"plan": plan})
    call_command("vwo_explain", "pricing-page", "Bob", "--var", f"plan={plan}")
    page = ask(browser, custom_variables=f"plan = {plan}")
    assert capsys.readouterr().out.splitlines()[1:] == str(decision).splitlines()
    assert lines_of(page) == str(decision).splitlines()[1:]
    assert str(REASONS[decision.reason]) in unescape(heading(page))


def test_the_answer_to_a_huge_question_is_of_bounded_size(
    browser: Browser, site: Configure
) -> None:
    site(SETTINGS_DOCUMENT=document(ab_test(segments=BIG)))
    page = ask(browser, custom_variables=f"plan = {'x' * 99_000}")
    assert "… and 9,900 more" in page
    assert len(page) < 99_000 + 60_000


def test_what_is_remembered_can_be_left_out(browser: Browser) -> None:
    get_client().activate("pricing-page", "Bob")
    assert "remembered for the visitor" in heading(ask(browser))
    assert "in the range" in heading(ask(browser, has_storage=""))


@pytest.mark.django_db(transaction=True)
def test_a_stored_visitor_goes_by_their_key_too(browser: Browser) -> None:
    get_client().activate("pricing-page", "ann@example.com")
    key = Assignment.objects.get().visitor
    page = ask(browser, key)
    assert f"Visitor {key}." in page
    assert "remembered for the visitor" in heading(page)
    assert "ann@example.com" not in page


def keep(*names: str) -> list[SettingsDocument]:
    """Return documents that were in service one after the other; the last one is."""
    return [history.keep(Fetched(text=text(only(name)), origin=name)) for name in names]


def test_kept_documents_can_be_decided_with(browser: Browser, site: Configure) -> None:
    site(SETTINGS_DOCUMENT=None)
    first, _second = keep("First", "Second")
    assert heading(ask(browser)).startswith("Second: ")
    assert heading(ask(browser, document=first.pk)).startswith("First: ")


def test_a_campaign_that_the_chosen_document_lacks_is_told(
    browser: Browser, site: Configure
) -> None:
    site(SETTINGS_DOCUMENT=None)
    first = keep("First")[0]
    history.keep(Fetched(text=text(ab_test("later")), origin="later"))
    assert "later" in browser.get(ADDRESS).content.decode()
    page = ask(browser, campaign="later", document=first.pk)
    assert "later is not one of the available choices." in page


def test_a_kept_document_of_another_account_is_told(browser: Browser, site: Configure) -> None:
    first = keep("First", "Second")[0]
    site(ACCOUNT_ID=99, SETTINGS_DOCUMENT=None)
    assert "accountId is &#x27;123456&#x27;" in ask(browser, document=first.pk)


def test_the_newest_documents_are_offered(browser: Browser, site: Configure) -> None:
    site(SETTINGS_DOCUMENT=None)
    keep(*(f"document {number}" for number in range(MOST_DOCUMENTS + 5)))
    page = browser.get(ADDRESS).content.decode()
    offered = re.findall(r"document (\d+)", page[: page.index('name="campaign"')])
    newest = range(MOST_DOCUMENTS + 4, 3, -1)
    assert offered == [str(number) for number in newest]


def test_nothing_is_changed(browser: Browser) -> None:
    ask(browser)
    assert not Assignment.objects.exists()
    assert not Event.objects.exists()


def test_an_error_report_does_not_tell_who_was_asked_about(browser: Browser) -> None:
    answer = browser.post(ADDRESS, {"visitor": "ann@example.com"})
    assert answer.wsgi_request.sensitive_post_parameters == "__ALL__"
