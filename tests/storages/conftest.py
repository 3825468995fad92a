"""Every user storage, each in every way in which it is used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from django_vwo.dialects import load
from django_vwo.engine.entities import Visitor
from django_vwo.storages.base import UserStorage
from django_vwo.storages.database import DatabaseStorage
from django_vwo.storages.memory import MemoryStorage

EMPTY = '{"version": 1, "accountId": 123456, "sdkKey": "", "campaigns": []}'


def visitor(user_id: str = "alice") -> Visitor:
    """Return a visitor as the client describes one."""
    return Visitor(user_id, visitor_key=load(EMPTY, source="test").visitor_key)


COMMITTING = pytest.mark.django_db(transaction=True)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("database", marks=COMMITTING),
        pytest.param("database in a transaction", marks=COMMITTING),
    ]
)
def storage(request: pytest.FixtureRequest) -> Iterator[UserStorage]:
    """Every user storage."""
    if request.param == "memory":
        yield MemoryStorage()
    elif request.param == "database":
        yield DatabaseStorage()
    else:
        with transaction.atomic():
            yield DatabaseStorage()
