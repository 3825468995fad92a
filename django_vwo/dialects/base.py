"""What a dialect is: a vendor's document in, a `CampaignSet` out; events in, a `Request` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..engine.entities import CampaignSet
from ..engine.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An HTTP request, ready to send. Everything that may hold a secret stays out of its `repr`."""

    method: str
    url: str
    """Scheme, host and path, without the query."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """On whose behalf requests are made, and where they go."""

    account_id: str
    sdk_key: str = field(repr=False)
    base_url: str = ""
    """Scheme and host that replace the vendor's own; empty for the vendor's."""
    collection_prefix: str = ""
    has_event_properties: bool = False
    usage: Mapping[str, str] = field(default_factory=dict)
    """What is configured at launch, as the vendor's usage statistics name it."""


class Dialect(Protocol):
    """The module of a dialect: `dialects.vwo` and its kin."""

    NAME: str
    PAYLOAD_VERSION: int
    """Grows when `render_batch` starts to need what older events do not hold."""

    def load(self, text: str | bytes, *, source: str) -> CampaignSet:
        """
        Return the campaigns of the settings document *text*.

        *source* names the document in messages. Raises `DocumentError`.
        """

    def render_batch(self, events: Sequence[Event], sender: Sender) -> Request:
        """Return the one request that delivers all *events* (at least one)."""

    def settings_request(self, sender: Sender, *, is_webhook: bool = False) -> Request:
        """Return the request that fetches the settings document."""
