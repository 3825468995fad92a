"""``{% load vwo %}``: experiments and goals in templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.template import Context

from ..visitor_client import VisitorClient
from ..visitors import client_of

register = template.Library()


def client_in(context: Context) -> VisitorClient:
    """Return the client of the request that is rendered. Raises `ImproperlyConfigured`."""
    if "request" not in context:
        raise ImproperlyConfigured(
            "The template has no 'request': render it with one, and add "
            "'django.template.context_processors.request' to TEMPLATES."
        )
    return client_of(context["request"])


@register.simple_tag(takes_context=True)
def vwo_activate(context: Context, campaign_key: str, **custom_variables: Any) -> str:
    """Return the name of the visitor's variation, or "", and record that it is shown."""
    return client_in(context).activate(campaign_key, custom_variables=custom_variables) or ""


@register.simple_tag(takes_context=True)
def vwo_feature_enabled(context: Context, campaign_key: str, **custom_variables: Any) -> bool:
    """Return whether the visitor has the feature, and record that they were decided on."""
    return client_in(context).is_feature_enabled(campaign_key, custom_variables=custom_variables)


@register.simple_tag(takes_context=True)
def vwo_variable(
    context: Context,
    campaign_key: str,
    variable_key: str,
    default: Any = "",
    **custom_variables: Any,
) -> Any:
    """Return the visitor's value of a feature variable, or *default* where there is none."""
    value = client_in(context).get_feature_variable_value(
        campaign_key, variable_key, custom_variables=custom_variables
    )
    return default if value is None else value


@register.simple_tag(takes_context=True)
def vwo_track(
    context: Context,
    goal_identifier: str,
    campaigns: str | list[str] | None = None,
    revenue: object = None,
    **custom_variables: Any,
) -> str:
    """Track a goal where the template is rendered; put nothing into the page."""
    client_in(context).track(
        goal_identifier, campaigns, revenue_value=revenue, custom_variables=custom_variables
    )
    return ""
