"""`TrackGoalMixin`: a class-based view that is a goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .decorators import ViewGoal, is_successful
from .visitors import client_of


class TrackGoalMixin:
    """
    Tracks `goal_identifier` after the view, as `@track_goal` does for a function.

    Place it before Django's view class, and override the methods that differ from response to
    response.
    """

    goal_identifier = ""
    goal_campaigns: str | list[str] | None = None
    """A campaign key, a list of keys, or None for every running campaign that has the goal."""

    def get_goal_revenue(self, request: HttpRequest, response: HttpResponseBase) -> object:
        """Return what reaching the goal was worth; None: nothing."""
        return None

    def get_goal_custom_variables(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> Mapping[str, Any] | None:
        """Return what the campaigns' segments read of the visitor."""
        return None

    def is_goal_reached(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        """Return whether the response reached the goal: by default, its status is below 400."""
        return is_successful(request, response)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.goal_identifier:
            raise ImproperlyConfigured(f"{type(self).__name__} has no goal_identifier.")
        client = client_of(request)
        response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return self._goal().after(client, request, response)

    def _goal(self) -> ViewGoal:
        return ViewGoal(
            self.goal_identifier,
            self.goal_campaigns,
            self.get_goal_revenue,
            self.get_goal_custom_variables,
            self.is_goal_reached,
        )
