"""The user storage in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Assignment
from .base import ReadOnlyAdmin
from .search import of_visitor


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    """Who was assigned what. Deleting an assignment lets the visitor be decided on anew."""

    list_display = ("visitor", "assignment_key", "variation", "created_at")
    search_fields = ("visitor",)
    search_help_text = _("User id or visitor key, in full.")
    fields = ("visitor", "user_id", "assignment_key", "variation", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Assignment], search_term: str
    ) -> tuple[QuerySet[Assignment], bool]:
        return (of_visitor(queryset, search_term) if search_term else queryset), False
