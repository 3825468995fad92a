"""The site of a run's processes."""

from tests.outbox.worker_settings import *  # noqa: F403
