"""Optimizely Full Stack: its datafile, its bucketing, its wire."""

from .bucketing import visitor_key_for
from .document import NAME, empty_document, load, recognises, translate
from .wire import (
    NEEDS_ACCOUNT_ID,
    NEEDS_SDK_KEY,
    PAYLOAD_VERSION,
    WEBHOOK_BODY_BYTES,
    WEBHOOK_HEADER,
    batch_key,
    lone_key,
    render_batch,
    render_single,
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
