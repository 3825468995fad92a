"""The Celery app of a run's workers, in haste."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_init

from tests.outbox.worker_app import app

__all__ = ["app"]


@worker_init.connect
def make_haste(**kwargs: Any) -> None:
    """Have the pool's children inherit it; each sweep comes soon."""
    from django_vwo import tasks

    from . import haste  # noqa: F401  # which needs the apps to be loaded

    tasks.SWEEP_SECONDS = 1.0
