"""A settings document as people may see it: without SDK keys."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from ..conf import app_settings

HIDDEN = "********"
SHORTEST_SECRET = 6
SDK_KEY = re.compile(r'("sdkKey"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\]\s]+)', re.IGNORECASE)

UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff]")
"""What JSON may hold as it is, and no terminal, or no encoding, should be given."""


def pretty(text: str) -> str:
    """Return *text* indented, if it is JSON, and with every SDK key hidden in any case."""
    with suppress(ValueError, RecursionError):
        text = json.dumps(hide(json.loads(text)), indent=2, ensure_ascii=False)
        text = UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return masked(text)


def hide(value: Any) -> Any:
    """Return a copy of *value* in which whatever is called ``sdkKey`` is hidden."""
    if isinstance(value, list):
        return [hide(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: HIDDEN if key.lower() == "sdkkey" else hide(value[key]) for key in value}


def masked(text: str) -> str:
    """
    Return *text*, JSON or not, without what looks like, or is known to be, an SDK key.

    >>> masked('{"sdkKey": "abcdef", "version')
    '{"sdkKey": "********", "version'
    """
    text = SDK_KEY.sub(rf'\1"{HIDDEN}"', text)
    key = app_settings().sdk_key
    return text.replace(key, HIDDEN) if len(key) >= SHORTEST_SECRET else text
