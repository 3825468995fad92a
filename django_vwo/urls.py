"""The app's own addresses: ``path("vwo/", include("django_vwo.urls"))``."""

from django.urls import path

from .webhooks import webhook

app_name = "django_vwo"
urlpatterns = [path("webhook/", webhook, name="webhook")]
