"""CSV, row by row: whatever stands in the file, each row or why it is none. Knows no Django."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

BYTE_ORDER_MARK = "\ufeff"
DELIMITERS = (",", ";", "\t")
LONGEST_LINE = 1024 * 1024
"""Most characters of a line that is looked at: a field may have an eighth of that."""


class HeaderError(ValueError):
    """The first line names no columns that can be imported; the message says which can be."""


class RowError(ValueError):
    """A row cannot be imported; the message says why, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file."""

    first: int
    """The number of its first line, from 1."""
    last: int
    """The number of its last line, where fields have line breaks."""
    values: Mapping[str, str]
    """By column, without those that are empty."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Lines that are not imported, and why."""

    first: int
    last: int
    reason: str

    @property
    def place(self) -> str:
        """Which lines these are: ``12``, or ``12-15``."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __str__(self) -> str:
        return f"Line{'' if self.first == self.last else 's'} {self.place}: {self.reason}."


class Lines:
    """The lines of a file, none of which is too long; they are counted."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line. Raises `RowError` for one that is too long, which is left out."""
        line = self.file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) < LONGEST_LINE or line.endswith("\n"):
            return line
        while not line.endswith(("\n", "\r")) and line:
            line = self.file.readline(LONGEST_LINE)
        raise RowError(f"has more than {LONGEST_LINE:,} characters")


def read_rows(
    file: TextIO, columns: Mapping[str, str], required: Sequence[str]
) -> Iterator[Row | Refusal]:
    """
    Yield the rows below the first, which names the columns, and what is no row.

    *file* is decoded from UTF-8 with ``surrogateescape``, its line breaks as they are. *columns*
    has every name that a column may have, in lower case, with the name that it goes by. A file
    without any line has no rows. Raises `HeaderError`.
    """
    lines = Lines(file)
    header = first_line(lines)
    if header is None:
        return
    delimiter, names = read_header(header, columns, required)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = lines.count + 1
        try:
            cells = next(rows)
            if cells:
                yield Row(first, lines.count, values_of(cells, names))
        except StopIteration:
            return
        except RowError as error:
            yield Refusal(first, lines.count, str(error))
        except csv.Error:
            limit = f"{csv.field_size_limit():,}"
            reason = f"is no CSV: quotes that do not match, or a field of more than {limit}"
            yield Refusal(first, lines.count, f"{reason} characters")


def first_line(lines: Lines) -> str | None:
    """Return the first line that is not blank; None if there is none. Raises `HeaderError`."""
    try:
        for line in lines:
            text = line.removeprefix(BYTE_ORDER_MARK)
            if text.strip():
                return text
    except RowError as error:
        raise HeaderError(f"the first line {error}: this is no CSV") from None
    return None


def read_header(
    line: str, columns: Mapping[str, str], required: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the delimiter, and what the columns go by, in order. Raises `HeaderError`."""
    if not is_clean(line):
        raise HeaderError("it is no text in UTF-8: its first line shows")
    read = {delimiter: cells_of(line, delimiter) for delimiter in DELIMITERS}
    delimiter = max(read, key=lambda each: sum(name in columns for name in read[each]))
    names = [columns.get(cell) for cell in read[delimiter]]
    known = "known are " + ", ".join(columns)
    if missing := [name for name in required if name not in names]:
        # What stands there instead may be data, and is not shown.
        found = f"the first line has to name the columns; it lacks {' and '.join(missing)}"
        raise HeaderError(f"{found}; {known}")
    if strangers := [cell for cell in read[delimiter] if cell not in columns]:
        shown = ", ".join(ascii(cell[:40]) for cell in strangers[:5])
        raise HeaderError(f"the first line has columns that are not known: {shown}; {known}")
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise HeaderError(f"the first line names a column twice: {', '.join(twice)}")
    return delimiter, [str(name) for name in names]


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the names in *line*, in lower case."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


def values_of(cells: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return the values that are given, by column. Raises `RowError`."""
    if len(cells) != len(names):
        raise RowError(f"has {len(cells)} values; the first line names {len(names)} columns")
    if not is_clean("".join(cells)):
        raise RowError("is no text in UTF-8, or has a NUL character")
    return {name: cell for name, cell in zip(names, cells, strict=True) if cell}


def is_clean(text: str) -> bool:
    """Return whether *text* was UTF-8, and has no NUL character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
