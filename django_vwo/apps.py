"""The app, as Django registers it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DjangoVWOConfig(AppConfig):
    """``django_vwo`` in ``INSTALLED_APPS``."""

    name = "django_vwo"
    verbose_name = _("VWO experiments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, service_checks  # noqa: F401
