"""How large a settings document may be."""

from __future__ import annotations

import math

from ..engine.errors import Description, DocumentError

MAX_DOCUMENT_BYTES = 20 * 1024 * 1024


def refuse_size(origin: str, size_bytes: int) -> DocumentError:
    """Return the error that says how much too large the document of *origin* is."""
    found, cap = math.ceil(size_bytes / 2**20), MAX_DOCUMENT_BYTES // 2**20
    size = Description(f"{found} MB long")
    return DocumentError(origin, "the document", size, f"at most {cap} MB")
