"""Settings of the shop of ``site``."""

from tests.outbox.worker_settings import *  # noqa: F403
from tests.outbox.worker_settings import VWO as PLAIN

ROOT_URLCONF = "tests.faults.site"
ALLOWED_HOSTS = ["127.0.0.1"]
VWO = {**PLAIN, "USER_ID": "tests.faults.site.visitor"}
