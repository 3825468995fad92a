"""
What Celery workers do. No task takes arguments: no key and no user id passes through the broker.

A worker that runs these tasks also asks for them by and by, so that it needs no Celery beat; one
does no harm.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_ready

from . import forks
from .conf import app_settings
from .failures import describe
from .logs import logger
from .outbox.log_fields import What, log_fields

DRAIN_SECONDS = 30.0
SOFT_LIMIT_SECONDS = 60
HARD_LIMIT_SECONDS = 120
EXPIRES_SECONDS = 60.0
SWEEP_SECONDS = 30.0
PRUNE_SECONDS = 24 * 3600.0


@shared_task(
    name="django_vwo.deliver",
    acks_late=False,
    ignore_result=True,
    max_retries=0,
    soft_time_limit=SOFT_LIMIT_SECONDS,
    time_limit=HARD_LIMIT_SECONDS,
)
def deliver() -> None:
    """Deliver what is due; ask for another worker if that takes long."""
    from .outbox.site import drain_site

    try:
        is_unfinished = drain_site(time.monotonic() + DRAIN_SECONDS).is_interrupted
    except SoftTimeLimitExceeded:
        message = "Delivery was cut short by the task's time limit; another task goes on"
        logger.warning(message, extra=log_fields(What.TASK_CUT_SHORT))
        is_unfinished = True
    if is_unfinished:
        publish(deliver)


@shared_task(name="django_vwo.prune", acks_late=False, ignore_result=True, max_retries=0)
def prune() -> None:
    """Delete what was delivered long ago."""
    from .outbox.site import prune_site

    prune_site()


@shared_task(name="django_vwo.refresh", acks_late=False, ignore_result=True, max_retries=0)
def refresh() -> None:
    """
    Fetch the settings document, and put it into service if it is new and can be used.

    Right after another fetch began, that waits for the next `refresh_if_due`.
    """
    from .sources import fetching

    if not fetching.may_fetch():
        logger.warning("No settings document can be fetched without an ACCOUNT_ID and an SDK_KEY")
    fetching.ask(is_webhook=False)
    fetching.fetch_if_due()


@shared_task(name="django_vwo.refresh_if_due", acks_late=False, ignore_result=True, max_retries=0)
def refresh_if_due() -> None:
    """Fetch as `refresh` does, if ``FETCH_SECONDS`` are over or somebody asked for it."""
    from .sources import fetching

    fetching.fetch_if_due()


def publish(task: Task[Any, Any], expires_seconds: float = EXPIRES_SECONDS) -> None:
    """Ask for *task* through the broker, once. Raises what the broker's library raises."""
    queue = app_settings().queue
    where: dict[str, Any] = {"queue": queue} if queue else {}
    task.apply_async((), retry=False, expires=expires_seconds, ignore_result=True, **where)


# --- The sweep -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Turn:
    """A task that is asked for by and by."""

    task: Task[Any, Any]
    period_seconds: float
    at: float = field(default_factory=time.monotonic)


def turns() -> list[Turn]:
    """Return the tasks to ask for, each at once and then in its period."""
    return [
        Turn(deliver, min(SWEEP_SECONDS, app_settings().lease_seconds)),
        Turn(prune, PRUNE_SECONDS),
        Turn(refresh_if_due, min(SWEEP_SECONDS, app_settings().fetch_seconds or SWEEP_SECONDS)),
    ]


@worker_ready.connect
def start_sweep(**kwargs: Any) -> None:
    """Have a worker that started ask for these tasks by and by."""
    if app_settings().delivery == "celery":
        threading.Thread(target=sweep, name="django_vwo.sweep", daemon=True).start()


def sweep(stopped: threading.Event | None = None) -> None:
    """Ask for each task in its turn, as long as the process lives."""
    stopped, waiting = stopped or threading.Event(), turns()
    while not stopped.wait(max(0.0, min(turn.at for turn in waiting) - time.monotonic())):
        turn = min(waiting, key=lambda turn: turn.at)
        turn.at = time.monotonic() + turn.period_seconds
        try:
            with forks.held_off():
                publish(turn.task)
        except Exception as error:
            fields = log_fields(What.NUDGE_FAILED, wait_seconds=turn.period_seconds)
            message = "%s cannot be asked for: %s"
            logger.warning(message, turn.task.name, describe(error), extra=fields)
