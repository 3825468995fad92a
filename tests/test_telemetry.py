"""Metrics and spans, as OpenTelemetry's own SDK collects them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_vwo import signals
from django_vwo.client import get_client
from django_vwo.models import Event
from django_vwo.outbox.drain import drain

from .collector import Collector, Reply
from .conftest import Configure
from .outbox.samples import conversion, impression, impressions, record, route
from .outbox.test_drain import deliver, end_the_rest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from django_vwo.telemetry import instrument, uninstrument

pytestmark = pytest.mark.django_db(transaction=True)

Counts = dict[tuple[Any, ...], int | float]
Count = Callable[[str], Counts]


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def count(spans: InMemorySpanExporter) -> Iterator[Count]:
    """Instrument the app; return a function that returns a counter's values by attributes."""
    reader = InMemoryMetricReader()
    meters, tracers = MeterProvider([reader], shutdown_on_exit=False), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    instrument(meters, tracers)

    def counted(name: str) -> Counts:
        data = reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"django_vwo.{name}"
        ]
        return {
            tuple(value for _, value in sorted((point.attributes or {}).items())): point.value
            for metric in metrics
            for point in metric.data.data_points
        }

    yield counted
    uninstrument()
    meters.shutdown()
    tracers.shutdown()


def test_decisions_are_counted(site: Configure, count: Count) -> None:
    variation = get_client().activate("pricing-page", "alice")
    for _ in range(2):
        get_client().get_variation_name("pricing-page", "alice")

    assert count("decided") == {
        ("pricing-page", "activate", "bucketed", variation): 1,
        ("pricing-page", "read", "stored", variation): 2,
    }


def test_events_are_counted_by_campaign_and_kind(collector: Collector, count: Count) -> None:
    record(*impressions(3), conversion("Bob"))
    assert count("recorded") == {
        ("pricing-page", "impression"): 3,
        ("pricing-page", "conversion"): 1,
    }
    assert count("delivered") == {}

    deliver(route(collector))
    assert count("delivered") == count("recorded")
    assert count("dead") == {}


def test_dead_events_are_counted(collector: Collector, count: Count) -> None:
    record(impression())
    Event.objects.update(rejections=2)
    collector.script(Reply(status=400, body=b"{}"))
    deliver(route(collector))

    assert count("dead") == {("pricing-page", "impression"): 1}


def test_each_batch_is_a_span(
    collector: Collector, count: Count, spans: InMemorySpanExporter
) -> None:
    record(*impressions(3))
    collector.script(Reply(status=503, before_seconds=0.2))
    before = time.time_ns()
    drain(time.monotonic() + 60, route=route(collector), chance=lambda: 0.0)
    end_the_rest()
    deliver(route(collector, batch_size=2))

    failed, *others = spans.get_finished_spans()
    assert failed.name == "django_vwo batch"
    assert dict(failed.attributes or {}) == {
        "vwo.account": "123456",
        "vwo.events": 3,
        "vwo.requests": 1,
        "vwo.outcome": "postponed",
        "http.response.status_code": 503,
    }
    assert failed.status.status_code is StatusCode.ERROR
    assert "HTTP 503" in (failed.status.description or "")
    assert failed.start_time is not None
    assert failed.end_time is not None
    assert before - 10_000_000 <= failed.start_time <= failed.end_time - 200_000_000
    assert [(span.attributes or {})["vwo.outcome"] for span in others] == ["delivered"] * 2
    assert {span.status.status_code for span in others} == {StatusCode.UNSET}


def test_nothing_tells_a_user_id_or_a_key(
    site: Configure, collector: Collector, count: Count, spans: InMemorySpanExporter
) -> None:
    get_client().activate("pricing-page", "bob@example.com")
    deliver(route(collector))

    told = f"{count('decided')} {count('delivered')} "
    told += " ".join(span.to_json() for span in spans.get_finished_spans())
    assert "pricing-page" in told
    assert "bob@example.com" not in told
    assert "secret-sdk-key" not in told


def test_instrumented_twice_counts_once(count: Count) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    instrument(meters)
    record(impression())
    meters.shutdown()

    assert count("recorded") == {}
    assert len(signals.recorded.receivers) == 1


def test_uninstrumented_counts_nothing(count: Count) -> None:
    uninstrument()
    record(impression())

    assert count("recorded") == {}
    assert not any(
        signal.receivers
        for signal in (signals.decided, signals.recorded, signals.attempted, signals.delivered)
    )
