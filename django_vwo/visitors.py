"""From a request to a visitor: who they are, and whether they may be tested."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from .client import get_client
from .conf import app_settings
from .visitor_client import VisitorClient

VISITOR_ID = re.compile(r"[0-9a-f]{32}")
OPTED_OUT = "opted-out"


def client_of(request: Any) -> VisitorClient:
    """Return ``request.vwo``. Raises `ImproperlyConfigured` if the middleware is missing."""
    try:
        return request.vwo  # type: ignore[no-any-return]
    except AttributeError:
        raise ImproperlyConfigured(
            "The request has no 'vwo': add 'django_vwo.middleware.VWOMiddleware' to MIDDLEWARE."
        ) from None


class RequestClient(VisitorClient):
    """``request.vwo``: the visitor of one request, found when first asked for."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(get_client)
        self._request = request
        self._cookie: str | None = None
        """What the response is to set the visitor's cookie to."""
        self._is_used = False

    def identify(self) -> str | None:
        self._is_used = True
        settings = app_settings()
        found = self._request.COOKIES.get(settings.cookie_name, "")
        if found == OPTED_OUT or (settings.consent and not settings.consent(self._request)):
            return None
        if settings.user_id and (user_id := settings.user_id(self._request)) not in (None, ""):
            return str(user_id)
        if VISITOR_ID.fullmatch(found):
            return found
        self._cookie = uuid4().hex
        return self._cookie

    @property
    def user_agent(self) -> str:
        return self._request.headers.get("User-Agent", "")

    @property
    def ip_address(self) -> str:
        address = self._request.META.get("REMOTE_ADDR") or ""
        return address if app_settings().send_ip_address else ""

    def opt_out(self) -> None:
        """Take the visitor out of every test, for as long as the cookie lasts."""
        if self.user_id is not None:
            get_client().forget(self.user_id)
        self._cookie = OPTED_OUT
        self._identity = (None,)

    def opt_in(self) -> None:
        """Let a visitor back in who opted out, as a new one."""
        self._is_used = True
        self._cookie = uuid4().hex
        self._identity = (self._cookie,)

    def close(self, response: HttpResponseBase) -> None:
        """Tell *response* whom it depends on, and give a new visitor their cookie."""
        if not self._is_used:
            return
        patch_vary_headers(response, ["Cookie"])
        if self._cookie is not None:
            settings = app_settings()
            response.set_cookie(
                settings.cookie_name,
                self._cookie,
                max_age=settings.cookie_age_seconds,
                domain=settings.cookie_domain,
                path=settings.cookie_path,
                secure=site.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
