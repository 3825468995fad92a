"""What checks of settings documents share, whichever dialect they are in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.errors import MISSING, Description, DocumentError

Json = Mapping[str, Any]


class Checks:
    """The checks of one document; each method takes an owner, a key and the owner's path."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, path: str, found: object, expected: str) -> DocumentError:
        return DocumentError(self.source, path, found, expected)

    def whole(self, document: Any) -> None:
        """Raise `DocumentError` unless the document itself is an object."""
        if not isinstance(document, dict):
            # A string could be, or hold, a secret.
            found = Description("a string") if isinstance(document, str) else document
            raise self.refuse("the document", found, "an object")

    def text(self, owner: Json, key: str, path: str = "") -> None:
        self.text_at(join(path, key), owner.get(key, MISSING))

    def text_at(self, path: str, value: Any) -> None:
        if not isinstance(value, str):
            raise self.refuse(path, value, "a string")
        self.encodable(path, value)

    def encodable(self, path: str, value: object) -> None:
        if isinstance(value, str) and not is_encodable(value):
            raise self.refuse(path, value, "text without lone surrogates")

    def object(self, owner: Json, key: str, path: str = "") -> Json:
        value = owner.get(key, MISSING)
        if not isinstance(value, dict):
            raise self.refuse(join(path, key), value, "an object")
        return value

    def items(self, owner: Json, key: str, path: str = "") -> list[Any]:
        value = owner.get(key, MISSING)
        if not isinstance(value, list):
            raise self.refuse(join(path, key), value, "a list")
        return value

    def objects(self, owner: Json, key: str, path: str = "") -> list[tuple[str, Json]]:
        """Return the objects of a list, each with its path."""
        found: list[tuple[str, Json]] = []
        for index, value in enumerate(self.items(owner, key, path)):
            where = f"{join(path, key)}[{index}]"
            if not isinstance(value, dict):
                raise self.refuse(where, value, "an object")
            found.append((where, value))
        return found


def join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
