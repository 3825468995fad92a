"""What sets the generations of Optimizely's SDKs apart, as values and functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...engine.entities import Facts
from ..base import FULL_STACK_2, TODAY
from .bucketing import bucketing_id, bucketing_id_2_1


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """One generation: chosen when a datafile is loaded."""

    bucketing_id: Callable[[str, Facts], str]
    is_enabled: Callable[[object], bool]
    """Takes a variation's `featureEnabled`."""
    is_older: bool
    """Whether it is that of Full Stack 2, which knows less and asks for more."""


def is_true(value: object) -> bool:
    return value is True


BY_NAME = {
    TODAY: Generation(bucketing_id=bucketing_id, is_enabled=is_true, is_older=False),
    FULL_STACK_2: Generation(bucketing_id=bucketing_id_2_1, is_enabled=bool, is_older=True),
}
