"""VWO FullStack: its settings document, its bucketing, its wire."""

from .document import NAME, load
from .wire import PAYLOAD_VERSION, render_batch, settings_request

__all__ = ["NAME", "PAYLOAD_VERSION", "load", "render_batch", "settings_request"]
