"""Every request beside the official SDK's, both captured from a real connection, to the byte."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress, product
from typing import Any

import pytest

from django_vwo.conf import read_settings
from django_vwo.dialects.base import Sender
from django_vwo.dialects.vwo import settings_request
from django_vwo.sources.current import usage

from .capture import Capture, Captured
from .documents import Json, campaign, document, goal, variation
from .oracle import Call, Oracle, Session
from .wire_calls import hostile_document, session_for
from .wire_sides import FLUSH, OfficialWire, OurWire, Setup, without

pytestmark = pytest.mark.conformance

VISITORS = 200
"""In each setup. With nine calls each, some of them several requests."""
EVENT_ARCH = {"isEventArchEnabled": True}
SETUPS = [
    Setup(name="classic", document=hostile_document()),
    Setup(name="classic, eu01", document=hostile_document(collectionPrefix="eu01")),
    Setup(name="event-arch", document=hostile_document(**EVENT_ARCH)),
    Setup(
        name="event-arch, as01",
        document=hostile_document(**EVENT_ARCH, collectionPrefix="as01"),
        has_storage=True,
    ),
    Setup(name="classic, storage", document=hostile_document(), has_storage=True),
    Setup(name="classic in batches", document=hostile_document(), is_batched=True),
    Setup(
        name="event-arch in batches, eu01",
        document=hostile_document(**EVENT_ARCH, collectionPrefix="eu01"),
        is_batched=True,
    ),
]
FLAGS: Json = {
    "integrations": True,
    "logger": True,
    "log_level": logging.INFO,
    "goal_type_to_track": "REVENUE_TRACKING",
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Leave refused arguments out of the log."""
    logger = logging.getLogger("django_vwo")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.fixture(scope="module")
def official() -> Iterator[OfficialWire]:
    with Oracle() as oracle, Capture() as capture:
        yield OfficialWire(oracle, capture)


@pytest.fixture(scope="module")
def ours() -> Iterator[OurWire]:
    with Capture() as capture:
        yield OurWire(capture)


def sessions_of(setup: Setup) -> list[Session]:
    then = [FLUSH] if setup.is_batched else []
    return [session_for(setup.name, number, then=then) for number in range(VISITORS)]


def compare(
    official: OfficialWire, ours: OurWire, setup: Setup, sessions: Sequence[Session]
) -> Counter[bytes]:
    """Return how often each path was asked for. Raises `AssertionError` at the first difference."""
    calls = [call for session in sessions for call in session.calls]
    paths: Counter[bytes] = Counter()
    sides = zip(
        calls, official.requests(setup, sessions), ours.requests(setup, sessions), strict=True
    )
    for call, theirs, own in sides:
        assert own == theirs, call
        paths.update(path_of(each) for each in theirs)
    return paths


def path_of(captured: Captured) -> bytes:
    return captured.line.split(b" ")[1].partition(b"?")[0]


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_every_request_is_the_official_one(
    setup: Setup, official: OfficialWire, ours: OurWire
) -> None:
    paths = compare(official, ours, setup, sessions_of(setup))

    prefix = setup.document.get("collectionPrefix")
    start = f"/{prefix}".encode() if prefix else b""
    if setup.is_batched:
        assert paths == {start + b"/server-side/batch-events": VISITORS}
    elif setup.document.get("isEventArchEnabled"):
        assert paths.keys() == {start + b"/events/t"}
        assert paths.total() > 6 * VISITORS
    else:
        names = (b"track-user", b"track-goal", b"push")
        assert paths.keys() == {start + b"/server-side/" + name for name in names}
        assert min(paths.values()) > 2 * VISITORS


def flag_setups() -> Iterator[Setup]:
    """Yield a setup for each set of usage flags, on each kind of account."""
    for is_told in product([False, True], repeat=len(FLAGS)):
        options = {name: FLAGS[name] for name in compress(FLAGS, is_told)}
        for top, is_batched, has_storage in product(({}, EVENT_ARCH), (False, True), (False, True)):
            yield Setup(
                name=f"{options} {top} {is_batched} {has_storage}",
                document=document(campaign("a", 11), **top),
                is_batched=is_batched,
                has_storage=has_storage,
                options=options,
            )


