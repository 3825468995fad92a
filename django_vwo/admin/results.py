"""The page that tells what each variation brought."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from .. import results
from ..engine.entities import Campaign
from ..sources.current import current
from .filters import campaigns

if TYPE_CHECKING:
    from .events import ConversionAdmin


def results_view(model_admin: ConversionAdmin, request: HttpRequest) -> TemplateResponse:
    """Return the page for the campaign of the query, or for the first one."""
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    running = {campaign.id: campaign for campaign in campaigns()}
    names = {campaign.id: campaign.key for campaign in running.values()}
    for campaign_id, key in islice(results.recorded_campaigns(), results.MOST_NAMES):
        names.setdefault(campaign_id, _("%(campaign)s (not running)") % {"campaign": key})
    chosen = request.GET.get("campaign") or next(iter(names), "")
    chosen = chosen if chosen in names else ""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Results"),
        "names": names,
        "chosen": chosen,
        "most_events": results.MOST_EVENTS,
        **(table(running.get(chosen, chosen)) if chosen else {}),
    }
    return TemplateResponse(request, "admin/django_vwo/results.html", context)


def table(campaign: Campaign | str) -> dict[str, Any]:
    """Return what the template needs to show the results of *campaign*."""
    in_service = current()
    needs_showing = bool(in_service and in_service.conventions.counts_the_activated)
    variations = results.results(campaign, needs_showing=needs_showing)
    goals = list(variations[0].goals) if variations else []
    earning = {goal for goal in goals if any(each.goals[goal].revenue for each in variations)}
    return {
        "goals": [
            {"identifier": goal, "earns": goal in earning, "width": 3 + (goal in earning)}
            for goal in goals
        ],
        "unshown": sum(goal.unshown for each in variations for goal in each.goals.values()),
        "rows": [row(variation, earning) for variation in variations],
        "is_complete": all(variation.is_complete for variation in variations),
    }


def row(variation: results.VariationResult, earning: set[str]) -> dict[str, Any]:
    """Return one line of the table; the goals *earning* have a cell for their revenue."""
    cells = []
    for identifier, goal in variation.goals.items():
        share = variation.rate(identifier)
        percent = None if share is None else 100 * share
        cells.append({"goal": goal, "percent": percent, "earns": identifier in earning})
    return {"variation": variation, "cells": cells}
