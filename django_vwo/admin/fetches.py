"""The fetching of the settings document in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..fields import DatabaseNow
from ..models import SettingsFetch
from ..sources import state
from ..sources.masking import masked
from ..sources.schedule import is_asked_for, is_lost
from .base import ReadOnlyAdmin, to_the_second


@admin.register(SettingsFetch)
class SettingsFetchAdmin(ReadOnlyAdmin):
    """Whether new settings documents arrive, and if not, why and since when."""

    list_display = ("account_id", "progress", "succeeded", "failures", "reason", "asked", "due")
    fields = (
        "account_id",
        "progress",
        "succeeded",
        "failed",
        "failures",
        "reason",
        "asked",
        "is_webhook",
        "started",
        "due",
        "fetches",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[SettingsFetch]:
        """Return the rows of the database that is written to, with its clock."""
        return SettingsFetch.objects.using(state.alias()).annotate(now=DatabaseNow())

    @admin.display(description=_("state"))
    def progress(self, row: Any) -> str:
        """Return whether the site has what the vendor has, as far as is known."""
        if is_lost(row, row.now) or (row.failures and not row.is_under_way):
            return str(_("cannot be fetched"))
        if row.is_under_way:
            return str(_("being fetched"))
        if is_asked_for(row):
            return str(_("about to be fetched"))
        return str(_("up to date") if row.succeeded_at else _("not fetched yet"))

    @admin.display(description=_("last error"))
    def reason(self, row: Any) -> str:
        """Return why the last fetch failed, without secrets."""
        if is_lost(row, row.now):
            return state.LOST
        return masked(row.last_error) or "-"

    @admin.display(description=_("last success"))
    def succeeded(self, row: SettingsFetch) -> str:
        return to_the_second(row.succeeded_at)

    @admin.display(description=_("last failure"))
    def failed(self, row: SettingsFetch) -> str:
        return to_the_second(row.failed_at)

    @admin.display(description=_("last asked for"))
    def asked(self, row: SettingsFetch) -> str:
        return to_the_second(row.asked_at)

    @admin.display(description=_("last started"))
    def started(self, row: SettingsFetch) -> str:
        return to_the_second(row.started_at)

    @admin.display(description=_("next due"))
    def due(self, row: SettingsFetch) -> str:
        return to_the_second(row.due_at)
