"""What the pages of all models share: nothing is edited, and nothing counts millions of rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.timezone import is_aware, localtime

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
    BaseAdmin = admin.ModelAdmin[Any]
else:
    BasePaginator, BaseAdmin = Paginator, admin.ModelAdmin


def to_the_second(moment: datetime | None) -> str:
    """Return *moment* in the time of whoever looks."""
    if moment is None:
        return "-"
    return date_format(localtime(moment) if is_aware(moment) else moment, "Y-m-d H:i:s")


def sendable(text: str) -> str:
    """
    Return *text*, which may come from JSON, without lone surrogates: no page can hold them.

    >>> sendable(chr(0xD800) + " is half a character")
    '? is half a character'
    """
    return text.encode("utf-8", "replace").decode()


class CappedPaginator(BasePaginator):
    """Counts no further than `MOST_ROWS`: what is older is found by filters and search."""

    MOST_ROWS = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most `MOST_ROWS`."""
        rows: Any = self.object_list
        return int(rows[: self.MOST_ROWS].count())

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than the pages show."""
        return self.count == self.MOST_ROWS


class ReadOnlyAdmin(BaseAdmin):
    """Shows rows to whoever may see them. Actions are for those who may change them."""

    paginator = CappedPaginator
    show_full_result_count = False
    sortable_by = ()
    ordering = ("-pk",)
    show_facets = admin.ShowFacets.NEVER

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, under a title that does not promise that rows can be changed."""
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether actions are offered; no single row can be edited."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
