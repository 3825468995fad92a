"""What becomes of remembered visitors, told before a document goes live."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from django_vwo.client import Client
from django_vwo.models import Assignment
from django_vwo.preflight import stored
from django_vwo.preflight.mixes import mixes
from django_vwo.preflight.stored import Fate, Fates, fates
from django_vwo.storages.database import DatabaseStorage
from tests.builders import (
    Json,
    campaign,
    custom,
    document,
    grouped,
    loaded,
    rollout,
    split,
    variation,
    whitelisting,
)

pytestmark = pytest.mark.django_db

VISITORS = [f"visitor-{number}" for number in range(60)]


def activated(made: Json, *keys: str, visitors: list[str] = VISITORS) -> dict[str, str | None]:
    """Let *visitors* see the campaigns of a document; return what they saw of the last one."""
    client = Client(made, storage=DatabaseStorage())
    seen: dict[str, str | None] = {}
    with TestCase.captureOnCommitCallbacks(execute=True):
        for user_id in visitors:
            for key in keys or ("test",):
                seen[user_id] = client.activate(key, user_id, custom_variables={"plan": "gold"})
    return seen


def only(found: dict[str, Fates], key: str = "test") -> dict[Fate, int]:
    return {fate: found[key].total(fate) for fate in Fate if found[key].total(fate)}


def after(made: Json, before: Json | None = None) -> dict[str, Fates]:
    return fates(loaded(before) if before else None, loaded(made))


def test_an_empty_storage_has_no_fates() -> None:
    assert after(document(campaign()), document(campaign())) == {}


def test_remembered_visitors_keep_their_variation_whatever_the_weights() -> None:
    before = document(campaign())
    activated(before)
    new = document(campaign(variations=split(0, 100), percentTraffic=0), isNB=True)
    assert only(after(new, before)) == {Fate.KEPT: 60}


def test_visitors_of_a_gone_variation_are_decided_on_anew_as_the_client_will() -> None:
    before = document(campaign(variations=split(30, 30, 40)))
    seen = activated(before)
    new = document(campaign(variations=split(10, 20), percentTraffic=80), isNBv2=True)
    found = after(new, before)["test"]
    really = activated(new)
    lost = [user_id for user_id in VISITORS if seen[user_id] == "Variation-2"]
    for name in ("Control", "Variation-1", None):
        count = sum(really[user_id] == name for user_id in lost)
        fate = Fate.MOVED if name else Fate.OUT
        assert found.counts[fate, "Variation-2", name] == count
        assert count, "each way is taken by somebody"
    assert found.total(Fate.KEPT) == 60 - len(lost)


def test_examples_are_keys_that_the_vendor_knows_and_no_user_ids() -> None:
    before = document(campaign())
    activated(before)
    found = after(document(campaign(variations=split(100))), before)["test"]
    keys = {loaded(before).visitor_key(user_id) for user_id in VISITORS}
    assert len(found.examples[Fate.MOVED]) == stored.EXAMPLES
    assert set(found.examples[Fate.MOVED]) <= keys
    assert "visitor-" not in repr(found)
    assert Fate.KEPT not in found.examples


def test_a_segment_that_cannot_be_judged_is_taken_to_be_met() -> None:
    gold = custom("plan", "gold")
    before = document(campaign(segments=gold))
    activated(before)
    new = document(campaign(segments=gold, variations=split(100)))
    assert set(only(after(new, before))) == {Fate.KEPT, Fate.MOVED}


@pytest.mark.parametrize("ending", [{"status": "PAUSED"}, {"key": "other", "id": 11}])
def test_visitors_of_a_campaign_that_ends_see_none(ending: Json) -> None:
    before = document(campaign())
    activated(before)
    assert only(after(document(campaign(**ending)), before)) == {Fate.ENDED: 60}


def test_visitors_of_a_campaign_that_starts_again_return_to_theirs() -> None:
    running, paused = document(campaign()), document(campaign(status="PAUSED"))
    activated(running)
    assert only(after(running, paused)) == {Fate.RETURNED: 60}
    assert only(after(running)) == {Fate.RETURNED: 60}
    assert only(after(paused, paused)) == {Fate.NONE: 60}


def test_nobody_returns_to_a_variation_that_is_gone() -> None:
    activated(document(campaign(variations=split(50, 50))))
    paused = document(campaign(status="PAUSED"))
    others = [variation(8, "Old", 50), variation(9, "New", 50)]
    new = document(campaign(variations=others))
    assert only(after(new, paused)) == {Fate.MOVED: 60}
    assert only(after(new)) == {Fate.MOVED: 60}


def test_a_variation_that_comes_back_has_its_visitors_again() -> None:
    before, without = document(campaign()), document(campaign(variations=split(100)))
    seen = activated(before)
    returning = sum(name == "Variation-1" for name in seen.values())
    found = after(before, without)["test"]
    assert found.counts[Fate.RETURNED, "Control", "Variation-1"] == returning
    assert found.total(Fate.KEPT) == 60 - returning


def test_a_campaign_with_another_key_finds_nobody() -> None:
    before = document(campaign())
    seen = activated(before)
    new = document(campaign(key="other", variations=split(10, 90)))
    found = after(new, before)["test"]
    assert found.total(Fate.LOST) == found.total() == 60
    really = activated(new, "other")
    for user_id in VISITORS:
        assert found.counts[Fate.LOST, seen[user_id], really[user_id]]


def test_whitelisting_without_variables_forces_remembered_visitors() -> None:
    before = document(campaign())
    seen = activated(before)
    forcing = whitelisting("Variation-1", "x")
    forcing["variations"][1]["segments"] = {"user": ", ".join(VISITORS[:20])}
    moved = sum(seen[user_id] == "Control" for user_id in VISITORS[:20])
    found = after(document(forcing), before)
    assert only(found) == {Fate.KEPT: 60 - moved, Fate.FORCED: moved}
    assert found["test"].counts[Fate.FORCED, "Control", "Variation-1"] == moved
    assert only(after(document(forcing), document(forcing))) == {Fate.KEPT: 60}


def test_another_account_finds_nobody() -> None:
    before = document(campaign())
    activated(before)
    new = document(campaign(), accountId=99)
    assert only(after(new, before)) == {Fate.LOST: 60}
    assert only(after(before, new)) == {Fate.KEPT: 60}, "decided on anew, they meet the same now"


def test_in_a_group_other_assignments_of_the_visitor_decide() -> None:
    a, b = campaign("a", 1, variations=split(50, 50)), campaign("b", 2)
    activated(document(a, b), "a", "b")
    before = grouped(a, b)
    new = grouped(campaign("a", 1, variations=[variation(9, "New", 100)]), b)
    found = after(new, before)
    assert only(found, "b") == {Fate.KEPT: 60}
    assert only(found, "a") == {Fate.OUT: 60}, "b has them all"


def test_names_of_campaigns_that_no_document_knows_are_counted() -> None:
    Assignment.objects.create(
        visitor="V" * 32, user_id="", assignment_key="forgotten", variation="Control"
    )
    assert only(after(document(rollout())), "forgotten") == {Fate.NONE: 1}


def test_rows_are_read_in_chunks_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "CHUNK_ROWS", 25)
    before = document(campaign())
    activated(before)
    ticks: list[int] = []
    with CaptureQueriesContext(connection) as queries:
        found = fates(loaded(before), loaded(before), ticks.append)
    assert ticks == [25, 25, 10]
    assert len(queries) == 4
    assert all("LIMIT 25" in each["sql"] for each in queries)
    assert only(found) == {Fate.KEPT: 60}
    assert stored.count() == 60


def mixed(new: Json, before: Json) -> Any:
    (found,) = mixes(loaded(new), after(new, before))
    return found


def test_a_re_weight_leaves_the_old_mix_behind() -> None:
    before = document(campaign())
    seen = activated(before)
    new = document(campaign(variations=split(10, 90)))
    found = mixed(new, before)
    controls = sum(name == "Control" for name in seen.values())
    assert found.counts == {"Control": controls, "Variation-1": 60 - controls}
    assert found.is_mismatch
    now = found.shares()["Control"]
    assert found.shares(1)["Control"] == pytest.approx((now + 10) / 2)
    assert not mixed(before, before).is_mismatch


def test_a_mix_without_weights_or_visitors_is_no_mismatch() -> None:
    before = document(campaign())
    activated(before, visitors=VISITORS[:1])
    assert not mixed(document(campaign(variations=split(0, 0))), before).is_mismatch
    new = document(campaign(status="PAUSED"))
    assert list(mixes(loaded(new), after(new, before))) == []
