"""Celery, configured by the ``CELERY_…`` settings of the site."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_site.settings")

TRANSPORT_ALIASES["filesystem"] = "shop_site.broker:Transport"

app = Celery("shop_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
