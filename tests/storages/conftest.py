"""Every user storage, each in every way in which it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from django.db import transaction

from django_vwo.dialects import load
from django_vwo.engine.entities import Visitor
from django_vwo.storages.base import UserStorage
from django_vwo.storages.database import DatabaseStorage
from django_vwo.storages.memory import MemoryStorage
from django_vwo.storages.profiles import ProfileStorage
from django_vwo.storages.sdk import SDKStorage
from tests.backends import ProfileService, SiteStorage

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
        pytest.param("sdk", marks=COMMITTING),
        pytest.param("sdk in a transaction", marks=COMMITTING),
        pytest.param("profiles", marks=COMMITTING),
        pytest.param("profiles in a transaction", marks=COMMITTING),
    ]
)
def storage(request: pytest.FixtureRequest) -> Iterator[UserStorage]:
    """Every user storage."""
    name, _, is_in_transaction = request.param.partition(" in a ")
    make = MAKERS[name]
    with transaction.atomic() if is_in_transaction else nullcontext():
        yield make()


@pytest.fixture
def goal_storage(storage: UserStorage) -> UserStorage:
    """Every user storage that knows of goals: where each time counts, there is nothing to know."""
    if isinstance(storage, ProfileStorage):
        pytest.skip("a user profile has no goals")
    return storage


def profile_storage() -> ProfileStorage:
    """Return user storage in a new user profile service for Optimizely's own SDKs."""
    return ProfileStorage(ProfileService)


def site_storage() -> SDKStorage:
    """Return user storage in a new storage for VWO's own SDKs."""
    return SDKStorage(SiteStorage)


MAKERS = {
    "memory": MemoryStorage,
    "database": DatabaseStorage,
    "sdk": site_storage,
    "profiles": profile_storage,
}
