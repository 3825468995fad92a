"""``@track_goal``: a view that is a goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutine
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .client import get_client
from .visitor_client import VisitorClient
from .visitors import client_of

View = TypeVar("View", bound=Callable[..., Any])
PerResponse = Callable[[Any, Any], Any]
"""Takes the request and the response."""


def is_successful(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether the view answered with a status below 400, and not to a mere inquiry."""
    return response.status_code < 400 and request.method not in ("HEAD", "OPTIONS")


class ViewGoal:
    """A goal that a view's response may have reached."""

    def __init__(
        self,
        goal: str,
        campaigns: str | list[str] | None = None,
        revenue: object | PerResponse = None,
        custom_variables: Mapping[str, Any] | PerResponse | None = None,
        when: PerResponse | None = None,
    ) -> None:
        self.goal = goal
        self.campaigns = campaigns
        self.revenue = revenue
        self.custom_variables = custom_variables
        self.when = when or is_successful

    def track(self, client: VisitorClient, request: Any, response: Any) -> None:
        """Track the goal if *response* reached it."""
        if not resolve(self.when, request, response):
            return
        client.track(
            self.goal,
            self.campaigns,
            revenue_value=resolve(self.revenue, request, response),
            custom_variables=resolve(self.custom_variables, request, response),
        )

    def after(self, client: VisitorClient, request: Any, response: Any) -> Any:
        """Return what the view returned, a response or a coroutine, with the goal tracked."""
        if iscoroutine(response):
            return self.aafter(client, request, response)
        self.track(client, request, response)
        return response

    async def aafter(self, client: VisitorClient, request: Any, pending: Any) -> Any:
        """Return the response that *pending* brings, with the goal tracked."""
        response = await pending
        await sync_to_async(self.track)(client, request, response)
        return response


def resolve(value: Any, request: Any, response: Any) -> Any:
    """
    Return *value*, or what it returns for this response; None if it fails, which is logged.

    Raises `DatabaseError`: it may have spoilt the view's transaction, which must not look well.
    """
    if not callable(value):
        return value
    try:
        return value(request, response)
    except DatabaseError:
        raise
    except Exception as error:
        get_client().report("@track_goal", error)
        return None


def track_goal(
    goal: str,
    campaigns: str | list[str] | None = None,
    revenue: object | PerResponse = None,
    custom_variables: Mapping[str, Any] | PerResponse | None = None,
    when: PerResponse | None = None,
) -> Callable[[View], View]:
    """
    Return a decorator that tracks *goal* after the view, inside its transaction.

    It is tracked when the response has a status below 400, or when *when* says so. *revenue*,
    *custom_variables* are values or functions; like *when* those take the request and the response.
    *campaigns* is a key, a list of keys, or None for every running campaign that has the goal.
    Works on function views, async views and DRF views, on methods with `method_decorator`.
    """
    view_goal = ViewGoal(goal, campaigns, revenue, custom_variables, when)

    def decorate(view: View) -> View:
        @wraps(view)
        def tracked(request: Any, *args: Any, **kwargs: Any) -> Any:
            client = client_of(request)  # ahead of the view: what is missing is told at once
            response = view(request, *args, **kwargs)
            return view_goal.after(client, request, response)

        @wraps(view)
        async def atracked(request: Any, *args: Any, **kwargs: Any) -> Any:
            client = client_of(request)
            response = view(request, *args, **kwargs)
            return await view_goal.aafter(client, request, response)

        return cast(View, atracked if iscoroutinefunction(view) else tracked)

    return decorate
