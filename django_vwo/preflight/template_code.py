"""The tags of ``{% load vwo %}`` in templates, read without rendering them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from django.template.base import Lexer, Token, TokenType
from django.utils.text import smart_split

from .uses import Texts, Use

TAGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "vwo_activate": ("activate", ("campaign_key",)),
    "vwo_feature_enabled": ("is_feature_enabled", ("campaign_key",)),
    "vwo_variable": ("get_feature_variable_value", ("campaign_key", "variable_key")),
    "vwo_track": ("track", ("goal_identifier", "campaigns")),
}
"""Tag to the call that it makes, and its parameters."""
TEXT = re.compile(r"""(["'])((?:(?!\1|\\).)*)\1""")
KEYWORD = re.compile(r"(\w+)=(.*)", re.DOTALL)


def read_template(source: str, path: str) -> Iterator[Use]:
    """Yield the uses in a template of Django's own language."""
    is_comment = False
    for token in Lexer(source).tokenize():
        words = token.contents.split(maxsplit=1) if token.token_type is TokenType.BLOCK else []
        if not words:
            continue
        if words[0] in ("comment", "endcomment"):
            is_comment = words[0] == "comment"
        elif words[0] in TAGS and not is_comment:
            yield from use_of(token, words[0], path)


def use_of(token: Token, tag: str, path: str) -> Iterator[Use]:
    """Yield the use that a tag is, unless it lacks what it is about."""
    call, parameters = TAGS[tag]
    given = arguments(list(smart_split(token.contents))[1:], parameters)
    if parameters[0] in given:
        yield Use(
            path=path,
            line=token.lineno or 0,
            call=call,
            tag=tag,
            campaigns=given.get("campaign_key", given.get("campaigns", ())),
            goals=given.get("goal_identifier", ()),
            variables=given.get("variable_key", ()),
        )


def arguments(bits: list[str], parameters: tuple[str, ...]) -> Mapping[str, Texts]:
    """Return the arguments of a tag by parameter."""
    if "as" in bits[-2:-1]:
        bits = bits[:-2]
    given: dict[str, Texts] = {}
    position = 0
    for bit in bits:
        if keyword := KEYWORD.fullmatch(bit):
            given[keyword[1]] = texts_of(keyword[2])
        elif position < len(parameters):
            given[parameters[position]] = texts_of(bit)
            position += 1
    return {name: texts for name, texts in given.items() if name in parameters}


def texts_of(bit: str) -> Texts:
    """
    Return the text that an argument of a tag is.

    >>> texts_of('"pricing"'), texts_of("None"), texts_of("name"), texts_of('"a"|lower')
    (('pricing',), (), None, None)
    """
    if bit == "None":
        return ()
    found = TEXT.fullmatch(bit)
    return (found[2],) if found and found[2] else None
