"""A settings document in a file."""

from __future__ import annotations

import os
from pathlib import Path

from ..dialects.limits import MAX_DOCUMENT_BYTES, refuse_size
from ..engine.errors import VWOError
from .base import Fetched, Source


class FileSource(Source):
    """Reads the file anew each time it is asked."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def fetch(self) -> Fetched:
        origin = str(self.path)
        try:
            with self.path.open("rb") as file:
                text = file.read(MAX_DOCUMENT_BYTES + 1)
                size = max(os.fstat(file.fileno()).st_size, len(text))
        except OSError as error:
            raise VWOError(f"{origin}: {error.strerror or error}.") from error
        if len(text) > MAX_DOCUMENT_BYTES:
            raise refuse_size(origin, size)
        return Fetched(text=text, origin=origin)
