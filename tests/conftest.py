"""A fresh process for each test, and a site with a settings document in service."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.urls import path
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from django_vwo import transport
from django_vwo.client import get_client
from django_vwo.conf import app_settings
from django_vwo.sources import current

from .collector import Collector
from .datafiles import allocation, datafile, event, experiment, variation
from .documents import ACCOUNT_ID, document

# Machines are slow at times, and CI is to see the same examples each time.
hypothesis_settings.register_profile(
    "here", deadline=None, derandomize=os.environ.get("CI") == "true"
)
hypothesis_settings.load_profile("here")

Configure = Callable[..., None]
Serve = Callable[[Callable[..., Any]], None]


def forget_the_process() -> None:
    app_settings.cache_clear()
    get_client.cache_clear()
    current.start_anew()


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Let no test see what another one left in the process."""
    forget_the_process()
    yield
    forget_the_process()


@pytest.fixture
def configure(settings: Settings) -> Configure:
    """Return a function that changes keys of ``settings.VWO``."""

    def change(**keys: Any) -> None:
        settings.VWO = {**settings.VWO, **keys}

    return change


@pytest.fixture
def site(configure: Configure) -> Configure:
    """Put the test site's settings document into service; return `configure`."""
    configure(SETTINGS_DOCUMENT=document())
    return configure


@pytest.fixture
def optimizely_site(configure: Configure) -> Configure:
    """Put a datafile with the pricing experiment into service; return `configure`."""
    halves = {
        "variations": [variation("1", "Control"), variation("2", "Variation-1")],
        "trafficAllocation": allocation(("1", 5000), ("2", 10000)),
    }
    document = datafile(
        experiment("pricing-page", "7", **halves),
        events=[event("signup", "21", ["7"])],
        accountId=str(ACCOUNT_ID),
    )
    configure(DIALECT="optimizely", SETTINGS_DOCUMENT=document)
    return configure


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Yield a vendor's server; no connection to it is left over."""
    with Collector() as running:
        yield running
        transport.forget_session()


@pytest.fixture
def serve(settings: Settings) -> Serve:
    """Return a function that makes a view the only page, at ``/``."""

    def install(view: Callable[..., Any]) -> None:
        settings.ROOT_URLCONF = (path("", view),)

    return install


def pytest_report_header() -> str:
    """Name the database of this run, and where the others have theirs."""
    used = connection.settings_dict["ENGINE"].rpartition(".")[2]
    return f"database: {used} (tox -e py311-django52-postgres and -mariadb run the others)"
