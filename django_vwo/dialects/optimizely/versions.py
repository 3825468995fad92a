"""Semantic versions, compared as Optimizely's SDKs compare them."""

from __future__ import annotations

import re

from ...engine.values import unchanging

MOST_NUMBERS = 3
SUFFIX = re.compile(r"[-+]")


@unchanging()
class Version:
    """Numbers, and at most one suffix, which is the last part."""

    parts: tuple[str, ...]
    numbers: tuple[int | None, ...]
    """The parts as numbers; None where one is none."""
    is_pre_release: bool
    has_suffix: bool


def read_version(text: str) -> Version | None:
    """
    Return the version that *text* states, or None if it states none.

    The suffix is all that follows the first "-" (a pre-release) or "+" (a build).

    >>> read_version("2.1-beta+7").parts
    ('2', '1', 'beta+7')
    >>> read_version("2.1.0.4"), read_version("2.x"), read_version("2. 1")
    (None, None, None)
    """
    if " " in text:
        return None
    sign = SUFFIX.search(text)
    parts = (text[: sign.start()] if sign else text).split(".")
    if len(parts) > MOST_NUMBERS or not all(part.isdigit() for part in parts):
        return None
    if sign:
        parts.append(text[sign.end() :])
    return Version(
        parts=tuple(parts),
        numbers=tuple(map(read_number, parts)),
        is_pre_release=sign is not None and sign[0] == "-",
        has_suffix=sign is not None,
    )


def read_number(part: str) -> int | None:
    """
    Return *part* as a number, or None if it is none that Python reads.

    >>> read_number("007"), read_number("-1"), read_number("beta"), read_number("²")
    (7, -1, None, None)
    """
    try:
        return int(part)
    except ValueError:  # text, digits that are no decimals, or very many
        return None


def compare(version: Version, target: Version) -> int | None:
    """
    Return 1, 0 or -1 for *version* above, equal to or below *target*; None if it cannot be told.

    Only as many parts count as *target* has.

    >>> compare(read_version("2.1.3"), read_version("2.1"))
    0
    >>> compare(read_version("2.1-rc"), read_version("2.1"))
    -1
    """
    for index, wanted in enumerate(target.parts):
        if index == len(version.parts):
            return 1 if target.has_suffix else -1
        part = version.parts[index]
        if part.isdigit():
            number, bound = version.numbers[index], target.numbers[index]
            if number is None or bound is None:
                return None
            if number != bound:
                return 1 if number > bound else -1
        elif part != wanted:
            if version.is_pre_release is not target.is_pre_release:
                return -1 if version.is_pre_release else 1
            return 1 if part > wanted else -1
    return -1 if version.is_pre_release and not target.is_pre_release else 0
