"""The circuit breakers in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..fields import DatabaseNow
from ..models import Breaker
from . import resending
from .base import ReadOnlyAdmin, to_the_second


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    """Whether events go out, and if not, why and until when."""

    list_display = ("account_id", "state", "failures", "last_error", "last_success_at")
    actions = ("try_now",)

    @admin.display(description=_("state"))
    def state(self, breaker: Breaker) -> str:
        """Return whether events of the account are sent at present."""
        if not getattr(breaker, "is_open", False):
            return str(_("events are sent") if not breaker.failures else _("being tried again"))
        return str(_("closed to events until %(time)s")) % {
            "time": to_the_second(breaker.open_until)
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the breakers, and of each whether the database's clock has it open."""
        is_open = ExpressionWrapper(Q(open_until__gt=DatabaseNow()), output_field=BooleanField())
        breakers: QuerySet[Any] = super().get_queryset(request).annotate(is_open=is_open)
        return breakers

    @admin.action(description=_("Try again now"), permissions=["change"])
    def try_now(self, request: HttpRequest, breakers: QuerySet[Breaker]) -> None:
        """Let the next delivery try the accounts, however long they were to wait."""
        accounts = list(breakers.values_list("account_id", flat=True))
        resending.try_now(accounts)
        message = ngettext(
            "%(count)d account is tried at the next delivery.",
            "%(count)d accounts are tried at the next delivery.",
            len(accounts),
        )
        self.message_user(request, message % {"count": len(accounts)}, messages.SUCCESS)
