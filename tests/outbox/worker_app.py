"""The Celery app of the test site's workers."""

import json
import os

from celery import Celery
from celery.signals import worker_ready

app = Celery("django_vwo_tests", broker=os.environ["TEST_BROKER_URL"])
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_send_task_events = False
app.conf.update(json.loads(os.environ.get("TEST_CELERY_SETTINGS", "{}")))
app.autodiscover_tasks()
if "TEST_WITHOUT_SWEEP" in os.environ:
    from django_vwo import tasks

    worker_ready.disconnect(tasks.start_sweep)
