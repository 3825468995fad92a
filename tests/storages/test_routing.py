"""With a router, everything goes to the database that writes go to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from pytest_django import DjangoDbBlocker, Settings

from django_vwo.client import Client
from django_vwo.models import Assignment, Event
from django_vwo.recorders.outbox import OutboxRecorder
from django_vwo.storages.database import DatabaseStorage
from tests.documents import document

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "primary"])


class LaggingReplica:
    """Reads go to a replica that nothing has reached yet."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        return "default"

    def db_for_write(self, model: type, **hints: Any) -> str:
        return "primary"

    def allow_relation(self, one: object, other: object, **hints: Any) -> bool:
        return True


@pytest.fixture(scope="module", autouse=True)
def primary(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Have a second database."""
    connections.settings["primary"] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path_factory.mktemp("primary") / "primary.sqlite3"),
        "OPTIONS": {},
    }
    with django_db_blocker.unblock():
        call_command("migrate", database="primary", verbosity=0)
        yield
        connections["primary"].close()
    del connections["primary"]
    del connections.settings["primary"]


@pytest.fixture
def vwo(settings: Settings) -> Client:
    """Return a client of a site with a primary database and a replica."""
    settings.DATABASE_ROUTERS = [LaggingReplica()]
    return Client(
        document(), storage=DatabaseStorage(), recorder=OutboxRecorder(), raise_errors=True
    )


def test_a_replica_that_lags_behind_is_never_asked(vwo: Client) -> None:
    first = vwo.activate("pricing-page", "alice")
    assert vwo.get_variation_name("pricing-page", "alice") == first
    assert vwo.track(None, "alice", "signup") == {"pricing-page": True, "new-nav": False}
    assert not vwo.track(None, "alice", "signup")
    assert Event.objects.using("primary").count() == 2
    assert not Event.objects.using("default").exists()
    assert not Assignment.objects.using("default").exists()
    vwo.forget("alice")
    assert not Assignment.objects.using("primary").exists()


def test_only_a_transaction_of_the_same_database_is_waited_for(vwo: Client) -> None:
    with transaction.atomic(using="default"):
        vwo.activate("pricing-page", "alice")
        assert Assignment.objects.using("primary").exists()
    with transaction.atomic(using="primary"):
        vwo.activate("pricing-page", "bob")
        assert Assignment.objects.using("primary").count() == 1
    assert Assignment.objects.using("primary").count() == 2
