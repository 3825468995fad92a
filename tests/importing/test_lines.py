"""CSV files of conversions: what is read of them, and what is refused."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.importing import rows
from django_vwo.importing.lines import Line, read_lines
from django_vwo.importing.rows import HeaderError, Refusal

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HEADER = "user_id,goal,time"
ANN = "ann,signup,2026-03-01T12:30:15Z"
FULL = "user_id,goal,time,campaign,revenue,attributes,tags,id"


def read(text: str | bytes) -> list[Line | Refusal]:
    content = text if isinstance(text, bytes) else text.encode()
    decoded = io.TextIOWrapper(
        io.BytesIO(content), encoding="utf-8", errors="surrogateescape", newline=""
    )
    return list(read_lines(decoded, UTC, NOW))


def one(text: str | bytes) -> Line:
    (line,) = read(text)
    assert isinstance(line, Line), line
    return line


def refused(text: str | bytes) -> list[str]:
    return [str(found) for found in read(text) if isinstance(found, Refusal)]


def with_field(name: str, value: str) -> str:
    """Return a file of one line, *value* in one of its columns."""
    out = io.StringIO()
    told = {"user_id": "ann", "goal": "signup", "time": "2026-03-01T12:30:15Z", name: value}
    writer = csv.DictWriter(out, list(told))
    writer.writeheader()
    writer.writerow(told)
    return out.getvalue()


# --- Headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["goal", "event", "goal_identifier", " Goal ", "EVENT"])
def test_columns_are_named_in_any_case_and_order(name: str) -> None:
    line = one(f"TIME,{name},User_ID\n2026-03-01T12:30:15Z,signup,ann\n")
    assert (line.user_id, line.goal) == ("ann", "signup")
    assert line.time == datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
def test_delimiter_line_break_and_mark_are_found_out(delimiter: str, mark: str, end: str) -> None:
    lines = (FULL, 'ann,signup,1772368215,pricing-page,"12.5","{""a"": 1}",,')
    text = end.join(line.replace(",", delimiter) for line in lines)
    if delimiter != ",":
        text = text.replace(f'1"{delimiter}', '1",')
    line = one(mark + text + end)
    assert (line.campaign, line.revenue, line.attributes) == ("pricing-page", 12.5, {"a": 1})


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("user_id,goal", "it lacks time; known are user_id, goal, event, goal_identifier, time,"),
        ("name,colour", "it lacks user_id and goal and time; known are user_id, goal"),
        ("ann,signup,2026-03-01", "it lacks user_id and goal and time"),
        ("user_id,goal,time,colour", "not known: 'colour'; known are user_id, goal, event"),
        ("user_id,goal,time,", "not known: ''; known are"),
        ("user_id,goal,time,event", "names a column twice: goal"),
        ("user_id|goal|time", "it lacks user_id"),
        ('user_id,goal,"time', "it lacks"),
        ("user_id,go\0al,time", "no text in UTF-8"),
        (b"\xff\xfeu\0s\0e\0r\0", "no text in UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0", "no text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no text in UTF-8"),
        ("x" * 3_000_000, "has more than 1,048,576 characters"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_header_that_cannot_be_used_is_told(header: str | bytes, said: str) -> None:
    content = header if isinstance(header, bytes) else header.encode()
    with pytest.raises(HeaderError) as raised:
        read(content + b"\nann,signup,2026-03-01\n")
    assert said in str(raised.value)
    assert "ann" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", " \r\n", HEADER, f"\n{HEADER}\n\n"])
def test_an_empty_file_is_nothing(text: str) -> None:
    assert read(text) == []


# --- Rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("ann,signup", "has 2 values; the first line names 3 columns"),
        ("secret,signup,2026-03-01,more", "has 4 values; the first line names 3 columns"),
        ("secret\0,signup,2026-03-01", "is no text in UTF-8, or has a NUL"),
        (b"s\xe9cret,signup,2026-03-01", "is no text in UTF-8, or has a NUL"),
        ('"secret"x,signup,2026-03-01', "is no CSV"),
        ("secret" * 30_000 + ",signup,2026-03-01", "is no CSV: quotes that do not match, or a fi"),
        ("secret" * 300_000 + ",signup,2026-03-01", "has more than 1,048,576 characters"),
        (",signup,2026-03-01", "user_id is missing"),
        ("secret,,2026-03-01", "goal is missing"),
        ("secret,signup,", "time is missing"),
        ("signup,2026-03-01,secret", "time is neither ISO 8601"),
        ("secret,signup,2027-01-01", "time is in the future"),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bad_row_is_named_and_the_rest_read(row: str | bytes, why: str, end: bytes) -> None:
    bad = row if isinstance(row, bytes) else row.encode()
    good = [ANN.encode(), b""]
    found = read(end.join([HEADER.encode(), *good, bad, *good]))
    assert [type(each) for each in found] == [Line, Refusal, Line]
    refusal = found[1]
    assert isinstance(refusal, Refusal)
    assert (refusal.first, refusal.last) == (4, 4)
    assert why in refusal.reason
    assert "secret" not in str(refusal)


def test_line_breaks_in_fields_count_as_lines() -> None:
    text = 'user_id,goal,time,tags\nann,signup,1772368215,"{\n}"\nann,signup,,"{\r\n}"\nx\n'
    found = read(text)
    assert isinstance(found[0], Line)
    assert (found[0].number, found[0].last) == (2, 3)
    assert refused(text) == [
        "Lines 4-5: time is missing.",
        "Line 6: has 1 values; the first line names 4 columns.",
    ]


def test_a_quote_that_is_never_closed_takes_no_more_than_a_field_may_have() -> None:
    lines = [HEADER, ANN, f'"{ANN}', *[ANN] * 10_000]
    found = read("\n".join(lines))
    (refusal,) = (each for each in found if isinstance(each, Refusal))
    assert refusal.first == 3
    assert "quotes that do not match" in refusal.reason
    assert len(found) - 1 == 10_002 - (refusal.last - refusal.first + 1)


def test_a_quote_that_is_open_at_the_end_is_told() -> None:
    assert refused(f'{HEADER}\n{ANN}\n"ann,signup\n') == [
        "Line 3: is no CSV: quotes that do not match, or a field of more than 131,072 characters."
    ]


def test_a_line_that_just_fits_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LONGEST_LINE", len(ANN) + 1)
    assert len(read(f"{HEADER}\n{ANN}\n{ANN}x\n{ANN}")) == 3
    assert len(refused(f"{HEADER}\n{ANN}\n{ANN}x\n{ANN}")) == 1


@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    found = read(HEADER.encode() + b"\n" + content)
    numbers = [each.first if isinstance(each, Refusal) else each.number for each in found]
    assert numbers == sorted(set(numbers))


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)))
def test_every_user_id_comes_as_it_was_written(user_ids: list[str]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER.split(","))
    writer.writerows([user_id, "signup", "2026-03-01"] for user_id in user_ids)
    found = [each.user_id for each in read(out.getvalue()) if isinstance(each, Line)]
    assert found == user_ids


# --- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), (" ", None), ("12.50", 12.5), ("40.00", 40), ("0", 0), ("-3", -3), ("1e3", 1000)],
)
def test_revenue_is_a_number(text: str, expected: float | None) -> None:
    revenue = one(with_field("revenue", text)).revenue
    assert revenue == expected
    assert type(revenue) is type(expected)


@pytest.mark.parametrize(
    "text", ["12,50", "1_000", "$5", "NaN", "inf", "-Infinity", "0x10", "١٢", "1e999", "1" * 5000]
)
def test_revenue_that_is_no_number_is_refused(text: str) -> None:
    (told,) = refused(with_field("revenue", text))
    assert told.startswith("Line 2: revenue is ")


@pytest.mark.parametrize("name", ["attributes", "tags"])
@pytest.mark.parametrize(
    "text",
    [
        "{",
        "5",
        "null",
        '["plan"]',
        '"text"',
        "{'plan': 'gold'}",
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": ' + "9" * 5_000 + "}",
        '{"a":' * 1_000 + "1" + "}" * 1_000,
        "[" * 100_000,
        '{"a": "' + "x" * 20_000 + '"}',
        '{"a":' * 21 + "1" + "}" * 21,
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_json_object_is_refused(name: str, text: str) -> None:
    (told,) = refused(with_field(name, text))
    assert told.startswith(f"Line 2: {name} is ")


def test_objects_are_read() -> None:
    assert one(with_field("attributes", ' {"plan": "gold", "seats": 5} ')).attributes == {
        "plan": "gold",
        "seats": 5,
    }
    assert one(with_field("tags", '{"a":' * 20 + "1" + "}" * 20)).tags


# --- Identity ------------------------------------------------------------------------------------

LINE = Line(
    number=2,
    last=2,
    user_id="ann",
    goal="signup",
    time=datetime(2026, 3, 1, tzinfo=UTC),
    revenue=12.5,
    tags={"a": 1, "b": 2},
)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "bob"},
        {"goal": "checkout"},
        {"campaign": "pricing-page"},
        {"time": datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC)},
        {"revenue": 12.51},
        {"revenue": None},
        {"tags": {"a": 1}},
        {"id": "order-1"},
    ],
    ids=str,
)
def test_what_a_line_tells_of_the_conversion_makes_its_id(changes: dict[str, Any]) -> None:
    assert replace(LINE, **changes).message_id("1") != LINE.message_id("1")
    assert LINE.message_id("1") != LINE.message_id("2")


def test_where_a_line_stands_and_how_it_is_written_does_not() -> None:
    same = replace(LINE, number=9, last=10, tags={"b": 2, "a": 1}, attributes={"plan": "gold"})
    assert same.message_id("1") == LINE.message_id("1")
    texts = ("2026-03-01T12:30:15Z", "2026-03-01T13:30:15+01:00", "1772368215", "1772368215000")
    assert len({one(with_field("time", text)).message_id("1") for text in texts}) == 1
    assert len({one(with_field("revenue", text)).message_id("1") for text in ("5", "5.00")}) == 1


def test_an_id_stands_for_time_revenue_and_tags() -> None:
    line = replace(LINE, id="order-1")
    other = {"time": NOW, "revenue": 1, "tags": {}}
    assert replace(line, **other).message_id("1") == line.message_id("1")
    assert replace(line, goal="checkout").message_id("1") != line.message_id("1")
    assert replace(line, user_id="bob").message_id("1") != line.message_id("1")


def test_the_id_never_changes() -> None:
    """Files that were imported by an older release are known to a newer one."""
    ids = [line.message_id("1").hex for line in (LINE, replace(LINE, id="a"))]
    assert ids == ["f7c4705d5baa5b2a8889c005017d5b5f", "6fda0ebc50f15c268c0f9882d6bcbe8c"]
