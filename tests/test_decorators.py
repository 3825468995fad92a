"""``@track_goal`` on every kind of view."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template import engines
from django.template.response import TemplateResponse
from django.test import AsyncClient as AsyncBrowser
from django.test import Client as Browser
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pytest_django import Settings
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_vwo.decorators import track_goal
from django_vwo.engine.events import Event
from django_vwo.testing import override_variation, recorded_events

from .conftest import Configure, Serve
from .documents import document, only

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site", "everybody_takes_part")]

Get = Callable[[], Any]


@pytest.fixture
def everybody_takes_part() -> Any:
    with override_variation("pricing-page", "Control"):
        yield


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


def answering(status: int) -> Callable[[HttpRequest], HttpResponse]:
    return lambda request: HttpResponse(status=status)


def get() -> Any:
    return Browser().get("/")


def aget() -> Any:
    return async_to_sync(AsyncBrowser().get)("/")


def goals() -> list[str]:
    return [event.goal_identifier for event in recorded_events()]


def the_event() -> Event:
    (event,) = recorded_events()
    return event


signup = track_goal("signup")


class MethodView(View):
    @method_decorator(signup)
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


@method_decorator(signup, name="dispatch")
class DispatchView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


class AsyncMethodView(View):
    @method_decorator(signup)
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


@method_decorator(signup, name="dispatch")
class AsyncDispatchView(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


class PlainView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


class AsyncPlainView(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


@signup
async def async_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


class CallableView:
    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


@api_view(["GET"])
@signup
def api_inside(request: Request) -> Response:
    return Response("page")


@signup
@api_view(["GET"])
def api_outside(request: Request) -> Response:
    return Response("page")


class APIMethodView(APIView):
    @method_decorator(signup)
    def get(self, request: Request) -> Response:
        return Response("page")


@method_decorator(signup, name="dispatch")
class APIDispatchView(APIView):
    def get(self, request: Request) -> Response:
        return Response("page")


VIEWS = {
    "function": signup(page),
    "partial": signup(partial(page)),
    "callable object": signup(CallableView()),
    "method": MethodView.as_view(),
    "dispatch": DispatchView.as_view(),
    "as_view": signup(PlainView.as_view()),
    "async function": async_page,
    "async partial": signup(partial(async_page.__wrapped__)),
    "async method": AsyncMethodView.as_view(),
    "async dispatch": AsyncDispatchView.as_view(),
    "async as_view": signup(AsyncPlainView.as_view()),
    "DRF function, inside": api_inside,
    "DRF function, outside": api_outside,
    "DRF method": APIMethodView.as_view(),
    "DRF dispatch": APIDispatchView.as_view(),
}


@pytest.mark.parametrize("get_it", [get, aget], ids=["WSGI", "ASGI"])
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_it_tracks_after_any_kind_of_view(serve: Serve, view: Any, get_it: Get) -> None:
    serve(view)
    assert b"page" in get_it().content
    assert goals() == ["signup"]


@pytest.mark.parametrize("kind", [kind for kind in VIEWS if kind.startswith("async")])
def test_an_async_view_stays_one(kind: str) -> None:
    assert iscoroutinefunction(VIEWS[kind])


@pytest.mark.parametrize("status", [200, 201, 204, 302, 304, 399])
def test_it_tracks_below_400(serve: Serve, status: int) -> None:
    serve(signup(answering(status)))
    assert get().status_code == status
    assert goals() == ["signup"]


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500, 503])
def test_it_does_not_track_from_400_up(serve: Serve, status: int) -> None:
    serve(signup(answering(status)))
    assert get().status_code == status
    assert goals() == []


@pytest.mark.parametrize(("error", "status"), [(ValueError, 500), (Http404, 404)])
def test_a_view_that_raises_reaches_nothing(
    serve: Serve, error: type[Exception], status: int
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    serve(signup(view))
    assert Browser(raise_request_exception=False).get("/").status_code == status
    assert goals() == []


@pytest.mark.parametrize("decides", [True, False])
def test_when_overrides_the_status(serve: Serve, decides: bool) -> None:
    serve(track_goal("signup", when=lambda request, response: decides)(answering(404)))
    get()
    assert goals() == (["signup"] if decides else [])


def test_when_sees_request_and_response(serve: Serve) -> None:
    def is_reached(request: HttpRequest, response: HttpResponse) -> bool:
        return request.path == "/" and response.content == b"page"

    serve(track_goal("signup", when=is_reached)(page))
    get()
    assert goals() == ["signup"]


@pytest.mark.parametrize(
    "revenue",
    [12.5, "12.5", Decimal("12.5"), lambda request, response: Decimal("12.5")],
    ids=["float", "text", "Decimal", "function"],
)
def test_revenue_is_a_value_or_a_function(serve: Serve, revenue: Any) -> None:
    serve(track_goal("checkout", revenue=revenue)(page))
    get()
    assert Decimal(str(the_event().revenue)) == Decimal("12.5")


def test_revenue_may_be_told_by_the_view(serve: Serve) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.total = 99
        return HttpResponse()

    serve(track_goal("checkout", revenue=lambda request, response: request.total)(view))
    get()
    assert the_event().revenue == 99


def fail(request: HttpRequest, response: HttpResponseBase) -> None:
    raise LookupError("secret-user")


@pytest.mark.parametrize("option", ["revenue", "custom_variables", "when"])
def test_a_function_that_fails_is_logged_and_the_page_renders(
    serve: Serve, configure: Configure, caplog: pytest.LogCaptureFixture, option: str
) -> None:
    configure(RAISE_ERRORS=False)
    serve(track_goal("signup", **{option: fail})(page))
    assert get().content == b"page"
    assert goals() == ([] if option == "when" else ["signup"])
    assert "@track_goal failed: builtins.LookupError" in caplog.text
    assert "test_decorators.py" in caplog.text
    assert "secret-user" not in caplog.text


@pytest.mark.parametrize("revenue", [float("nan"), "12,50", True, [5], None])
def test_a_revenue_that_is_none_leaves_a_revenue_goal_unreached(
    serve: Serve, configure: Configure, caplog: pytest.LogCaptureFixture, revenue: object
) -> None:
    configure(RAISE_ERRORS=False)
    serve(track_goal("checkout", revenue=revenue)(page))
    assert get().content == b"page"
    assert goals() == []
    assert "revenue" in caplog.text


def test_campaigns_can_be_named(serve: Serve) -> None:
    with override_variation("other", "A", goals=["signup"]):
        serve(track_goal("signup", ["other"])(page))
        get()
        serve(track_goal("signup", campaigns="pricing-page")(page))
        get()
    assert [event.campaign_key for event in recorded_events()] == ["other", "pricing-page"]


@pytest.mark.parametrize("is_function", [False, True])
def test_custom_variables_reach_the_segments(
    serve: Serve, configure: Configure, is_function: bool
) -> None:
    segments = {"custom_variable": {"plan": "gold"}}
    configure(
        SETTINGS_DOCUMENT=document(only("A", key="gold-only", segments=segments)),
        REQUIRE_ACTIVATION=False,
    )
    for plan, expected in (("silver", []), ("gold", ["signup"])):
        variables: Any = {"plan": plan}
        if is_function:
            variables = lambda request, response, plan=plan: {"plan": plan}  # noqa: E731
        serve(track_goal("signup", custom_variables=variables)(page))
        get()
        assert [goal for goal in goals() if goal] == expected


def test_decorators_stack(serve: Serve) -> None:
    serve(track_goal("signup")(track_goal("visit")(page)))
    get()
    assert goals() == ["visit", "signup"]


def test_what_other_decorators_said_is_kept(serve: Serve) -> None:
    for view in (signup(csrf_exempt(page)), csrf_exempt(signup(page))):
        assert view.csrf_exempt is True
        serve(view)
        assert Browser(enforce_csrf_checks=True).post("/").status_code == 200
    assert signup(page).__name__ == "page"
    serve(signup(require_POST(page)))
    assert get().status_code == 405
    assert goals() == ["signup", "signup"]


def test_a_stream_and_a_template_are_tracked_when_the_view_returns(serve: Serve) -> None:
    lazy_page = engines["django"].from_string("page")
    serve(signup(lambda request: StreamingHttpResponse(["page"])))
    get()
    serve(signup(lambda request: TemplateResponse(request, lazy_page)))
    get()
    assert goals() == ["signup", "signup"]


@pytest.mark.parametrize("view", [VIEWS["function"], VIEWS["async function"], VIEWS["DRF method"]])
def test_a_missing_middleware_is_told_before_the_view_does_anything(
    serve: Serve, settings: Settings, view: Any
) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "vwo" not in each]
    serve(view)
    with pytest.raises(ImproperlyConfigured, match="VWOMiddleware"):
        get()


def test_a_method_that_is_decorated_as_a_function_is_told() -> None:
    class Wrong(View):
        @signup
        def get(self, request: HttpRequest) -> HttpResponse:
            raise AssertionError

    with pytest.raises(ImproperlyConfigured, match=r"got Wrong: .*method_decorator"):
        Wrong().get(HttpRequest())


@pytest.fixture
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
class TestAtomicRequests:
    """The conversion belongs to the transaction of the view."""

    def test_it_is_committed_with_the_order(self, serve: Serve) -> None:
        was_atomic = []

        def is_reached(request: HttpRequest, response: HttpResponseBase) -> bool:
            was_atomic.append(connections["default"].in_atomic_block)
            return True

        def view(request: HttpRequest) -> HttpResponse:
            Group.objects.create(name="order")
            return HttpResponse()

        serve(track_goal("signup", when=is_reached)(view))
        get()
        assert was_atomic == [True]
        assert Group.objects.count() == len(goals()) == 1

    def test_nothing_is_recorded_of_a_view_that_is_rolled_back(self, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            Group.objects.create(name="order")
            request.vwo.activate("pricing-page")
            request.vwo.track("visit")
            raise ValueError

        serve(signup(view))
        assert Browser(raise_request_exception=False).get("/").status_code == 500
        assert Group.objects.count() == len(goals()) == 0

    def test_a_failure_further_out_takes_it_back(self, serve: Serve) -> None:
        def outer(request: HttpRequest) -> HttpResponse:
            signup(page)(request)
            assert goals() == ["signup"]
            raise ValueError

        serve(outer)
        Browser(raise_request_exception=False).get("/")
        assert goals() == []

    def test_a_view_that_rolls_back_by_itself_reaches_nothing(
        self, serve: Serve, configure: Configure, caplog: pytest.LogCaptureFixture
    ) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            Group.objects.create(name="order")
            transaction.set_rollback(True)
            return HttpResponse("sorry")

        configure(RAISE_ERRORS=False)
        serve(signup(view))
        assert get().content == b"sorry"
        assert Group.objects.count() == len(goals()) == 0
        assert "TransactionManagementError" in caplog.text

    def test_drf_answers_400_and_rolls_back(self, serve: Serve) -> None:
        @signup
        @api_view(["GET"])
        def view(request: Request) -> Response:
            Group.objects.create(name="order")
            request.vwo.activate("pricing-page")
            raise ValidationError("no")

        serve(view)
        assert get().status_code == 400
        assert Group.objects.count() == len(goals()) == 0

    def test_an_inner_rollback_takes_its_own_alone(self, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            try:
                with transaction.atomic():
                    request.vwo.track("visit")
                    raise ValueError
            except ValueError:
                return HttpResponse()

        serve(signup(view))
        get()
        assert goals() == ["signup"]
