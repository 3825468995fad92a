"""Sources: where a settings document comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Validators:
    """What a server recognises one of its documents by; empty: nothing."""

    etag: str = ""
    last_modified: str = ""

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)


NO_VALIDATORS = Validators()


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A settings document as it arrived: not parsed, not checked."""

    text: str | bytes = field(repr=False)
    origin: str
    """Where it came from, for people: never with a secret."""
    validators: Validators = NO_VALIDATORS


class Source(ABC):
    """Something that has a settings document."""

    @abstractmethod
    def fetch(self) -> Fetched:
        """Return the document as it is now. Raises `VWOError` with the reason if there is none."""
