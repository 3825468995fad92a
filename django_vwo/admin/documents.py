"""The settings documents in the admin: which one is in service, and what is in it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..engine.entities import CampaignSet
from ..engine.errors import VWOError
from ..models import SettingsDocument
from ..sources import current, history
from ..sources.masking import masked, pretty
from .base import ReadOnlyAdmin, sendable, to_the_second
from .comparing import Comparison, campaigns_of, compared

MOST_CHARACTERS = 200_000
MOST_CAMPAIGNS = 500


@admin.register(SettingsDocument)
class SettingsDocumentAdmin(ReadOnlyAdmin):
    """Every document that was fetched. An earlier one can be put into service again."""

    list_display = ("fetched", "state", "campaign_count", "origin", "shown_error")
    fields = (
        "state",
        "origin",
        "fetched",
        "digest",
        "campaign_count",
        "shown_error",
        "changes",
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

    @admin.display(description=_("fetched"))
    def fetched(self, document: SettingsDocument) -> str:
        """Return when it was fetched."""
        return to_the_second(document.fetched_at)

    @admin.display(description=_("state"))
    def state(self, document: SettingsDocument) -> SafeString | str:
        """Return whether the site decides with this document."""
        if document.is_active:
            return format_html("<strong>{}</strong>", _("in service"))
        return str(_("refused") if document.error else _("out of service"))

    @admin.display(description=_("why it was refused"))
    def shown_error(self, document: SettingsDocument) -> str:
        """Return the error, without secrets."""
        return sendable(masked(document.error)) or "-"

    @admin.display(description=_("campaigns"))
    def content(self, document: SettingsDocument) -> SafeString | str:
        """Return the campaigns as a table, and what is wrong with them."""
        try:
            found = campaigns_of(document)
        except VWOError as error:
            return "-" if document.error else sendable(masked(str(error)))
        context = {
            "campaigns": list(found.campaigns.values())[:MOST_CAMPAIGNS],
            "left_off": max(0, len(found.campaigns) - MOST_CAMPAIGNS),
            "paused": ", ".join(sorted(found.paused_keys)),
            "problems": shown_problems(found),
        }
        return SafeString(sendable(render_to_string("admin/django_vwo/campaigns.html", context)))

    @admin.display(description=_("what it changes"))
    def changes(self, document: SettingsDocument) -> SafeString | str:
        """Return how it differs from the one in service or, being that, from the one before."""
        try:
            return compared(document).html()
        except VWOError:
            return "-"

    @admin.display(description=_("document"))
    def shown_text(self, document: SettingsDocument) -> SafeString:
        """Return the beginning of the document, readable and without secrets."""
        text = sendable(pretty(document.text))
        cut = text[:MOST_CHARACTERS] + ("\n…" if len(text) > MOST_CHARACTERS else "")
        return format_html('<pre class="django-vwo-document">{}</pre>', cut)

    @admin.action(description=_("Put into service"), permissions=["change"])
    def put_into_service(
        self, request: HttpRequest, documents: QuerySet[Any]
    ) -> HttpResponse | None:
        """Make the one chosen document the one that the site decides with, once confirmed."""
        chosen = list(documents[:2])
        if len(chosen) != 1:
            self.message_user(request, _("Choose one document."), messages.ERROR)
            return None
        try:
            return self.put_one_into_service(request, chosen[0])
        except VWOError as error:
            self.message_user(request, masked(str(error)), messages.ERROR)
            return None

    def put_one_into_service(
        self, request: HttpRequest, document: SettingsDocument
    ) -> HttpResponse | None:
        """Return the page that asks for confirmation, or None when it was given."""
        if document.is_active:
            self.message_user(request, _("This document is in service already."), messages.INFO)
            return None
        comparison = compared(document)
        instead_of = request.POST.get("instead_of")
        if instead_of != str(comparison.before_id or ""):
            if instead_of is not None:
                message = _("Another document has come into service meanwhile: see below.")
                self.message_user(request, message, messages.WARNING)
            return self.confirmation(request, document, comparison)
        history.activate(document)
        current.refresh()
        message = _("In service: %(document)s. All processes follow within VWO['REFRESH_SECONDS'].")
        self.message_user(request, message % {"document": document}, messages.SUCCESS)
        return None

    def confirmation(
        self, request: HttpRequest, document: SettingsDocument, comparison: Comparison
    ) -> TemplateResponse:
        """Return the page that tells what would change."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Put into service"),
            "document": document,
            "comparison": comparison,
            "problems": shown_problems(campaigns_of(document)),
        }
        return TemplateResponse(request, "admin/django_vwo/put_into_service.html", context)


def shown_problems(campaigns: CampaignSet) -> list[str]:
    """Return the first problems of a document, without secrets."""
    return [sendable(masked(str(problem))) for problem in campaigns.problems[:MOST_CAMPAIGNS]]
