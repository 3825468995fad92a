"""From a request to a visitor: who they are, and whether they may be tested."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from .client import get_client
from .conf import app_settings
from .logs import logger
from .visitor_client import VisitorClient

VISITOR_ID = re.compile(r"[0-9a-f]{32}")
OPTED_OUT = "opted-out"


def client_of(request: Any) -> VisitorClient:
    """Return ``request.vwo``. Raises `ImproperlyConfigured` if the middleware is missing."""
    try:
        return request.vwo  # type: ignore[no-any-return]
    except AttributeError:
        if not hasattr(request, "META"):
            raise ImproperlyConfigured(
                f"Expected a request, got {type(request).__name__}: "
                "decorate methods with django.utils.decorators.method_decorator."
            ) from None
        raise ImproperlyConfigured(
            "The request has no 'vwo': add 'django_vwo.middleware.VWOMiddleware' to MIDDLEWARE."
        ) from None


class RequestClient(VisitorClient):
    """``request.vwo``: the visitor of one request, found when first asked for."""

    not_survived = (DatabaseError,)  # it may have spoilt the transaction of the view

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(get_client)
        self._request = request
        self._new_cookie: str | None = None
        """What the response is to set the visitor's cookie to; empty: it is to be deleted."""
        self._is_used = False
        self._is_closed = False

    def identify(self) -> str | None:
        settings, cookie = app_settings(), self._cookie
        if cookie == OPTED_OUT or (settings.consent and not settings.consent(self._request)):
            return None
        user_id = settings.user_id(self._request) if settings.user_id else None
        if user_id is not None and user_id is not False and user_id != "":
            return str(user_id)
        return cookie if VISITOR_ID.fullmatch(cookie) else self._introduce()

    @property
    def user_agent(self) -> str:
        return self._request.META.get("HTTP_USER_AGENT", "")  # type: ignore[no-any-return]

    @property
    def ip_address(self) -> str:
        address = self._request.META.get("REMOTE_ADDR") or ""
        return address if app_settings().send_ip_address else ""

    def opt_out(self) -> None:
        """Take the visitor out of every test, for as long as the cookie lasts."""
        if self.user_id is not None:
            client = get_client()
            try:
                client.forget(self.user_id)
            except Exception as error:
                client.report("opt_out", error)
        self._new_cookie = OPTED_OUT
        self._forget_identity()

    def opt_in(self) -> None:
        """Let a visitor back in who opted out, as a new one."""
        if self._cookie == OPTED_OUT:
            self._new_cookie = ""
            self._forget_identity()

    def close(self, response: HttpResponseBase) -> None:
        """Tell *response* whom it depends on, and give a new visitor their cookie."""
        self._is_closed = True
        if not self._is_used:
            return
        patch_vary_headers(response, ["Cookie"])
        if self._new_cookie is not None:
            self._set_cookie(response, self._new_cookie)

    @property
    def _cookie(self) -> str:
        """What the visitor's cookie says, or is going to say."""
        self._is_used = True
        if self._new_cookie is not None:
            return self._new_cookie
        return self._request.COOKIES.get(app_settings().cookie_name, "")

    def _introduce(self) -> str | None:
        """Return the id of a new visitor, who gets a cookie; None if it is too late for one."""
        if self._is_closed:
            logger.warning("A new visitor was met while a response was streamed: ask in the view.")
            return None
        self._new_cookie = uuid4().hex
        return self._new_cookie

    def _set_cookie(self, response: HttpResponseBase, value: str) -> None:
        settings = app_settings()
        name, domain, path = settings.cookie_name, settings.cookie_domain, settings.cookie_path
        if not value:
            response.delete_cookie(name, domain=domain, path=path, samesite="Lax")
            return
        response.set_cookie(
            name,
            value,
            max_age=settings.cookie_age_seconds,
            domain=domain,
            path=path,
            secure=site.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
