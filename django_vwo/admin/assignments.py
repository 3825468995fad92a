"""The user storage in the admin."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from ..engine.entities import Campaign
from ..engine.findings import plain
from ..models import Assignment
from ..sources.current import current
from .erasing import ErasingAdmin
from .explaining import explain_view
from .search import of_visitor


@admin.register(Assignment)
class AssignmentAdmin(ErasingAdmin):
    """Who was assigned what. Deleting an assignment lets the visitor be decided on anew."""

    list_display = ("visitor", "campaign", "variation_name", "created_at")
    search_fields = ("visitor",)
    actions = ("erase_visitors",)
    search_help_text = _("User id or visitor key, in full.")
    fields = ("visitor", "user_id", "campaign", "variation_name", "created_at")

    @admin.display(description=_("campaign"))
    def campaign(self, assignment: Assignment) -> str:
        """Return the campaign's key and, where it is another, what user storage calls it."""
        found = campaign_of(assignment)
        return told(found.key if found else "", assignment.assignment_key)

    @admin.display(description=_("variation"))
    def variation_name(self, assignment: Assignment) -> str:
        """Return the variation's name and, where it is another, what user storage calls it."""
        campaign = campaign_of(assignment)
        found = campaign.variations.get(assignment.variation) if campaign else None
        return told(found.name if found else "", assignment.variation)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the page of an assignment, headed by what its parts are called."""
        found = self.get_object(request, unquote(object_id))
        named = f"{self.campaign(found)}: {self.variation_name(found)}" if found else None
        context = {"subtitle": named, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(explain_view, site=self.admin_site))
        return [path("explain/", view, name="django_vwo_explain"), *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Assignment], search_term: str
    ) -> tuple[QuerySet[Assignment], bool]:
        return (of_visitor(queryset, search_term) if search_term else queryset), False


def campaign_of(assignment: Assignment) -> Campaign | None:
    """Return the campaign of the document in service that *assignment* is for, if it has one."""
    in_service, key = current(), assignment.assignment_key
    if in_service is None:
        return None
    likely = (in_service.campaigns_by_id.get(key), in_service.campaigns.get(key))
    paused = in_service.paused_campaigns.values()
    return next((each for each in (*likely, *paused) if each and each.assignment_key == key), None)


def told(name: str, stored_as: str) -> str:
    """
    Return how a thing is called, if it is known, and what user storage calls it.

    >>> told("pricing-page", "20311"), told("", "20311"), told("Control", "Control")
    ('pricing-page (20311)', '20311', 'Control')
    """
    return stored_as if name in ("", stored_as) else f"{plain(name)} ({stored_as})"
