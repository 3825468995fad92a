"""``TrackGoalMixin``: a class-based view that is a goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django import forms
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import AsyncClient as AsyncBrowser
from django.test import Client as Browser
from django.views import View
from django.views.generic import FormView
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_vwo.testing import override_variation, recorded_events
from django_vwo.views import TrackGoalMixin

from .conftest import Configure, Serve
from .documents import document, only

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]


@pytest.fixture(autouse=True)
def everybody_takes_part() -> Iterator[None]:
    with override_variation("pricing-page", "Control"):
        yield


class SignedUpView(TrackGoalMixin, View):
    goal_identifier = "signup"

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page", status=int(request.GET.get("status", 200)))


class AsyncView(TrackGoalMixin, View):
    goal_identifier = "signup"

    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page", status=int(request.GET.get("status", 200)))


class DRFView(TrackGoalMixin, APIView):
    goal_identifier = "signup"

    def get(self, request: Request) -> Response:
        return Response("page", status=int(request.GET.get("status", 200)))


VIEWS = pytest.mark.parametrize("view", [SignedUpView, AsyncView, DRFView])


def goals() -> list[str]:
    return [event.goal_identifier for event in recorded_events()]


def get(path: str = "/") -> Any:
    return Browser().get(path)


@VIEWS
def test_a_page_that_renders_is_a_goal(serve: Serve, view: type[View]) -> None:
    serve(view.as_view())
    assert b"page" in get().content
    assert b"page" in async_to_sync(AsyncBrowser().get)("/").content
    assert goals() == ["signup", "signup"]


@VIEWS
def test_a_page_that_fails_is_none(serve: Serve, view: type[View]) -> None:
    serve(view.as_view())
    assert get("/?status=404").status_code == 404
    assert Browser().delete("/").status_code == 405
    assert goals() == []


def test_a_form_is_a_goal_once_it_is_valid(serve: Serve) -> None:
    class Form(forms.Form):
        email = forms.EmailField()

    class SignupView(TrackGoalMixin, FormView):  # type: ignore[type-arg]
        form_class = Form
        success_url = "/done"
        goal_identifier = "signup"

        def form_invalid(self, form: forms.Form) -> HttpResponse:
            return HttpResponse("try again")

        def is_goal_reached(self, request: HttpRequest, response: HttpResponseBase) -> bool:
            return response.status_code == 302

    serve(SignupView.as_view())
    assert Browser().post("/", {"email": "no"}).content == b"try again"
    assert goals() == []
    assert Browser().post("/", {"email": "a@b.example"}).status_code == 302
    assert goals() == ["signup"]


def test_what_differs_from_response_to_response_is_overridden(
    serve: Serve, configure: Configure
) -> None:
    class OrderView(SignedUpView):
        goal_identifier = "checkout"
        goal_campaigns = "gold-only"

        def get_goal_revenue(self, request: HttpRequest, response: HttpResponseBase) -> object:
            return request.GET["total"]

        def get_goal_custom_variables(
            self, request: HttpRequest, response: HttpResponseBase
        ) -> Mapping[str, Any]:
            return {"plan": request.GET["plan"]}

    segments = {"custom_variable": {"plan": "gold"}}
    configure(
        SETTINGS_DOCUMENT=document(only("A", key="gold-only", segments=segments)),
        REQUIRE_ACTIVATION=False,
    )
    serve(OrderView.as_view())
    get("/?plan=silver&total=5")
    get("/?plan=gold&total=12.50")
    assert [event.revenue for event in recorded_events() if event.goal_identifier] == ["12.50"]


def test_a_view_without_a_goal_is_told(serve: Serve) -> None:
    class Nameless(TrackGoalMixin, View):
        pass

    serve(Nameless.as_view())
    with pytest.raises(ImproperlyConfigured, match="Nameless has no goal_identifier"):
        get()


@VIEWS
def test_a_missing_middleware_is_told(serve: Serve, settings: Settings, view: type[View]) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "vwo" not in each]
    serve(view.as_view())
    with pytest.raises(ImproperlyConfigured, match="VWOMiddleware"):
        get()
