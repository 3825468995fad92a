"""The shop as a WSGI application, where nudged workers work in the very process."""

from celery import Celery
from django.core.wsgi import get_wsgi_application

celery = Celery("django_vwo_shop", broker="memory://")
celery.conf.task_always_eager = True
application = get_wsgi_application()
