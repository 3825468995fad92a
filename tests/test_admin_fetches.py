"""The admin shows how the fetching of the settings document goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vwo.models import SettingsFetch

from .sources.samples import SDK_KEY

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
LATER = NOW + timedelta(days=1)
EARLIER = NOW - timedelta(days=1)
STATES: dict[str, tuple[dict[str, Any], str]] = {
    "new": ({}, "not fetched yet"),
    "asked for": ({"asked_at": NOW, "is_webhook": True}, "about to be fetched"),
    "under way": ({"started_at": NOW, "due_at": LATER, "is_under_way": True}, "being fetched"),
    "killed": (
        {"started_at": EARLIER, "due_at": EARLIER, "is_under_way": True},
        "cannot be fetched",
    ),
    "well": ({"started_at": NOW, "succeeded_at": LATER}, "up to date"),
    "failing": ({"started_at": NOW, "failed_at": LATER, "failures": 3}, "cannot be fetched"),
}


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def page(browser: Client, url: str) -> str:
    response = browser.get(url)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(("changes", "expected"), STATES.values(), ids=STATES)
def test_the_state_is_told(browser: Client, changes: dict[str, Any], expected: str) -> None:
    SettingsFetch(account_id="123456", **changes).save()
    for url in (
        reverse("admin:django_vwo_settingsfetch_changelist"),
        reverse("admin:django_vwo_settingsfetch_change", args=["123456"]),
    ):
        told = page(browser, url)
        assert expected in told
        others = {other for _, other in STATES.values()} - {expected}
        assert not [other for other in others if other in told]


def test_a_killed_fetch_is_the_reason(browser: Client) -> None:
    SettingsFetch(account_id="123456", due_at=EARLIER, is_under_way=True).save()
    told = page(browser, reverse("admin:django_vwo_settingsfetch_changelist"))
    assert "its process was killed" in told


def test_the_reason_is_told_without_the_key_and_escaped(browser: Client) -> None:
    error = f"<b>{SDK_KEY}</b>: HTTP 503"
    SettingsFetch(account_id="123456", failures=1, last_error=error).save()
    told = page(browser, reverse("admin:django_vwo_settingsfetch_changelist"))
    assert "&lt;b&gt;********&lt;/b&gt;: HTTP 503" in told
    assert SDK_KEY not in told


def test_no_secret_nor_what_stands_for_it_is_shown(browser: Client) -> None:
    SettingsFetch(account_id="123456", asked_of="f00d" * 16, etag='"tag"').save()
    told = page(browser, reverse("admin:django_vwo_settingsfetch_change", args=["123456"]))
    assert "f00d" not in told


def test_nothing_can_be_changed(browser: Client) -> None:
    SettingsFetch(account_id="123456").save()
    change = reverse("admin:django_vwo_settingsfetch_change", args=["123456"])
    delete = reverse("admin:django_vwo_settingsfetch_delete", args=["123456"])
    assert browser.post(change, {"failures": 9}).status_code == 403
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    assert browser.get(reverse("admin:django_vwo_settingsfetch_add")).status_code == 403
    assert SettingsFetch.objects.get().failures == 0
