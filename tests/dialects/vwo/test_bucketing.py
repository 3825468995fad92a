"""What is hashed for whom, and the key under which VWO knows a visitor."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.dialects.vwo.bucketing import visitor_key_for
from django_vwo.engine.hashing import Seed
from tests.answers import BUCKETING
from tests.builders import campaign, document, loaded


def scheme(account: dict[str, Any], fields: dict[str, Any]) -> Any:
    return loaded(document(campaign(**fields), **account)).campaigns["test"].bucketing


@pytest.mark.parametrize("old", [{}, {"isOB": None}, {"isOB": False}, {"isOB": True}], ids=str)
@pytest.mark.parametrize("older", [{}, {"isOBv2": None}, {"isOBv2": False}, {"isOBv2": 1}], ids=str)
@pytest.mark.parametrize("is_new", [{}, {"isNB": False}, {"isNB": True}], ids=str)
@pytest.mark.parametrize("is_newer", [{}, {"isNBv2": None}, {"isNBv2": True}], ids=str)
def test_the_generation_decides_on_the_variations_seed(
    old: dict[str, Any], older: dict[str, Any], is_new: dict[str, Any], is_newer: dict[str, Any]
) -> None:
    found = scheme({**is_new, **is_newer}, {**old, **older, "percentTraffic": 40})
    nb, nb2 = is_new.get("isNB"), is_newer.get("isNBv2")
    ob, ob2 = old.get("isOB"), older.get("isOBv2")

    seed = found.variation_seed.prefix + "Bob"
    if (not nb and not nb2) or (nb and ob):
        assert (seed, found.multiplier) == ("10_Bob" if nb else "Bob", (10000 / 40) / 100)
    elif (nb and ob is None and not nb2) or (nb2 and ob2 is not None):
        assert (seed, found.multiplier) == ("Bob", 1)
    else:
        assert (seed, found.multiplier) == ("10_123456_Bob", 1)


@pytest.mark.parametrize(
    ("account", "fields", "seed"),
    [
        ({}, {}, "Bob"),
        ({"isNBv2": True}, {}, "Bob"),
        ({"isNB": True}, {}, "10_Bob"),
        ({}, {"isBucketingSeedEnabled": True}, "10_Bob"),
        ({}, {"isBucketingSeedEnabled": False}, "Bob"),
        ({"isNB": 1}, {}, "10_Bob"),
        ({"isNB": "false"}, {}, "10_Bob"),
        ({"isNB": 0}, {}, "Bob"),
        ({"isNB": True}, {"id": 10.0}, "10.0_Bob"),
        ({"isNB": True}, {"id": "x"}, "x_Bob"),
    ],
)
def test_the_campaigns_seed(account: dict[str, Any], fields: dict[str, Any], seed: str) -> None:
    assert scheme(account, fields).campaign_seed.hash("Bob") == Seed().hash(seed)


@pytest.mark.parametrize(
    ("percent", "multiplier"),
    # 100 / 30 is another number than (10000 / 30) / 100.
    [(100, 1), (50, 2), (7, 10000 / 7 / 100), (30, 10000 / 30 / 100), (0, 1), (-5, 1), (200, 0.5)],
)
def test_the_oldest_generation_stretches_the_admitted_share(
    percent: float, multiplier: float
) -> None:
    assert scheme({}, {"percentTraffic": percent}).multiplier == multiplier


@pytest.mark.parametrize(("user_id", "key"), BUCKETING["visitors"])
def test_visitor_keys_are_the_official_sdks(user_id: str, key: str) -> None:
    assert visitor_key_for(123456)(user_id) == key
    assert visitor_key_for("123456")(user_id) == key


@given(st.text(), st.integers() | st.text())
def test_visitor_keys_are_three_uuids_deep(user_id: str, account_id: int | str) -> None:
    namespace = uuid5(uuid5(NAMESPACE_URL, "https://vwo.com"), str(account_id))

    assert visitor_key_for(account_id)(user_id) == uuid5(namespace, user_id).hex.upper()
