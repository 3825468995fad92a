"""Filters that know their choices without asking the database."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..engine.entities import Campaign
from ..models import Event, EventKind, EventStatus
from ..results import MOST_NAMES, events, recorded_accounts
from ..sources.current import current

FEW = 1_000
TROUBLED = (EventStatus.DEAD, EventStatus.DUPLICATE, EventStatus.CANCELLED)


class KindFilter(admin.SimpleListFilter):
    """Impressions, conversions or visitor properties."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(str(kind.value), kind.label) for kind in EventKind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        kinds = {str(kind.value): kind for kind in EventKind}
        kind = kinds.get(self.value() or "")
        if kind is EventKind.PUSH:
            return narrowed(queryset, Q(campaign_id="", kind=kind))
        return queryset.filter(kind=kind) if kind else queryset


class StateFilter(admin.SimpleListFilter):
    """How far the delivery has got."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(str(status.value), status.label) for status in EventStatus]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = self.value()
        if value == str(EventStatus.PENDING.value):  # these are due: the index of the claim
            accounts = [account for account, _name in islice(recorded_accounts(), MOST_NAMES)]
            return narrowed(queryset, Q(account_id__in=accounts, due_at__isnull=False))
        if value == str(EventStatus.SENT.value):
            return queryset.filter(status=EventStatus.SENT)
        troubled = {str(status.value): status for status in TROUBLED}
        return narrowed(queryset, is_troubled(troubled[value])) if value in troubled else queryset


class CampaignFilter(admin.SimpleListFilter):
    """The running campaigns of the settings document in service."""

    title = _("campaign")
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(campaign.id, campaign.key) for campaign in campaigns()]

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = (self.value() or "").replace("\0", "\ufffd")  # which databases refuse
        return narrowed(queryset, Q(campaign_id=value)) if value else queryset


class GoalFilter(admin.SimpleListFilter):
    """The goals of the running campaigns, or of the one that is chosen."""

    title = _("goal")
    parameter_name = "goal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        chosen = request.GET.get(CampaignFilter.parameter_name)
        seen = campaigns()
        if chosen:
            seen = [campaign for campaign in seen if campaign.id == chosen]
        found = {identifier for campaign in seen for identifier in campaign.goals}
        return [(identifier, identifier) for identifier in sorted(found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = self.value()
        if not value:
            return queryset
        having = [campaign for campaign in campaigns() if value in campaign.goals]
        return narrowed(
            queryset,
            Q(
                campaign_id__in=[campaign.id for campaign in having],
                goal_id__in=[campaign.goals[value].id for campaign in having],
                goal_identifier=value,
            ),
        )


def is_troubled(status: EventStatus) -> RawSQL:
    """Return the condition for the partial index: SQLite takes it for literal numbers only."""
    least, column = min(TROUBLED), "django_vwo_event.status"
    sql = f"{column} >= {least:d} AND {column} = {status:d}"
    return RawSQL(sql, [], BooleanField())  # noqa: S611


def narrowed(queryset: QuerySet[Event], condition: Q | RawSQL) -> QuerySet[Event]:
    """
    Return those of *queryset* that meet *condition*, for which there is an index.

    If they are few, they are named by their ids: asked for the newest of few, databases would
    rather walk all events backwards than sort what the index finds.
    """
    ids = list(events().filter(condition).values_list("id", flat=True)[: FEW + 1])
    return queryset.filter(Q(id__in=ids) if len(ids) <= FEW else condition)


def campaigns() -> list[Campaign]:
    """Return the running campaigns, by key."""
    in_service = current()
    return sorted(in_service.campaigns.values(), key=lambda item: item.key) if in_service else []
