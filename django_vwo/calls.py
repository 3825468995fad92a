"""What the client is called with: checked here, in the order in which it is asked for."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from .engine.entities import NOTHING, CampaignSet, Facts, Purpose, Visitor
from .engine.errors import RevenueError, UsageError, shorten
from .engine.steps import Trial
from .remembered import Remembered
from .set_variations import SetVariations
from .storages.base import UserStorage

PUSH_LENGTH = 255
"""Most characters in the key or the value of a single push."""

TEXT = "a string that is not empty"
AMOUNTS = (int, float, Decimal, str)
SPECIFIERS = (str, list, type(None))


class Callee(Protocol):
    """What a call needs to know of the client."""

    @property
    def storage(self) -> UserStorage | None: ...
    @property
    def require_activation(self) -> bool: ...
    @property
    def set_variations(self) -> SetVariations: ...
    def current_campaigns(self) -> CampaignSet:
        """Return the settings document in service. Raises `NoDocumentError` if there is none."""


class Call(Trial):
    """One call of a client, its arguments checked. Raises `UsageError`, `NoDocumentError`."""

    stored: Remembered | None

    # What few calls have is no part of making one.
    user_agent = ""
    ip_address = ""
    properties: Mapping[str, Any] = NOTHING
    """Of an event; `NOTHING` itself if none were given."""
    custom_properties: object = None
    latest_at: datetime | None = None
    """The latest moment that an event of the call tells."""
    converted_at: datetime | None = None
    """The moment that all conversions of the call tell."""

    def __init__(
        self,
        client: Callee,
        name: str,
        purpose: Purpose,
        user_id: str,
        facts: tuple[Facts | None, Facts | None],
        session: Remembered | None,
    ) -> None:
        """*facts* are the custom variables, and those that whitelisting reads."""
        campaigns = client.current_campaigns()
        custom_variables, targeting_variables = facts
        # Every decision pays for this: what most callers give is known to be right without a call.
        if type(custom_variables) is not dict:
            custom_variables = mapping(name, "custom_variables", custom_variables)
        if targeting_variables is None:
            targeting_variables = NOTHING
        elif type(targeting_variables) is not dict:
            argument = "variation_targeting_variables"
            targeting_variables = mapping(name, argument, targeting_variables)
        if type(user_id) is not str or not user_id or not user_id.isascii():
            check_user_id(name, user_id)
        if session is None and client.storage is not None:
            session = Remembered(client.storage, Visitor(user_id, campaigns.visitor_key))
        # Without the initializers of what is above, as there.
        self.name = name
        self.campaigns = campaigns
        self.user_id = user_id
        self.bucketing_id = user_id
        self.custom_variables = custom_variables
        self.targeting_variables = targeting_variables
        self.visitor_key = campaigns.visitor_key
        self.stored = session
        self.purpose = purpose
        self.requires_activation = client.require_activation
        self.set_by_site = client.set_variations.of(user_id)
        fact = campaigns.bucketing_fact
        if fact is not None and fact in custom_variables:
            self.bucketing_id = campaigns.bucketing_id(user_id, custom_variables)

    @property
    def key(self) -> str:
        # Worked out once for all calls of a request, unless its settings document has changed.
        if self.stored is not None and self.stored.visitor.visitor_key is self.visitor_key:
            return self.stored.visitor.key
        return self._key or self.own_key()


class TrackResult(dict[str, bool]):
    """Campaign key to whether the goal was recorded there; true if it was for any campaign."""

    def __bool__(self) -> bool:
        return any(self.values())


def refuse(call: str, argument: str, found: object, expected: str) -> UsageError:
    """Return the error that tells of the type of *found*, not of its value."""
    return UsageError(call, argument, type(found).__name__, expected)


def unknown_keyword(call: str, known: Collection[str]) -> UsageError:
    """Return the error that tells which keywords there are, not which one was given."""
    names = ", ".join(name for name in known if name not in ("self", "session", "unknown"))
    return UsageError(call, "a keyword argument", "of another name", f"some of {names}")


def required_text(call: str, argument: str, value: object) -> str:
    """Return *value*. Raises `UsageError` unless it is a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(call, argument, value, TEXT)
    return value


def check_user_id(call: str, value: object) -> str:
    """Return *value*. Raises `UsageError` unless it can be hashed as every SDK hashes it."""
    if not isinstance(value, str) or not value:
        raise refuse(call, "user_id", value, TEXT)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refuse(call, "user_id", value, "text without lone surrogates") from None
    return value


def mapping(call: str, argument: str, value: object) -> Mapping[str, Any]:
    """Return *value*, or an empty mapping for None. Raises `UsageError` for anything else."""
    if value is None:
        return NOTHING
    # Of a dict it is known nine times faster than of any mapping.
    if not isinstance(value, dict) and not isinstance(value, Mapping):
        raise refuse(call, argument, value, "a dict or None")
    return value


def choice(call: str, argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `UsageError` unless *value* is None or one of *choices*."""
    if value is not None and value not in choices:
        raise refuse(call, argument, value, f"None or one of {', '.join(choices)}")


def variable(call: str, key: str, wanted: str | None, types: Mapping[str, str] | None) -> None:
    """
    Raise `UsageError` unless *types* has the variable *key*, as of the type *wanted*.

    *types* is None where each variation has variables of its own, *wanted* where any type will do.
    """
    if types is None:
        return
    found = types.get(key)
    if found is None:
        raise UsageError(call, "variable_key", "no variable of the feature", "one that it has")
    if wanted not in (None, found):
        raise UsageError(call, "the feature variable", f"of type {shorten(found)}", str(wanted))


def flag(call: str, argument: str, value: object) -> None:
    """Raise `UsageError` unless *value* is None, True or False."""
    if value is not None and not isinstance(value, bool):
        raise refuse(call, argument, value, "True, False or None")


def specifier(call: str, value: object) -> str | list[Any] | None:
    """Return *value*. Raises `UsageError` unless it is a campaign key, a list of keys, or None."""
    if not isinstance(value, SPECIFIERS):
        raise refuse(call, "campaign_specifier", value, "a campaign key, a list of keys or None")
    return value


def revenue(call: str, value: object) -> int | float | str | None:
    """
    Return the revenue in the form in which it is sent, or None where none was given.

    Numbers other than 0 are given, and so is text, which is sent as it is. Raises `RevenueError`
    for what does not read as a finite number, `UsageError` for what is neither number nor text.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, AMOUNTS):
        raise refuse(call, "revenue_value", value, "a number, or text that reads as one")
    number = finite_number(value)
    if number is None or isinstance(value, bool):
        expected = "a finite number, or text that is one"
        raise RevenueError(call, "revenue_value", type(value).__name__, expected)
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return (int(value) if isinstance(value, int) else number) or None


def finite_number(value: float | Decimal | str) -> float | None:
    """Return *value* as a float, or None if it is not finite or reads as no number."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def push_dimensions(key: object, value: object) -> Mapping[str, Any]:
    """Return what is pushed. Raises `UsageError` unless both are texts of 1 to 255 characters."""
    texts = []
    for name, given in (("tag_key", key), ("tag_value", value)):
        texts.append(required_text("push", name, given))
        if len(texts[-1]) > PUSH_LENGTH:
            raise refuse("push", name, given, f"at most {PUSH_LENGTH} characters")
    return {texts[0]: texts[1]}
