"""How the objects that a settings document becomes are made: thousands of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def unchanging(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """
    Return what makes a class a dataclass with slots, whose objects never change.

    Type checkers know that they do not, and so refuse code that changes one. Python itself is not
    told: what it holds frozen takes three times as long to make, which was a fifth of loading.
    """
    return dataclass(kw_only=kw_only, slots=True, unsafe_hash=True)
