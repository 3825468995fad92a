"""What a dialect is: a vendor's document in, a `CampaignSet` out; events in, a `Request` out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..engine.entities import CampaignSet
from ..engine.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An HTTP request, ready to send. Everything that may hold a secret stays out of its `repr`."""

    method: str
    url: str
    """Scheme, host and path, without the query."""
    secret_path: str = field(default="", repr=False)
    """What the path goes on with, where that is a secret; begins with a slash."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """On whose behalf requests are made, and where they go."""

    account_id: str
    sdk_key: str = field(default="", repr=False)
    base_url: str = ""
    """Scheme and host that replace the vendor's own; empty for the vendor's."""
    collection_prefix: str = ""
    has_event_properties: bool = False
    """Whether the account takes events with properties."""
    batches_events: bool = True
    """Whether events travel together as far as they can; else each by itself."""
    usage: Mapping[str, str] = field(default_factory=dict)
    """What is configured at launch, as the vendor's usage statistics name it."""


TODAY, FULL_STACK_2 = "today", "2.1"
GENERATIONS = (TODAY, FULL_STACK_2)
"""Of an SDK family: what its newest SDKs do, or what Optimizely's Full Stack 2 did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a document is meant, where that is for the site to say."""

    generation: str = GENERATIONS[0]
    """One of `GENERATIONS`: whose behaviour is wanted."""
    tracks_undecided: bool = False
    """Whether goals count of visitors who are in no campaign, if the generation knows that."""


NO_OPTIONS = Options()

Pace = Callable[[], None]
"""Called again and again while a document is loaded; may sleep, so that others can work."""


def full_speed() -> None:
    """The pace of whoever is waited for."""


class Dialect(Protocol):
    """The module of a dialect: `dialects.vwo` and its kin."""

    NAME: str
    PAYLOAD_VERSION: int
    """Grows when rendering starts to need what older events do not hold."""
    NEEDS_ACCOUNT_ID: bool
    """Whether documents are fetched for an account, which has to be known then."""
    NEEDS_SDK_KEY: bool
    """Whether deliveries are signed with the key."""
    WEBHOOK_HEADER: str
    """Where the vendor's webhook shows that it is the vendor's."""
    WEBHOOK_BODY_BYTES: int
    """So much of a webhook's body is read at most; more is refused. 0: nothing is read."""

    def recognises(self, document: Any) -> bool:
        """Return whether *document*, any JSON value, looks like one of this vendor."""

    def load(self, text: str | bytes, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
        """
        Return the campaigns of the settings document *text*.

        *source* names the document in messages. Raises `DocumentError`.
        """

    def translate(
        self,
        document: Any,
        *,
        source: str,
        options: Options = NO_OPTIONS,
        pace: Pace = full_speed,
    ) -> CampaignSet:
        """Return what `load` returns, for a document that is parsed already."""

    def empty_document(self, account_id: str) -> Any:
        """Return a document without campaigns, as JSON has it."""

    def webhook_proof(self, secret: bytes, body: bytes) -> str:
        """Return what `WEBHOOK_HEADER` says in a call with *body* by who knows the secret."""

    def visitor_key_for(self, account_id: str) -> Callable[[str], str]:
        """Return the function that gives the key under which the account knows a user id."""

    def lone_key(self, event: Event, sender: Sender) -> Hashable | None:
        """
        Return None if *event* can travel in a batch.

        Otherwise it travels by requests of its own, together with those of the same key. Raises
        `ValueError` for an event that another dialect recorded.
        """

    def batch_key(self, event: Event) -> Hashable:
        """Return what *event* must share with the others in its batch."""

    def render_batch(self, events: Sequence[Event], sender: Sender) -> Request:
        """
        Return the one request that delivers all *events* (at least one), of one `batch_key`.

        Raises `ValueError` for an event that cannot be told.
        """

    def render_single(self, events: Sequence[Event], sender: Sender) -> Sequence[Request]:
        """
        Return the requests, at least one, that deliver *events*, which have one `lone_key`.

        They are delivered when all of the requests are accepted. Raises `ValueError` for an event
        that cannot be told.
        """

    def settings_request(self, sender: Sender, *, is_webhook: bool = False) -> Request:
        """Return the request that fetches the settings document."""
