"""Shares are computed; simulated visitors, who are decided on one by one, agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_vwo.preflight import population
from django_vwo.preflight.drawing import drawing
from django_vwo.preflight.moves import moves
from django_vwo.preflight.population import everybody_in, spread
from django_vwo.preflight.shares import joint_shares
from django_vwo.preflight.splits import Split, splits
from tests.builders import Json, campaign, custom, document, grouped, loaded, split, whitelisting

GENERATIONS: dict[str, Json] = {
    "oldest": {},
    "first": {"isNB": True},
    "newest": {"isNB": True, "isNBv2": True},
    "newest alone": {"isNBv2": True},
}
OLDER_CAMPAIGNS: list[Json] = [
    {},
    {"isOB": True},
    {"isOBv2": False},
    {"isBucketingSeedEnabled": True},
    {"isOBv2": True, "isBucketingSeedEnabled": True},
]
WEIGHTS = st.one_of(
    st.sampled_from([0, 100, 50, 33.3333, 0.005, "20", "nan", -10, 1e300]),
    st.floats(0, 120, allow_nan=False),
)


def split_of(traffic: float, weights: list[Any], **top: Any) -> Split:
    made = document(campaign(percentTraffic=traffic, variations=split(*weights)), **top)
    (found,) = splits(loaded(made), is_remembering=True)
    return found


def shares_of(found: Split) -> list[float]:
    return [arm.share for arm in found.arms]


def test_a_plain_split_is_that_of_the_weights() -> None:
    found = split_of(100, [50, 30, 20])
    assert shares_of(found) == pytest.approx([0.5, 0.3, 0.2], abs=1e-9)
    assert (found.admitted, found.entering, found.warnings) == (1, pytest.approx(1), ())


def test_weights_beyond_100_cut_the_last_off() -> None:
    found = split_of(100, [80, 80])
    assert shares_of(found) == pytest.approx([0.8, 0.2])
    assert "sample ratio mismatch" in found.warnings[0]
    assert "31 visitors" in found.warnings[0]


def test_weights_below_100_leave_some_without_a_variation() -> None:
    found = split_of(40, [30, 30], isNBv2=True)
    assert found.entering == pytest.approx(0.24)
    assert shares_of(found) == pytest.approx([0.5, 0.5])
    assert found.warnings == (
        "40.0% of those admitted get no variation: the weights cover 60.0% of the buckets",
    )


def test_the_oldest_generation_loses_visitors_at_low_traffic() -> None:
    found = split_of(1, [50, 50])
    assert found.entering == pytest.approx(0.0099, abs=2e-4)
    assert "get no variation" in "".join(found.warnings)


def test_a_seed_that_is_shared_with_the_traffic_starves_a_variation() -> None:
    document_ = document(campaign(percentTraffic=50, isOBv2=True), isNBv2=True)
    (found,) = splits(loaded(document_), is_remembering=True)
    assert shares_of(found) == pytest.approx([1, 0])
    assert "sample ratio mismatch" in found.warnings[0]


def test_a_fraction_of_a_percent_of_traffic_admits_nobody() -> None:
    found = split_of(0.9, [50, 50], isNBv2=True)
    assert found.entering == 0
    assert found.warnings == (
        "traffic counts in whole percents: 0.9 % admits 0%",
        "nobody gets a variation",
    )


@pytest.mark.parametrize("traffic", [-5, 0, 1e300, 1e-300, 5e-324, 10**300, -1e300])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_absurd_traffic_is_computed_without_an_error(traffic: float, generation: str) -> None:
    found = split_of(traffic, [50, 50], **GENERATIONS[generation])
    assert 0 <= found.entering <= 1


def test_a_campaign_without_variations_gives_none() -> None:
    (found,) = splits(loaded(document(campaign(variations=[]))), is_remembering=True)
    assert found.warnings[-1] == "nobody gets a variation"
    assert split_of(100, [0, "x"]).entering == 0


def campaigns(weights: list[Any], traffic: float, extra: Json) -> Json:
    return campaign(variations=split(*weights), percentTraffic=traffic, **extra)


DOCUMENTS = st.builds(
    lambda weights, traffic, extra, top: document(campaigns(weights, traffic, extra), **top),
    st.lists(WEIGHTS, min_size=1, max_size=4),
    st.one_of(st.sampled_from([0, 1, 2, 50, 99.9, 100]), st.floats(0, 100)),
    st.sampled_from(OLDER_CAMPAIGNS),
    st.sampled_from(list(GENERATIONS.values())),
)


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=25)
def test_simulated_visitors_agree_with_what_is_computed(before: Json, after: Json) -> None:
    sets = tuple(everybody_in(loaded(each)) for each in (before, after))
    pair = tuple(each.campaigns["test"] for each in sets)
    computed = joint_shares(*pair)
    assert sum(computed.values()) == pytest.approx(1)
    counted = dict.fromkeys(computed, 0)
    ids = population.user_ids()[:2_000]
    for user_id in ids:
        met = tuple(
            population.decided(each, one, user_id, {}) for each, one in zip(sets, pair, strict=True)
        )
        counted[met] = counted.get(met, 0) + 1
    for met, count in counted.items():
        assert count / len(ids) == pytest.approx(computed.get(met, 0), abs=0.06), met


def test_visitors_stay_where_nothing_changes() -> None:
    same = document(campaign())
    (found,) = moves(loaded(same), loaded(same), is_remembering=False)
    assert (found.moving, found.is_exact) == (0, True)


def test_a_re_weight_moves_the_visitors_between_the_ranges() -> None:
    (found,) = moves(
        loaded(document(campaign())),
        loaded(document(campaign(variations=split(20, 80)))),
        is_remembering=False,
    )
    assert found.shares == {
        ("Control", "Control"): pytest.approx(0.2),
        ("Control", "Variation-1"): pytest.approx(0.3),
        ("Variation-1", "Variation-1"): pytest.approx(0.5),
    }
    assert found.moving == pytest.approx(0.3)


def test_another_seed_mixes_everybody_anew() -> None:
    (found,) = moves(
        loaded(document(campaign(), isNB=True)),
        loaded(document(campaign(), isNB=True, isNBv2=True)),
        is_remembering=False,
    )
    assert found.moving == pytest.approx(0.5)
    assert found.shares[("Control", "Variation-1")] == pytest.approx(0.25)


def test_campaigns_that_come_and_go_move_their_visitors() -> None:
    before = loaded(document(campaign("old", 1, percentTraffic=40)))
    after = loaded(document(campaign("new", 2)))
    found = {each.campaign_key: each for each in moves(before, after, is_remembering=False)}
    assert found["new"].moving == pytest.approx(1)
    assert found["old"].moving == pytest.approx(0.4, abs=1e-4)
    assert [each.moving for each in moves(None, after, is_remembering=False)] == [pytest.approx(1)]


def test_a_group_is_simulated() -> None:
    members = [campaign("a", 1), campaign("b", 2, segments=custom("plan", "gold"))]
    found = splits(loaded(grouped(*members)), is_remembering=True)
    assert [each.is_exact for each in found] == [False, False]
    assert sum(each.entering for each in found) == pytest.approx(1)
    assert found[0].entering == pytest.approx(0.5, abs=0.03)
    assert "shares its visitors in the group one of these" in found[0].warnings


def test_the_more_campaigns_the_fewer_are_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [population.visitors_for(n) for n in (0, 1, 100, 250, 1_000, 5_000)] == [
        10_000,
        10_000,
        10_000,
        4_000,
        1_000,
        1_000,
    ]

    monkeypatch.setattr(population, "MOST_DECISIONS", 100_000)
    members = [campaign(f"test-{number}", number) for number in range(1, 41)]
    ticks: list[int] = []
    found = splits(loaded(grouped(*members)), is_remembering=True, tick=ticks.append)
    assert {each.simulated for each in found} == {2_500}
    assert sum(each.entered for each in found) == 2_500
    assert sum(ticks) == 40 * population.VISITORS
    assert all("mismatch" not in "".join(each.warnings) for each in found), "too few to tell"


def test_that_nobody_simulated_enters_is_told_as_such() -> None:
    members = [campaign("a", 1, percentTraffic=0), campaign("b", 2)]
    found = splits(loaded(grouped(*members)), is_remembering=True)
    assert "nobody among 10,000 simulated visitors gets a variation" in found[0].warnings


def test_a_group_that_starves_a_variation_is_a_mismatch() -> None:
    # Without seeds of their own, the traffic of both depends on the same hash value.
    low = [campaign("a", 1, percentTraffic=100, isOBv2=True, variations=split(50, 50))]
    low += [campaign("b", 2, percentTraffic=50)]
    found = splits(loaded({**grouped(*low, et=2, p=[2]), "isNBv2": True}), is_remembering=True)
    assert "sample ratio mismatch among 10,000 simulated visitors" in found[0].warnings[-1]


def test_whitelisting_that_lists_everybody_is_simulated_and_shows() -> None:
    for_all = whitelisting("Variation-1", "x")
    for_all["variations"][1]["segments"] = custom("_vwo_user_id", "regex(.)")
    (found,) = splits(loaded(document(for_all)), is_remembering=True)
    assert shares_of(found) == [0, 1]
    assert not found.is_exact
    nobody = whitelisting("Variation-1", "x")
    (found,) = splits(loaded(document(nobody)), is_remembering=True)
    assert found.is_exact


def test_a_bandit_needs_user_storage() -> None:
    bandit = loaded(document(campaign(isMAB=True)))
    assert spread(["test"], [bandit], is_remembering=False)["test"].shares == {(None,): 1}
    assert spread(["test"], [bandit], is_remembering=True)["test"].simulated == 0


@pytest.mark.parametrize(
    "group", [{}, {"et": 2, "p": [2], "wt": {"1": 30, "3": 70}}, {"et": 9}], ids=str
)
def test_a_group_is_asked_once_and_answers_the_same(group: Json) -> None:
    listing = whitelisting("Control", "x", key="listing", id=3)
    listing["variations"][0]["segments"] = custom("_vwo_user_id", "wildcard(a*)")
    members = [campaign("a", 1, percentTraffic=60), campaign("b", 2, percentTraffic=20), listing]
    made = grouped(*members, campaign("c", 4), **group)
    made["groups"]["7"]["campaigns"].remove(4)
    eased = everybody_in(loaded(made))
    drawn = drawing(eased)
    for user_id in population.user_ids()[:300]:
        for key in eased.campaigns:
            answers = [
                population.decided(each, each.campaigns[key], user_id, {})
                for each in (eased, drawn)
            ]
            assert answers[0] == answers[1]
