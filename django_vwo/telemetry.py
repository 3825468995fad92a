"""
The app's signals as OpenTelemetry metrics and spans, once a site calls `instrument`.

Nothing else of the app imports this, or OpenTelemetry.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.trace import Status, StatusCode

from . import signals
from .engine.entities import Purpose, Reason
from .signals import EventBrief

NAME = "django_vwo"
COUNTED = {
    "recorded": "Events that were recorded in the outbox",
    "delivered": "Events that the vendor accepted",
    "dead": "Events that were given up",
}


def instrument(
    meter_provider: metrics.MeterProvider | None = None,
    tracer_provider: trace.TracerProvider | None = None,
) -> None:
    """
    Count and trace from now on, with the process's own providers unless others are given.

    Once more, it replaces what it did before.
    """
    meter = metrics.get_meter(NAME, meter_provider=meter_provider)
    decisions = meter.create_counter(
        f"{NAME}.decided", unit="{decision}", description="Decisions on visitors"
    )
    tracer = trace.get_tracer(NAME, tracer_provider=tracer_provider)
    receivers = {
        "decided": Decisions(decisions),
        "attempted": Batches(tracer),
        **{
            name: Events(meter.create_counter(f"{NAME}.{name}", unit="{event}", description=told))
            for name, told in COUNTED.items()
        },
    }
    uninstrument()
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver, weak=False, dispatch_uid=NAME)


def uninstrument() -> None:
    """Count and trace no longer."""
    for name in ("decided", "attempted", *COUNTED):
        getattr(signals, name).disconnect(dispatch_uid=NAME)


class Decisions:
    """Counts decisions by campaign, what was asked for, variation and reason."""

    def __init__(self, counter: metrics.Counter) -> None:
        self.counter = counter

    def __call__(
        self,
        campaign_key: str,
        variation: str | None,
        reason: Reason,
        purpose: Purpose,
        **kwargs: Any,
    ) -> None:
        attributes = {
            "vwo.campaign": campaign_key,
            "vwo.kind": purpose.value,
            "vwo.variation": variation or "",
            "vwo.reason": reason.name.lower(),
        }
        self.counter.add(1, attributes)


class Events:
    """Counts events by campaign and kind."""

    def __init__(self, counter: metrics.Counter) -> None:
        self.counter = counter

    def __call__(self, events: Sequence[EventBrief], **kwargs: Any) -> None:
        groups = Counter((event.campaign_key, event.kind) for event in events)
        for (campaign_key, kind), count in groups.items():
            attributes = {"vwo.campaign": campaign_key, "vwo.kind": kind.name.lower()}
            self.counter.add(count, attributes)


class Batches:
    """Traces batches: a span for each, as long as it took."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self.tracer = tracer

    def __call__(
        self,
        account_id: str,
        events: int,
        requests: int,
        seconds: float,
        outcome: str,
        status: int | None,
        trouble: str,
        **kwargs: Any,
    ) -> None:
        end = time.time_ns()
        attributes: dict[str, str | int] = {
            "vwo.account": account_id,
            "vwo.events": events,
            "vwo.requests": requests,
            "vwo.outcome": outcome,
        }
        if status is not None:
            attributes["http.response.status_code"] = status
        start = end - int(seconds * 1e9)
        span = self.tracer.start_span(f"{NAME} batch", attributes=attributes, start_time=start)
        if trouble:
            span.set_status(Status(StatusCode.ERROR, trouble))
        span.end(end)