def test_every_set_of_usage_flags_is_told_where_the_official_sdk_tells_it(
    official: OfficialWire, ours: OurWire
) -> None:
    calls = [
        Call(method="activate", args=("a", "Bob")),
        Call(method="track", args=("a", "Bob", "purchase"), kwargs={"revenue_value": 5}),
        Call(method="push", args=("plan", "gold", "Bob")),
    ]
    total = 0
    for setup in flag_setups():
        session = Session(calls=[*calls, *([FLUSH] if setup.is_batched else [])])
        total += compare(official, ours, setup, [session]).total()
    assert total == 2**5 * 2 * (3 + 1)


@pytest.mark.parametrize("is_batched", [False, True])
@pytest.mark.parametrize("has_storage", [False, True])
@pytest.mark.parametrize("goal_type", ["ALL", "CUSTOM_GOAL"])
def test_a_site_tells_the_flags_of_its_settings(
    is_batched: bool, has_storage: bool, goal_type: str
) -> None:
    given: Json = {"BATCH_EVENTS": is_batched, "GOAL_TYPE_TO_TRACK": goal_type}
    configured = read_settings(given if has_storage else {**given, "USER_STORAGE": None})
    options = {} if goal_type == "ALL" else {"goal_type_to_track": goal_type}
    setup = Setup(
        name="", document={}, is_batched=is_batched, has_storage=has_storage, options=options
    )

    assert usage(configured) == setup.usage


@pytest.mark.parametrize("is_webhook", [False, True])
@pytest.mark.parametrize("account_id", [123456, "123456", "a&b é"])
@pytest.mark.parametrize("sdk_key", ["3f1b2c4d5e6f", "k+e=y &é%"])
def test_the_settings_document_is_asked_for_as_officially(
    is_webhook: bool, account_id: Any, sdk_key: str, official: OfficialWire, ours: OurWire
) -> None:
    sender = Sender(
        account_id=str(account_id),
        sdk_key=sdk_key,
        base_url=ours.capture.url,
        collection_prefix="eu01",
    )

    [own] = ours.sent([settings_request(sender, is_webhook=is_webhook)])

    assert [own] == official.settings_requests(account_id, sdk_key, is_webhook)
    assert path_of(own) == b"/server-side/" + (b"pull" if is_webhook else b"settings")


@pytest.mark.parametrize("prefix", ["eu01", "a/b", "eu 01", "é", "a+b:c@d,e;f=g&h'(i)*!$"])
@pytest.mark.parametrize("top", [{}, EVENT_ARCH], ids=["classic", "event-arch"])
@pytest.mark.parametrize("is_batched", [False, True], ids=["single", "batch"])
def test_data_residency_is_part_of_the_path(
    prefix: str, top: Json, is_batched: bool, official: OfficialWire, ours: OurWire
) -> None:
    pushed = Call(method="push", args=("plan", "gold", "Bob"))
    settled = document(campaign("a", 11), collectionPrefix=prefix, **top)
    setup = Setup(name=prefix, document=settled, is_batched=is_batched)

    paths = compare(official, ours, setup, [Session(calls=[pushed, *[FLUSH] * is_batched])])

    assert paths.total() == 1


# --- Where the requests differ on purpose ----------------------------------------------------

LOST = (
    *("line\nbreak", "end\n", "cr\rlf\r\n", "李雷", "Mozilla/5.0 (李)", "🦊"),
    *(" lead", "\xa0lead", "\tlead", "   "),
)
SENT_RAW = ("a\x01b", "\x7f", "\x1b[0m", "a\x1fb")


