"""VWO FullStack: its settings document, its bucketing, its wire."""

from .batch import batch_key, render_batch
from .bucketing import visitor_key_for
from .document import NAME, empty_document, load, recognises, translate
from .single import lone_key, render_single
from .wire import (
    NEEDS_ACCOUNT_ID,
    NEEDS_SDK_KEY,
    PAYLOAD_VERSION,
    WEBHOOK_BODY_BYTES,
    WEBHOOK_HEADER,
    settings_request,
    webhook_proof,
)

__all__ = [
    "NAME",
    "NEEDS_ACCOUNT_ID",
    "NEEDS_SDK_KEY",
    "PAYLOAD_VERSION",
    "WEBHOOK_BODY_BYTES",
    "WEBHOOK_HEADER",
    "batch_key",
    "empty_document",
    "load",
    "lone_key",
    "recognises",
    "render_batch",
    "render_single",
    "settings_request",
    "translate",
    "visitor_key_for",
    "webhook_proof",
]
