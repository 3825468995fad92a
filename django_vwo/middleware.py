"""``VWOMiddleware``: gives every request its ``vwo``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .visitors import RequestClient


class VWOMiddleware:
    """
    Sets ``request.vwo``. A request that does not use it costs no query, no cookie and no header.

    Serves sync and async sites alike. Place it after ``SessionMiddleware``.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.__acall__(request)
        request.vwo = client = RequestClient(request)  # type: ignore[attr-defined]
        response: HttpResponseBase = self.get_response(request)
        client.close(response)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        request.vwo = client = RequestClient(request)  # type: ignore[attr-defined]
        response: HttpResponseBase = await self.get_response(request)
        client.close(response)
        return response
