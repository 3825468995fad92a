"""Impressions, conversions, and every event on its way."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import Conversion, Event, Impression
from . import resending
from .base import to_the_second
from .erasing import ErasingAdmin
from .filters import CampaignFilter, GoalFilter, KindFilter, StateFilter, narrowed
from .results import results_view
from .search import message_id, of_visitor

DELIVERY = ("last_error", "last_status", "attempts", "visitor")
FIELDSETS: Any = (
    (
        None,
        {
            "fields": (
                "kind",
                "campaign_key",
                "variation_name",
                "goal_identifier",
                "worth",
                "user_id",
                "occurred_at",
                "details",
            )
        },
    ),
    (
        _("Delivery"),
        {
            "fields": (
                "status",
                "attempts",
                "last_status",
                "last_error",
                "rejections",
                "due_at",
                "sent_at",
            )
        },
    ),
    (
        _("As the vendor knows it"),
        {
            "fields": (
                "uuid",
                "visitor",
                "account_id",
                "campaign_id",
                "variation_id",
                "goal_id",
            )
        },
    ),
)


class BaseEventAdmin(ErasingAdmin):
    """What happened to visitors, and how far its delivery has got."""

    search_fields = ("visitor",)
    search_help_text = _("User id, visitor key or message id, in full.")
    actions = ("send_again", "cancel", "erase_visitors")
    fieldsets = FIELDSETS
    readonly_fields = ("details", "uuid", "worth")

    class Media:
        css = {"all": ["django_vwo/admin.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        if not search_term:
            return queryset, False
        found = of_visitor(queryset, search_term)
        uuid = message_id(search_term)
        if uuid and not found.exists():
            found = narrowed(queryset, Q(uuid=uuid))  # for want of an index, all are looked at once
        return found, False

    @admin.display(description=_("occurred"))
    def time(self, event: Event) -> str:
        """Return when it happened, to the second."""
        return to_the_second(event.occurred_at)

    @admin.display(description=_("revenue"))
    def worth(self, event: Event) -> str:
        """Return the revenue with two decimals, or as many as it has."""
        if event.revenue is None:
            return "-"
        decimals = -int(event.revenue.normalize().as_tuple().exponent)
        return f"{event.revenue:.{max(decimals, 2)}f}"

    @admin.display(description=_("details"))
    def details(self, event: Event) -> SafeString:
        """Return what else is known of the event."""
        text = json.dumps(event.extra, indent=2, ensure_ascii=False)
        return format_html('<pre class="django-vwo-document">{}</pre>', text)

    @admin.action(description=_("Send again what failed or was cancelled"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Put failed and cancelled events back on their way, each as the message that it was."""
        count = resending.send_again(queryset)
        message = ngettext(
            "%(count)d event is on its way again.",
            "%(count)d events are on their way again.",
            count,
        )
        self.report(request, message % {"count": count}, count)

    @admin.action(description=_("Cancel what is pending"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Take pending events off their way; one that is being sent may still arrive."""
        count = resending.cancel(queryset)
        message = ngettext(
            "%(count)d event was cancelled. If it was being sent just now, it may still arrive.",
            "%(count)d events were cancelled. Those being sent just now may still arrive.",
            count,
        )
        self.report(request, message % {"count": count}, count)

    def report(self, request: HttpRequest, message: str, count: int) -> None:
        """Say *message*; as a warning if nothing was done."""
        self.message_user(request, message, messages.SUCCESS if count else messages.WARNING)


@admin.register(Event)
class EventAdmin(BaseEventAdmin):
    """Everything that is sent, visitor properties included."""

    list_display = (
        "time",
        "status",
        "kind",
        "campaign_key",
        "variation_name",
        "goal_identifier",
        "worth",
        *DELIVERY,
    )
    list_filter = (StateFilter, KindFilter, CampaignFilter, GoalFilter)


@admin.register(Impression)
class ImpressionAdmin(BaseEventAdmin):
    """Who was shown which variation."""

    list_display = ("time", "status", "campaign_key", "variation_name", *DELIVERY)
    list_filter = (StateFilter, CampaignFilter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(goal_id="")


@admin.register(Conversion)
class ConversionAdmin(BaseEventAdmin):
    """Who reached which goal; and the results of each campaign."""

    list_display = (
        "time",
        "status",
        "campaign_key",
        "variation_name",
        "goal_identifier",
        "worth",
        *DELIVERY,
    )
    list_filter = (StateFilter, CampaignFilter, GoalFilter)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.results)
        return [path("results/", view, name="django_vwo_results"), *super().get_urls()]

    def results(self, request: HttpRequest) -> HttpResponse:
        """Return the page with what each variation brought."""
        return results_view(self, request)
