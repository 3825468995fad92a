"""The collector of cyclic garbage rests while documents are loaded, and goes on afterwards."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from django_vwo.dialects import load
from django_vwo.dialects.base import Options
from django_vwo.dialects.collecting import without_collector
from django_vwo.engine.errors import DocumentError


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_the_collector_rests_inside_and_goes_on_afterwards() -> None:
    with without_collector():
        assert not gc.isenabled()
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_goes_on_after_an_error() -> None:
    with pytest.raises(DocumentError):
        load("{}", source="test")
    assert gc.isenabled()


def test_a_collector_that_the_site_switched_off_stays_off() -> None:
    gc.disable()
    with without_collector():
        pass
    assert not gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_is_forked_meanwhile_has_a_collector() -> None:
    with without_collector():
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_documents_are_loaded_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    options = Options()
    monkeypatch.setattr(
        "django_vwo.dialects.parse",
        lambda text, source: seen.append(gc.isenabled()) or {},  # type: ignore[func-returns-value]
    )
    with pytest.raises(DocumentError):
        load("", source="test", options=options)
    assert seen == [False]
