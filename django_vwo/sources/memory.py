"""A settings document that the site already has in its hands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..engine.errors import VWOError
from .base import Fetched, Source


class MemorySource(Source):
    """Hands out what it was made with: a dict, or the JSON of one."""

    def __init__(
        self, document: Mapping[str, Any] | str | bytes, *, origin: str = "a document in memory"
    ) -> None:
        self.document = document
        self.origin = origin

    def fetch(self) -> Fetched:
        return Fetched(text=self._text(), origin=self.origin)

    def _text(self) -> str | bytes:
        if isinstance(self.document, str | bytes):
            return self.document
        try:
            return json.dumps(dict(self.document))
        except (TypeError, ValueError, RecursionError) as error:
            raise VWOError(f"{self.origin}: the dict cannot be JSON: {error}.") from error
