import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from django_vwo import __version__
from django_vwo.dialects.base import Request, Sender
from django_vwo.dialects.vwo import render_batch, settings_request
from django_vwo.dialects.vwo.wire import number
from django_vwo.engine.events import Event, Kind

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "vwo_batch.json").read_text(encoding="utf-8")
)
KEY = "secretkey"
SENDER = Sender(account_id="123456", sdk_key=KEY)
IMPRESSION = Event(
    kind=Kind.IMPRESSION,
    message_id=1,
    occurred_at=datetime(2026, 3, 1, 12, 30, 15, 999_999, tzinfo=UTC),
    account_id="123456",
    user_id="Bob",
    visitor="8A5EB837980458DB8524FA6C65217F9B",
    campaign_id="11",
    campaign_key="ab",
    variation_id="2",
    variation_name="Variation-1",
)


def event_from(given: dict[str, Any], seconds: int) -> Event:
    values = {**given, "kind": Kind[given["kind"].upper()]}
    return replace(IMPRESSION, **{"occurred_at": datetime.fromtimestamp(seconds, UTC), **values})


def entries(request: Request) -> list[dict[str, Any]]:
    return list(json.loads(request.body)["ev"])


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_a_batch_is_what_the_official_sdk_posts(case: dict[str, Any]) -> None:
    sender = replace(
        SENDER,
        collection_prefix=case["collection_prefix"],
        has_event_properties=case["has_event_properties"],
        usage=case["usage"],
    )
    events = [event_from(given, case["seconds"]) for given in case["events"]]

    request = render_batch(events, sender)

    sent = case["sent"]
    own = {"sdk": "django-vwo", "sdk-v": __version__}
    assert request.method == "POST"
    assert request.url == sent["host"] + sent["path"]
    assert request.query == {**sent["query"], **own}
    assert request.headers == {**sent["headers"], "User-Agent": "django-vwo"}
    assert entries(request) == sent["body"]["ev"]
    assert [*entries(request)[0]] == [*sent["body"]["ev"][0]]


def test_the_body_has_nothing_but_events() -> None:
    assert set(json.loads(render_batch([IMPRESSION], SENDER).body)) == {"ev"}


def test_the_time_is_that_of_the_event() -> None:
    assert entries(render_batch([IMPRESSION], SENDER))[0]["sId"] == 1772368215


def test_the_user_id_stays_here() -> None:
    events = [replace(IMPRESSION, user_id="bob@example.com")]

    assert b"bob@example.com" not in render_batch(events, SENDER).body


def test_secrets_stay_out_of_what_is_shown() -> None:
    shown = repr(render_batch([IMPRESSION], SENDER)) + repr(settings_request(SENDER)) + repr(SENDER)

    assert KEY not in shown


def test_without_usage_statistics_there_is_no_sign_of_them() -> None:
    assert set(render_batch([IMPRESSION], SENDER).query) == {"a", "sdk", "sdk-v", "env"}


@pytest.mark.parametrize(
    ("prefix", "url"),
    [
        ("", "http://127.0.0.1:8/server-side/batch-events"),
        ("eu01", "http://127.0.0.1:8/eu01/server-side/batch-events"),
        ("/as01/", "http://127.0.0.1:8/as01/server-side/batch-events"),
        ("a b?c#d", "http://127.0.0.1:8/a%20b%3Fc%23d/server-side/batch-events"),
    ],
)
def test_a_site_can_name_its_collector(prefix: str, url: str) -> None:
    sender = replace(SENDER, base_url="http://127.0.0.1:8", collection_prefix=prefix)

    assert render_batch([IMPRESSION], sender).url == url


def test_a_value_that_is_no_json_is_an_error() -> None:
    bad = replace(IMPRESSION, kind=Kind.CONVERSION, goal_id="1", revenue=float("nan"))

    with pytest.raises(ValueError):
        render_batch([bad], SENDER)


AS_NUMBERS = [("11", 11), ("0", 0), ("-3", -3)]
AS_TEXT = ["011", " 1", "1_0", "a", "", "1.5", "٣", "9" * 30]


@pytest.mark.parametrize(("vendor_id", "sent"), [*AS_NUMBERS, *((text, text) for text in AS_TEXT)])
def test_ids_are_numbers_where_they_read_as_integers(vendor_id: str, sent: int | str) -> None:
    assert number(vendor_id) == sent
    assert type(number(vendor_id)) is type(sent)


@pytest.mark.parametrize(
    ("is_webhook", "url"),
    [
        (False, "https://dev.visualwebsiteoptimizer.com/server-side/settings"),
        (True, "https://dev.visualwebsiteoptimizer.com/server-side/pull"),
    ],
)
def test_the_settings_document_is_asked_for(is_webhook: bool, url: str) -> None:
    request = settings_request(
        replace(SENDER, collection_prefix="eu01", usage={"eb": "1"}), is_webhook=is_webhook
    )

    chance = request.query["r"]
    assert 0 <= float(chance) < 1
    assert (request.method, request.url, request.body) == ("GET", url, b"")
    assert request.query == {
        "a": "123456",
        "i": KEY,
        "r": chance,
        "platform": "server",
        "api-version": "1",
        "sdk": "django-vwo",
        "sdk-v": __version__,
    }
    assert request.headers == {"User-Agent": "django-vwo"}


def test_a_push_has_an_entry_for_each_dimension() -> None:
    push = replace(IMPRESSION, kind=Kind.PUSH, properties={"plan": "gold", "seats": 5})

    tags: Sequence[str] = [entry["t"] for entry in entries(render_batch([push], SENDER))]

    assert tags == ['{"u": {"plan": "gold"}}', '{"u": {"seats": 5}}']
