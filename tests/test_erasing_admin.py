"""The admin erases visitors: asked first, by whoever may, and no more than were chosen."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.test import override_settings
from django.utils import timezone

from django_vwo.admin.erasing import MOST_ROWS, PERMISSIONS
from django_vwo.client import get_client
from django_vwo.engine.errors import VWOError
from django_vwo.models import Assignment, Event, EventKind, EventStatus
from django_vwo.storages.memory import MemoryStorage

from .conftest import Configure
from .test_admin import act, listing, page
from .test_results import event

pytestmark = pytest.mark.django_db(transaction=True)

ANN = "ann <ann@shop.example>"
LISTS = ["assignment", "event", "impression", "conversion"]


def log_in(browser: Browser, permissions: Any) -> Browser:
    """Log somebody in who may look at everything, and has *permissions*."""
    user = User.objects.create(username="staff", is_staff=True)
    codenames = [permission.split(".")[1] for permission in permissions]
    given = Permission.objects.filter(content_type__app_label="django_vwo")
    user.user_permissions.set(
        given.filter(codename__startswith="view_") | given.filter(codename__in=codenames)
    )
    browser.force_login(user)
    return browser


@pytest.fixture
def browser(client: Browser, site: Configure) -> Browser:
    return log_in(client, PERMISSIONS)


def visit(user_id: str) -> None:
    vwo = get_client()
    assert vwo.activate("pricing-page", user_id)
    assert vwo.track("pricing-page", user_id, "signup")


def row_in(model: str) -> Any:
    """Return Ann's row in the list of *model*."""
    if model == "assignment":
        return Assignment.objects.get(user_id=ANN)
    kind = EventKind.CONVERSION if model == "conversion" else EventKind.IMPRESSION
    return Event.objects.get(user_id=ANN, kind=kind)


def asked(browser: Browser, model: str, *rows: Any, **more: Any) -> str:
    """Return the page that asks whether the visitors of *rows* are to be erased."""
    chosen = {"action": "erase_visitors", "_selected_action": [row.pk for row in rows]}
    answer = browser.post(listing(model), {**chosen, **more})
    assert answer.status_code == 200, answer
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("model", LISTS)
def test_a_visitor_is_erased_once_that_is_confirmed(browser: Browser, model: str) -> None:
    visit(ANN)
    visit("bob")
    row = row_in(model)

    html = asked(browser, model, row)
    assert "ann &lt;ann@shop.example&gt;" in html
    assert row.visitor in html
    assert "1 assignment is deleted." in html
    assert "2 events lose all that leads to them." in html
    assert "bob" not in html
    assert Event.objects.filter(user_id=ANN).count() == 2, "it only asked"

    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html))
    assert hidden["_selected_action"] == str(row.pk)
    assert act(browser, model, hidden["action"], row, post=hidden["post"]) == [
        "1 visitor was erased."
    ]
    assert [each.user_id for each in Assignment.objects.all()] == ["bob"]
    assert sorted(Event.objects.values_list("user_id", "status")) == [
        *[("", EventStatus.CANCELLED)] * 2,
        *[("bob", EventStatus.PENDING)] * 2,
    ]
    page(browser, listing("event"))


def test_what_is_being_sent_is_told_of(browser: Browser) -> None:
    event("V" * 32, user_id=ANN, status=EventStatus.PENDING, lease_token=uuid4()).save()

    assert act(browser, "event", "erase_visitors", Event.objects.get(), post="yes") == [
        "1 visitor was erased.",
        "1 event was being sent just now: it may still arrive.",
    ]


def test_rows_are_found_under_the_key_that_they_have(browser: Browser) -> None:
    """The key is not the one of today: of an account that is gone, or of an id that was cut."""
    event("OLD", user_id=ANN, due_at=timezone.now(), status=EventStatus.PENDING).save()
    act(browser, "event", "erase_visitors", Event.objects.get(), post="yes")

    assert Event.objects.get().visitor != "OLD"
    assert Event.objects.get().user_id == ""


def test_several_visitors_are_erased_at_once(browser: Browser) -> None:
    for user_id in ("ann", "bob", "cem"):
        visit(user_id)
    chosen = Event.objects.exclude(user_id="cem")

    html = asked(browser, "event", *chosen)
    assert "2 assignments are deleted." in html
    assert "4 events lose" in html
    assert act(browser, "event", "erase_visitors", *chosen, post="yes") == [
        "2 visitors were erased."
    ]
    assert set(Event.objects.values_list("user_id", flat=True)) == {"", "cem"}


def test_what_was_erased_is_neither_erased_nor_sent_again(browser: Browser) -> None:
    visit(ANN)
    act(browser, "event", "erase_visitors", row_in("event"), post="yes")
    gone = Event.objects.all()
    before = list(gone.values())

    assert act(browser, "event", "erase_visitors", *gone) == ["These visitors are erased already."]
    assert act(browser, "event", "send_again", *gone) == ["0 events are on their way again."]
    assert list(gone.values()) == before


def test_nobody_erases_everybody_by_one_click(browser: Browser) -> None:
    Event.objects.bulk_create(event(f"v{number}", user_id="x") for number in range(MOST_ROWS + 1))
    everything = {"select_across": "1", "index": "0", "post": "yes"}

    told = act(browser, "event", "erase_visitors", Event.objects.latest("id"), **everything)
    assert told == [f"Choose {MOST_ROWS} rows at the most."]
    assert not Event.objects.filter(user_id="").exists()


@pytest.mark.parametrize("missing", PERMISSIONS)
@pytest.mark.parametrize("model", ["assignment", "event"])
def test_it_takes_all_permissions(
    client: Browser, site: Configure, model: str, missing: str
) -> None:
    visit(ANN)
    browser = log_in(client, set(PERMISSIONS) - {missing})
    assert "erase_visitors" not in page(browser, listing(model))

    chosen = {"action": "erase_visitors", "_selected_action": [row_in(model).pk], "post": "yes"}
    browser.post(listing(model), chosen)
    assert Event.objects.filter(user_id=ANN).count() == 2


class Unforgetting(MemoryStorage):
    """Cannot erase."""

    def forget(self, visitor: object) -> None:
        raise VWOError("Nothing was erased.")


def test_a_storage_that_cannot_erase_is_told_of(browser: Browser, site: Configure) -> None:
    site(USER_STORAGE={"BACKEND": f"{__name__}.Unforgetting"})
    visit(ANN)

    told = act(browser, "event", "erase_visitors", row_in("event"), post="yes")
    assert told == ["Nothing was erased."]
    assert Event.objects.filter(user_id=ANN).count() == 2


@override_settings(LANGUAGE_CODE="de")
def test_germans_are_asked_in_german(browser: Browser) -> None:
    visit(ANN)
    html = asked(browser, "event", row_in("event"))
    for text in (
        "Diese Besucher löschen?",
        "1 Zuweisung wird gelöscht.",
        "2 Ereignisse verlieren alles",
        "zählt weiter in den Ergebnissen",
        "bleibt bei ihm",
    ):
        assert text in html
    assert "rase" not in re.sub(r"<[^>]*>|erase_", "", html)
    Event.objects.update(lease_token=uuid4())
    assert act(browser, "event", "erase_visitors", row_in("event"), post="yes") == [
        "1 Besucher wurde gelöscht.",
        "2 Ereignisse wurden gerade gesendet: sie können noch ankommen.",
    ]
