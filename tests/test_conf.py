"""The ``VWO`` setting is read once, checked as a whole, and read anew when a test changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_vwo.conf import AppSettings, Backend, app_settings, read_settings
from django_vwo.engine.errors import VWOError
from django_vwo.storages.memory import MemoryStorage

SECRET = "a-very-secret-value"


def refusal(given: object) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read_settings(given)
    return str(caught.value)


def test_everything_has_a_default() -> None:
    assert read_settings({}) == AppSettings()
    assert AppSettings().user_storage == Backend(
        path="django_vwo.storages.database.DatabaseStorage"
    )


def test_settings_are_read_once_and_when_they_change() -> None:
    with override_settings(VWO={"ACCOUNT_ID": 7}):
        assert app_settings() is app_settings()
        assert app_settings().account_id == "7"
        with override_settings(VWO={"ACCOUNT_ID": "8"}):
            assert app_settings().account_id == "8"
        assert app_settings().account_id == "7"


@pytest.mark.parametrize("given", [None, [], "VWO", 5])
def test_the_setting_is_a_dict(given: object) -> None:
    assert refusal(given) == "The VWO setting is missing or is no dict."


def test_unknown_keys_are_named() -> None:
    assert refusal({"ACOUNT_ID": 1, "sdk_key": SECRET}) == (
        "VWO has unknown keys: ACOUNT_ID, sdk_key."
    )


WRONG: dict[str, list[Any]] = {
    "ACCOUNT_ID": [None, [], True, 1.5, ...],
    "DIALECT": ["other", None, 5],
    "SETTINGS_DOCUMENT": [5, [], b"{}", "", '{"sdkKey": "secret"}', ({"sdkKey": "secret"},)],
    "REFRESH_SECONDS": [-1, "60", True, float("nan"), float("inf"), None, 86_401],
    "FETCH_SECONDS": [-1, 0.01, 4.99, 86_401, "5", False, float("nan"), float("inf"), None],
    "USER_ID": [5, "no.such.function", "plain", "django_vwo.conf.SECRETS"],
    "CONSENT": [5, ""],
    "COOKIE_NAME": [5, None],
    "COOKIE_AGE_SECONDS": [0, 1.5, True, "1"],
    "SEND_IP_ADDRESS": [1, "yes", None],
    "USER_STORAGE": ["dotted.Path", {}, {"BACKEND": 5}, {"BACKEND": "a.B", "MORE": 1}],
    "RECORDER": [None, {"BACKEND": "a.B", "OPTIONS": []}],
    "DELIVERY": ["beat", None],
    "COLLECTOR_URL": [
        *("collector.example", "ftp://collector.example", "http://", 5, "http://[bad"),
        *("https://user:secret@c.example", "https://c.example/?key=secret", "https://c.example/#a"),
    ],
    "TIMEOUT_SECONDS": [0, 121, "15"],
    "LEASE_SECONDS": [0, 3_601],
    "BATCH_SIZE": [0, 5_001, 500.0, True, "500"],
    "BATCH_BYTES": [1_023],
    "RETENTION_DAYS": [0, -1],
    "GOAL_TYPE_TO_TRACK": ["all", None],
    "DEVELOPMENT_MODE": [0],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG.items() for value in values],
    ids=str,
)
def test_a_wrong_value_is_told_with_its_place(name: str, value: object) -> None:
    assert f"VWO['{name}']" in refusal({name: value})


@pytest.mark.parametrize(
    "address", ["https://user:a-secret@c.example", "https://c.example/?a-secret"]
)
def test_an_address_with_a_secret_is_refused_untold(address: str) -> None:
    assert "a-secret" not in refusal({"COLLECTOR_URL": address})


def test_a_wrong_number_is_told_with_range_and_unit() -> None:
    assert refusal({"BATCH_SIZE": 9_999}) == (
        "VWO['BATCH_SIZE'] is 9999; expected a whole number from 1 to 5000 (events a request)."
    )


@pytest.mark.parametrize("name", ["SDK_KEY", "SETTINGS_DOCUMENT", "WEBHOOK_SECRET"])
def test_secrets_are_named_and_never_shown(name: str) -> None:
    told = refusal({name: [SECRET]})
    assert name in told
    assert SECRET not in told
    assert SECRET not in repr(read_settings({name: SECRET}))


def test_a_path_may_be_text(tmp_path: Path) -> None:
    assert read_settings({"SETTINGS_DOCUMENT": "vwo.json"}).settings_document == Path("vwo.json")
    assert read_settings({"SETTINGS_DOCUMENT": tmp_path}).settings_document == tmp_path


def test_a_collector_needs_no_slash() -> None:
    assert read_settings({"COLLECTOR_URL": "https://c.example/"}).collector_url == (
        "https://c.example"
    )


def test_functions_are_imported() -> None:
    assert read_settings({"USER_ID": "django_vwo.conf.app_settings"}).user_id is app_settings
    assert read_settings({"CONSENT": bool}).consent is bool


def test_backends_are_made_with_their_options() -> None:
    made = Backend(path="django_vwo.storages.memory.MemoryStorage").create()
    assert isinstance(made, MemoryStorage)
    wrong = Backend(path="django_vwo.storages.memory.MemoryStorage", options={"size": 1})
    with pytest.raises(ImproperlyConfigured, match="MemoryStorage cannot be used"):
        wrong.create()
    with pytest.raises(ImproperlyConfigured, match="No module named"):
        Backend(path="no.such.Class").create()


def test_a_mistake_is_nothing_that_the_client_swallows() -> None:
    assert not issubclass(ImproperlyConfigured, VWOError)


def test_zero_may_be_beyond_the_least() -> None:
    assert [read_settings({"FETCH_SECONDS": each}).fetch_seconds for each in (0, 5)] == [0, 5]
    assert refusal({"FETCH_SECONDS": 3}) == (
        "VWO['FETCH_SECONDS'] is 3; expected a number from 5 to 86400 (seconds), or 0."
    )