@pytest.mark.parametrize("top", [{}, EVENT_ARCH], ids=["classic", "event-arch"])
@pytest.mark.parametrize("text", LOST, ids=ascii)
@pytest.mark.parametrize("argument", ["user_agent", "user_ip_address"])
def test_what_no_header_can_carry_loses_no_event(
    argument: str, text: str, top: Json, official: OfficialWire, ours: OurWire
) -> None:
    setup = Setup(name="", document=document(campaign("a", 11), **top))
    headers = {"user_agent": b"X-Device-User-Agent", "user_ip_address": b"VWO-X-Forwarded-For"}

    [theirs], [[own]] = both(official, ours, setup, {argument: text})
    [], [[bare]] = [], list(ours.requests(setup, [shown({argument: "a"})]))

    assert theirs == []
    carried = text.lstrip() if text.lstrip().isascii() and "\n" not in text else ""
    expected = ((headers[argument], carried.encode()),) if carried else ()
    rest = without(headers[argument], own)
    assert set(own.headers) - set(rest.headers) == set(expected)
    assert rest.headers == without(headers[argument], bare).headers


@pytest.mark.parametrize("text", SENT_RAW, ids=ascii)
def test_control_characters_stay_out_of_headers(
    text: str, official: OfficialWire, ours: OurWire
) -> None:
    setup = Setup(name="", document=document(campaign("a", 11)))

    [[theirs]], [[own]] = both(official, ours, setup, {"user_agent": text})

    assert (b"X-Device-User-Agent", text.encode()) in theirs.headers
    assert own == without(b"X-Device-User-Agent", theirs)


def both(
    official: OfficialWire, ours: OurWire, setup: Setup, kwargs: Json
) -> tuple[list[list[Captured]], list[list[Captured]]]:
    """Return the requests of one exposure on each side."""
    sessions = [shown(kwargs)]
    return list(official.requests(setup, sessions)), list(ours.requests(setup, sessions))


def shown(kwargs: Json) -> Session:
    return Session(calls=[Call(method="activate", args=("a", "Bob"), kwargs=kwargs)])


def text_ids(campaign_id: int | str, **top: Any) -> Json:
    """Return a document whose variation and goal have text for ids."""
    goals = [{**goal("signup", 0), "id": "201"}]
    return document(campaign("a", campaign_id, [variation("2", "Only", 100)], goals=goals), **top)


TEXT_IDS = [
    pytest.param(text_ids(11), False, [], id="classic"),
    pytest.param(
        text_ids("11", **EVENT_ARCH), False, [b'"id": "11"', b'"variation": "2"'], id="event-arch"
    ),
    pytest.param(text_ids(11), True, [b'"c": "2"', b'"g": "201"'], id="classic in batches"),
]
"""A document, whether it is batched, and where the official SDK tells a text."""


@pytest.mark.parametrize(("settled", "is_batched", "texts"), TEXT_IDS)
def test_ids_that_are_text_are_numbers_here_wherever_the_type_shows(
    settled: Json, is_batched: bool, texts: list[bytes], official: OfficialWire, ours: OurWire
) -> None:
    setup = Setup(name="", document=settled, is_batched=is_batched)
    calls = [
        Call(method="activate", args=("a", "Ann")),
        Call(method="track", args=("a", "Ann", "signup")),
    ]
    sessions = [Session(calls=[*calls, *([FLUSH] if is_batched else [])])]

    theirs = [each for call in official.requests(setup, sessions) for each in call]
    own = [each for call in ours.requests(setup, sessions) for each in call]

    assert all(text in theirs[0].body for text in texts)
    assert own == [replace(each, body=as_numbers(each.body, texts)) for each in theirs]


def as_numbers(body: bytes, texts: list[bytes]) -> bytes:
    """Return *body* with numbers in the place of *texts*."""
    for text in texts:
        name, value = text.split(b": ")
        body = body.replace(text, name + b": " + value.strip(b'"'))
    return body


def test_the_comparison_sees_one_byte(official: OfficialWire, ours: OurWire) -> None:
    setup = Setup(name="", document=document(campaign("a", 11), **EVENT_ARCH))
    [[theirs]], [[own]] = both(official, ours, setup, {"user_agent": "UA"})

    assert own == theirs
    assert b'"name": "vwo_variationShown"' in own.body
    for place in range(len(own.body)):
        changed = own.body[:place] + b"\0" + own.body[place + 1 :]
        assert replace(own, body=changed) != theirs
