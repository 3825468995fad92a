"""How a dialect is found."""

from __future__ import annotations

import json

import pytest

from django_vwo import dialects
from django_vwo.dialects.base import Dialect, Request, Sender
from django_vwo.engine.errors import DocumentError
from tests.builders import SDK_KEY, campaign, document


@pytest.mark.parametrize("name", dialects.DIALECTS)
def test_each_dialect_has_what_the_protocol_asks_for(name: str) -> None:
    found = dialects.get_dialect(name)

    assert name == found.NAME
    assert found.PAYLOAD_VERSION >= 1
    for method in (
        *("load", "visitor_key_for", "lone_key"),
        *("render_batch", "render_single", "settings_request"),
    ):
        assert callable(getattr(found, method))
        assert hasattr(Dialect, method)


def test_a_document_is_loaded_in_the_dialect_it_speaks() -> None:
    site = dialects.load(json.dumps(document(campaign())), source="vwo.json")

    assert site.dialect == "vwo"


def test_a_document_that_speaks_none_is_refused_with_its_source() -> None:
    with pytest.raises(DocumentError, match=r"^shop\.json: version is missing"):
        dialects.load("{}", source="shop.json")


def test_what_may_hold_a_secret_is_not_shown() -> None:
    sender = Sender(account_id="1", sdk_key=SDK_KEY)
    request = Request(
        method="POST",
        url="https://vwo.example",
        query={"env": SDK_KEY},
        headers={"Authorization": SDK_KEY},
        body=SDK_KEY.encode(),
    )

    assert SDK_KEY not in repr(sender) + repr(request)
