"""The settings documents in the admin: which one is in service, and what is in it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..engine.errors import VWOError
from ..models import SettingsDocument
from ..sources import current, history
from ..sources.base import Fetched
from ..sources.masking import masked, pretty
from ..sources.reading import read
from .base import ReadOnlyAdmin

MOST_CHARACTERS = 200_000
MOST_CAMPAIGNS = 500


@admin.register(SettingsDocument)
class SettingsDocumentAdmin(ReadOnlyAdmin):
    """Every document that was fetched. An earlier one can be put into service again."""

    list_display = ("fetched_at", "state", "campaign_count", "origin", "shown_error")
    fields = (
        "state",
        "origin",
        "fetched_at",
        "digest",
        "campaign_count",
        "shown_error",
        "content",
        "shown_text",
    )
    readonly_fields = fields
    actions = ("put_into_service",)

    class Media:
        css = {"all": ["django_vwo/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[SettingsDocument]:
        """Return the rows of the database that is written to, without their texts."""
        return history.documents().defer("text")

    @admin.display(description=_("state"))
    def state(self, document: SettingsDocument) -> SafeString | str:
        """Return whether the site decides with this document."""
        if document.is_active:
            return format_html("<strong>{}</strong>", _("in service"))
        return str(_("refused") if document.error else _("out of service"))

    @admin.display(description=_("why it was refused"))
    def shown_error(self, document: SettingsDocument) -> str:
        """Return the error, without secrets."""
        return masked(document.error) or "-"

    @admin.display(description=_("campaigns"))
    def content(self, document: SettingsDocument) -> SafeString | str:
        """Return the campaigns as a table, and what is wrong with them."""
        try:
            found = read(Fetched(text=document.text, origin=document.origin))
        except VWOError as error:
            return "-" if document.error else masked(str(error))
        context = {
            "campaigns": list(found.campaigns.values())[:MOST_CAMPAIGNS],
            "left_off": max(0, len(found.campaigns) - MOST_CAMPAIGNS),
            "paused": ", ".join(sorted(found.paused_keys)),
            "problems": [masked(str(problem)) for problem in found.problems[:MOST_CAMPAIGNS]],
        }
        return SafeString(render_to_string("admin/django_vwo/campaigns.html", context))

    @admin.display(description=_("document"))
    def shown_text(self, document: SettingsDocument) -> SafeString:
        """Return the beginning of the document, readable and without secrets."""
        text = pretty(document.text)
        cut = text[:MOST_CHARACTERS] + ("\n…" if len(text) > MOST_CHARACTERS else "")
        return format_html('<pre class="django-vwo-document">{}</pre>', cut)

    @admin.action(description=_("Put into service"), permissions=["change"])
    def put_into_service(self, request: HttpRequest, documents: QuerySet[Any]) -> None:
        """Make the one chosen document the one that the site decides with."""
        chosen = list(documents[:2])
        if len(chosen) != 1:
            self.message_user(request, _("Choose one document."), messages.ERROR)
            return
        try:
            history.activate(chosen[0])
        except VWOError as error:
            self.message_user(request, masked(str(error)), messages.ERROR)
            return
        current.refresh()
        message = _("In service: %(document)s. All processes follow within VWO['REFRESH_SECONDS'].")
        self.message_user(request, message % {"document": chosen[0]}, messages.SUCCESS)
