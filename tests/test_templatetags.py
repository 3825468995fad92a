"""``{% load vwo %}``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory

from django_vwo.engine.events import Kind
from django_vwo.testing import override_feature, override_variation, recorded_events
from django_vwo.visitors import RequestClient

from .conftest import Configure
from .documents import document, only

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]

Render = Callable[..., str]


@pytest.fixture
def render(rf: RequestFactory) -> Render:
    """Return a function that renders a template for one visitor."""
    request = rf.get("/")
    request.vwo = RequestClient(request)

    def rendered(source: str, **context: object) -> str:
        template = Template("{% load vwo %}" + source)
        return template.render(RequestContext(request, context))

    return rendered


def test_a_variation_is_printed_or_kept(render: Render) -> None:
    with override_variation("pricing-page", "Control"):
        assert render('{% vwo_activate "pricing-page" %}') == "Control"
        source = '{% vwo_activate "pricing-page" as v %}[{{ v }}]'
        assert render(source) == "[Control]"
    assert {event.kind for event in recorded_events()} == {Kind.IMPRESSION}


def test_outside_a_campaign_nothing_is_printed(render: Render) -> None:
    with override_variation("pricing-page", None):
        assert render('<b class="{% vwo_activate "pricing-page" %}">') == '<b class="">'
        source = '{% vwo_activate "pricing-page" as v %}{% if v %}in{% else %}out{% endif %}'
        assert render(source) == "out"
    assert recorded_events() == []


def test_the_campaign_may_be_a_variable(render: Render) -> None:
    with override_variation("pricing-page", "Control"):
        assert render("{% vwo_activate key %}", key="pricing-page") == "Control"


def test_custom_variables_reach_the_segments(render: Render, configure: Configure) -> None:
    segments = {"custom_variable": {"plan": "gold"}}
    configure(SETTINGS_DOCUMENT=document(only("A", segments=segments)))
    source = '{% vwo_activate "pricing-page" plan=plan %}'
    assert render(source, plan="silver") == ""
    assert render(source, plan="gold") == "A"


def test_a_feature_is_on_or_off(render: Render) -> None:
    source = '{% vwo_feature_enabled "new-nav" as nav %}{% if nav %}on{% else %}off{% endif %}'
    assert render(source) == "on"
    assert [event.campaign_key for event in recorded_events()] == ["new-nav"]
    with override_feature("new-nav", enabled=False):
        assert render(source) == "off"


def test_a_variable_is_of_its_type_and_escaped_where_it_is_printed(render: Render) -> None:
    render('{% vwo_feature_enabled "new-nav" as nav %}')
    assert render('{% vwo_variable "new-nav" "columns" as n %}{{ n|add:1 }}') == "4"
    assert render('{% vwo_variable "new-nav" "labels" as texts %}{{ texts.buy }}') == "Buy"
    assert render('{% vwo_variable "new-nav" "colour" %}') == "&lt;b&gt;red&lt;/b&gt;"
    kept = '{% vwo_variable "new-nav" "colour" as colour %}{{ colour }}'
    assert render(kept) == "&lt;b&gt;red&lt;/b&gt;"
    off = '{% autoescape off %}{% vwo_variable "new-nav" "colour" %}{% endautoescape %}'
    assert render(off) == "<b>red</b>"


def test_a_variable_that_is_missing_has_the_default(render: Render) -> None:
    assert render('{% vwo_variable "new-nav" "missing" default="blue" %}') == "blue"
    never_shown = '{% vwo_variable "new-nav" "colour" default=default %}'
    assert render(never_shown, default="<i>") == "&lt;i&gt;"
    assert render('{% vwo_variable "new-nav" "missing" %}') == ""
    assert recorded_events() == []


@pytest.mark.parametrize("value", [0, False, ""])
def test_a_variable_that_is_empty_is_not_missing(render: Render, value: object) -> None:
    with override_feature("new-nav", variables={"columns": value}):
        assert render('{% vwo_variable "new-nav" "columns" default="blue" %}') == str(value)


def test_a_goal_is_tracked_and_nothing_printed(render: Render) -> None:
    with override_variation("pricing-page", "Control"):
        assert render('[{% vwo_track "signup" %}]') == "[]"
        assert render('[{% vwo_track "checkout" revenue=total as result %}]', total=12) == "[]"
        assert render('[{% vwo_track "visit" campaigns="pricing-page" %}]') == "[]"
    found = [(event.goal_identifier, event.revenue) for event in recorded_events()]
    assert found == [("signup", None), ("checkout", 12), ("visit", None)]


def test_one_template_asks_for_one_visitor(render: Render) -> None:
    render('{% vwo_activate "pricing-page" %}{% vwo_feature_enabled "new-nav" %}')
    assert len({event.user_id for event in recorded_events()}) == 1


TAGS = [
    '{% vwo_activate "pricing-page" %}',
    '{% vwo_feature_enabled "new-nav" %}',
    '{% vwo_variable "new-nav" "colour" %}',
    '{% vwo_track "signup" %}',
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_template_without_a_request_is_told(tag: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="no 'request'"):
        Template("{% load vwo %}" + tag).render(Context())


@pytest.mark.parametrize("tag", TAGS)
def test_a_request_without_the_middleware_is_told(tag: str, rf: RequestFactory) -> None:
    context = Context({"request": rf.get("/")})
    with pytest.raises(ImproperlyConfigured, match="VWOMiddleware"):
        Template("{% load vwo %}" + tag).render(context)


@pytest.mark.parametrize("tag", TAGS)
def test_without_a_document_the_template_renders(
    tag: str, render: Render, configure: Configure
) -> None:
    configure(SETTINGS_DOCUMENT=None)
    assert render(f"[{tag}]") in ("[]", "[False]")


def test_the_request_may_be_given_by_name(rf: RequestFactory) -> None:
    request: HttpRequest = rf.get("/")
    request.vwo = RequestClient(request)
    with override_variation("pricing-page", "Control"):
        template = Template('{% load vwo %}{% vwo_activate "pricing-page" %}')
        assert template.render(Context({"request": request})) == "Control"
