"""Settings of the site of ``deciding_site``."""

from tests.outbox.worker_settings import *  # noqa: F403

ROOT_URLCONF = "tests.sources.deciding_site"
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG_PROPAGATE_EXCEPTIONS = True  # so that the server tells what failed
