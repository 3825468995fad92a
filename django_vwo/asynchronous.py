"""Twins of methods for async code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def async_twin(
    function: Callable[Parameters, Result],
) -> Callable[Parameters, Awaitable[Result]]:
    """Return *function* as a coroutine function that runs on Django's thread for sync code."""

    @wraps(function)
    async def twin(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        from asgiref.sync import sync_to_async

        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)

    return twin
