"""User profiles as Optimizely's own SDKs keep them."""

from __future__ import annotations

from typing import Any

import pytest

from django_vwo.client import Client
from django_vwo.storages.profiles import ProfileStorage
from tests.backends import ProfileService
from tests.datafiles import datafile, experiment

pytestmark = pytest.mark.django_db(transaction=True)

STORED = "experiment_bucket_map"


@pytest.mark.parametrize("entry", [{}, {"variation_id": None}, {"variation_id": ""}, None, "101"])
def test_an_entry_that_names_no_variation_is_replaced(entry: Any) -> None:
    service = ProfileService()
    service.save({"user_id": "alice", STORED: {"10": entry}})

    shown = Client(datafile(experiment()), storage=ProfileStorage(service)).activate(
        "test", "alice"
    )

    ids = {"a": "101", "b": "102"}
    assert service.lookup("alice")[STORED] == {"10": {"variation_id": ids[str(shown)]}}
