"""From a document's bytes to a JSON value."""

from __future__ import annotations

import json
from typing import Any

from ..engine.errors import Description, DocumentError
from .limits import MAX_DOCUMENT_BYTES, refuse_size

BYTE_ORDER_MARK = "\ufeff"


def parse(text: str | bytes, source: str) -> Any:
    """Return the JSON value that *text* holds. Raises `DocumentError`."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise refuse_size(source, len(text))
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        decoded = decoded.removeprefix(BYTE_ORDER_MARK)
        return json.loads(decoded, parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        found = f"not UTF-8 at byte {error.start}"
    except RecursionError:
        found = "nested too deeply"
    except json.JSONDecodeError as error:
        found = what_is_no_json(decoded, error)
    except ValueError as error:
        found = f"not JSON ({error})"
    raise DocumentError(source, "the document", Description(found), "JSON in UTF-8")


def what_is_no_json(text: str, error: json.JSONDecodeError) -> str:
    """Return in words what *text* is."""
    if not text.strip():
        return "empty"
    if text.lstrip().startswith("<"):
        return "HTML"
    return f"not JSON ({error.msg}, line {error.lineno}, column {error.colno})"


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
