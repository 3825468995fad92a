"""The action that erases visitors, once that is confirmed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..engine.errors import VWOError
from ..erasure import Erased, erase
from ..models import Assignment, Event
from .base import ReadOnlyAdmin, sendable

MOST_ROWS = 100
PERMISSIONS = (
    "django_vwo.delete_assignment",
    "django_vwo.change_event",
    "django_vwo.delete_event",
)
"""All are needed, whichever list the visitor is chosen from."""


class ErasingAdmin(ReadOnlyAdmin):
    """A list whose rows belong to visitors, who can be erased."""

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may erase visitors."""
        return request.user.has_perms(PERMISSIONS)

    @admin.action(description=_("Erase the visitors"), permissions=["erase"])
    def erase_visitors(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Erase the visitors of the chosen rows with all their other rows, once confirmed."""
        chosen = list(queryset.order_by().values_list("pk", "visitor", "user_id")[: MOST_ROWS + 1])
        if len(chosen) > MOST_ROWS:
            message = _("Choose %(most)d rows at the most.") % {"most": MOST_ROWS}
            self.message_user(request, message, messages.ERROR)
            return None
        visitors = {visitor: user_id for _pk, visitor, user_id in chosen if user_id}
        if not visitors:
            self.message_user(request, _("These visitors are erased already."), messages.WARNING)
        elif "post" in request.POST:
            self.erase_confirmed(request, visitors)
        else:
            return self.erase_confirmation(request, visitors, [pk for pk, *_rest in chosen])
        return None

    def erase_confirmed(self, request: HttpRequest, visitors: dict[str, str]) -> None:
        """Erase *visitors*, user ids by visitor key, and say what that came to."""
        erased = Erased()
        try:
            for visitor, user_id in visitors.items():
                erased += erase(user_id, visitors=[visitor])
        except VWOError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.report_erased(request, len(visitors), erased)

    def report_erased(self, request: HttpRequest, count: int, erased: Erased) -> None:
        """Say how many visitors were erased, and how many events may still arrive."""
        message = ngettext(
            "%(count)d visitor was erased.", "%(count)d visitors were erased.", count
        )
        self.message_user(request, message % {"count": count}, messages.SUCCESS)
        if erased.in_flight:
            message = ngettext(
                "%(count)d event was being sent just now: it may still arrive.",
                "%(count)d events were being sent just now: they may still arrive.",
                erased.in_flight,
            )
            self.message_user(request, message % {"count": erased.in_flight}, messages.WARNING)

    def erase_confirmation(
        self, request: HttpRequest, visitors: dict[str, str], chosen: list[Any]
    ) -> TemplateResponse:
        """Return the page that tells who is about to be erased."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Erase the visitors"),
            "visitors": [(sendable(user_id), key) for key, user_id in visitors.items()],
            "assignments": rows_of(Assignment, visitors).count(),
            "events": rows_of(Event, visitors).count(),
            "chosen": chosen,
        }
        return TemplateResponse(request, "admin/django_vwo/erase.html", context)


def rows_of(model: type[Model], visitors: dict[str, str]) -> QuerySet[Any]:
    """Return all rows of *visitors*."""
    rows = model._default_manager.using(router.db_for_write(model))
    return rows.filter(visitor__in=visitors).order_by()
