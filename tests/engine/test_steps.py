"""Each step to a decision, and the reason it gives."""

from __future__ import annotations

from typing import Any

import pytest

from django_vwo.engine import steps
from django_vwo.engine.entities import Assignment, Purpose, Reason
from django_vwo.engine.hashing import Seed, bucket_for_hash
from tests.answers import BUCKETING
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

from .deciding import asked, decided, name_of, remembered

ALL_OF_THEM = [f"visitor-{number}" for number in range(300)]
GOLD = {"plan": "gold"}


def named(name: str) -> dict[str, Any]:
    """Return the targeting variables that `whitelisting` asks for."""
    return {"whitelist": name}


# --- Bandits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", [Purpose.ACTIVATE, Purpose.TRACK])
def test_bandit_without_storage_decides_nothing(purpose: Purpose) -> None:
    decision = decided(document(campaign(isMAB=True)), purpose=purpose)

    assert (decision.variation, decision.reason) == (None, Reason.STORAGE_NEEDED)


def test_bandit_without_storage_stops_before_whitelisting() -> None:
    decision = decided(document(whitelisting("Control", "x", isMAB=True)), targeting=named("x"))

    assert decision.reason is Reason.STORAGE_NEEDED


def test_bandit_without_storage_may_be_read() -> None:
    decision = decided(document(campaign(isMAB=True)), purpose=Purpose.READ)

    assert decision.reason is Reason.BUCKETED


def test_bandit_with_storage_decides_as_any_campaign() -> None:
    assert decided(document(campaign(isMAB=True)), stored={}).reason is Reason.BUCKETED


# --- Whitelisting ----------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("stored", [None, {}, remembered(test="Control")], ids=str)
def test_whitelisting_comes_first(purpose: Purpose, stored: dict[str, Assignment] | None) -> None:
    shut_out = document(
        whitelisting("Variation-1", "x", percentTraffic=0, segments=custom("plan", "equals(gold)"))
    )

    decision = decided(shut_out, stored=stored, purpose=purpose, targeting=named("x"))

    assert (name_of(decision), decision.reason) == ("Variation-1", Reason.FORCED)
    assert not decision.is_new


def test_whitelisting_reads_targeting_variables_only() -> None:
    decision = decided(document(whitelisting("Control", "x")), custom_variables=named("x"))

    assert decision.reason is Reason.BUCKETED


@pytest.mark.parametrize("flag", [False, None, 1, "true"])
def test_whitelisting_must_be_switched_on(flag: Any) -> None:
    off = document(whitelisting("Control", "x", isForcedVariationEnabled=flag))

    assert decided(off, targeting=named("x")).reason is Reason.BUCKETED


@pytest.mark.parametrize("empty", [{}, [], None])
def test_empty_segments_whitelist_nobody(empty: Any) -> None:
    variations = [variation(1, "Control", 100, segments=empty)]
    open_to_none = document(campaign(variations=variations, isForcedVariationEnabled=True))

    assert decided(open_to_none).reason is Reason.BUCKETED


def test_whitelisting_knows_the_user_id_whatever_the_caller_says() -> None:
    variations = [variation(1, "Control", 100, segments={"user": "Bob, Ann"})]
    for_bob = loaded(document(campaign(variations=variations, isForcedVariationEnabled=True)))
    pretending = {"_vwo_user_id": "Bob"}

    assert decided(for_bob, user_id="Bob").reason is Reason.FORCED
    assert decided(for_bob, user_id="Eve", targeting=pretending).reason is Reason.BUCKETED


def test_hashed_user_lists_hold_visitor_keys() -> None:
    key = loaded(document()).visitor_key("Bob")
    variations = [variation(1, "Control", 100, segments={"user": f"{key}, other"})]
    hashed = document(
        campaign(variations=variations, isForcedVariationEnabled=True, isUserListEnabled=True)
    )

    assert decided(hashed, user_id="Bob").reason is Reason.FORCED
    assert decided(hashed, user_id="Ann").reason is Reason.BUCKETED


@pytest.mark.parametrize(
    ("weights", "ends"),
    [
        ((10, 30, 60), (1000, 4000, 10000)),
        ((5, 15, 0), (2500, 10000)),
        ((0, 0, 0), (3334, 6668, 10002)),
        ((1, 1, 1), (3334, 6668, 10002)),
        (("20", "20", "40"), (2500, 5000, 10000)),
        ((50, 50, -100), (3334, 6668, 10002)),
        ((1e308, 1e308, 1e308), ()),
    ],
)
def test_several_whitelisting_variations_share_by_their_weights(
    weights: tuple[Any, ...], ends: tuple[int, ...]
) -> None:
    variations = [{**each, "segments": custom("whitelist", "x")} for each in split(*weights)]
    several = loaded(
        document(
            campaign(variations=variations, isForcedVariationEnabled=True, percentTraffic=0),
            isNB=True,
        )
    )

    for user_id in ALL_OF_THEM:
        decision = decided(several, user_id=user_id, targeting=named("x"))
        bucket = bucket_for_hash(Seed(prefix="10_").hash(user_id))
        place = sum(end < bucket for end in ends)
        expected = list(several.campaigns["test"].variations)[place] if place < len(ends) else None
        assert name_of(decision) == expected


def test_whitelisting_of_variations_without_a_range_leaves_the_visitor_to_the_other_steps() -> None:
    weights = split(50, 50, -100.5)
    variations = [{**each, "segments": custom("whitelist", "x")} for each in weights]
    gaps = loaded(document(campaign(variations=variations, isForcedVariationEnabled=True)))

    assert decided(gaps, targeting=named("x")).reason is Reason.BUCKETED


# --- User storage ----------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", list(Purpose))
def test_remembered_variation_outlives_a_weight_change(purpose: Purpose) -> None:
    changed = document(campaign(variations=split(0, 100), percentTraffic=0))

    decision = decided(changed, stored=remembered(test="Control"), purpose=purpose)

    assert (name_of(decision), decision.reason) == ("Control", Reason.STORED)
    assert (decision.is_new, decision.replaces) == (False, None)


@pytest.mark.parametrize("purpose", [Purpose.TRACK, Purpose.READ])
def test_who_was_never_shown_a_campaign_is_not_in_it(purpose: Purpose) -> None:
    decision = decided(document(campaign()), stored={}, purpose=purpose)

    assert (decision.variation, decision.reason) == (None, Reason.NOT_ACTIVATED)


@pytest.mark.parametrize("purpose", [Purpose.TRACK, Purpose.READ])
def test_activation_need_not_be_required(purpose: Purpose) -> None:
    decision = decided(document(campaign()), stored={}, purpose=purpose, requires_activation=False)

    assert decision.reason is Reason.BUCKETED
    assert decision.is_new


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("gone", ["Variation-9", "", "control"])
def test_a_gone_variation_is_replaced_on_any_call(gone: str, purpose: Purpose) -> None:
    decision = decided(document(campaign()), stored=remembered(test=gone), purpose=purpose)

    assert decision.reason is Reason.BUCKETED
    assert (decision.is_new, decision.replaces) == (True, gone)


def test_a_gone_variation_does_not_open_the_segment() -> None:
    decision = decided(
        document(campaign(segments=custom("plan", "gold"))), stored=remembered(test="Gone")
    )

    assert decision.reason is Reason.SEGMENT_MISMATCH
    assert (decision.is_new, decision.replaces) == (False, None)


def test_another_campaigns_assignment_is_not_this_ones() -> None:
    both = document(campaign(), campaign("other", 11))

    assert decided(both, stored=remembered(other="Control"), purpose=Purpose.READ).reason is (
        Reason.NOT_ACTIVATED
    )


def test_nothing_is_new_without_storage() -> None:
    decision = decided(document(campaign()))

    assert decision.reason is Reason.BUCKETED
    assert (decision.is_new, decision.replaces) == (False, None)


# --- Segment and traffic ---------------------------------------------------------------------


def test_segment_reads_custom_variables_only() -> None:
    for_gold = loaded(document(campaign(segments=custom("plan", "gold"))))

    assert decided(for_gold, custom_variables=GOLD).reason is Reason.BUCKETED
    assert decided(for_gold, targeting=GOLD).reason is Reason.SEGMENT_MISMATCH
    assert decided(for_gold).reason is Reason.SEGMENT_MISMATCH


def test_segment_does_not_know_the_user_id() -> None:
    for_bob = loaded(document(campaign(segments={"user": "Bob"})))

    assert decided(for_bob).reason is Reason.SEGMENT_MISMATCH
    assert decided(for_bob, custom_variables={"_vwo_user_id": "Bob"}).reason is Reason.BUCKETED


def test_segment_comes_before_traffic() -> None:
    shut = document(campaign(segments=custom("plan", "gold"), percentTraffic=0))

    assert decided(shut).reason is Reason.SEGMENT_MISMATCH
    assert decided(shut, custom_variables=GOLD).reason is Reason.OUTSIDE_TRAFFIC


@pytest.mark.parametrize("percent", [0, 0.5, -5, 1, 7, 50, 50.5, 99, 100, 150])
def test_traffic_admits_its_share(percent: float) -> None:
    some = loaded(document(campaign(percentTraffic=percent), isNB=True))

    for user_id in ALL_OF_THEM:
        is_in = decided(some, user_id=user_id).reason is Reason.BUCKETED
        assert is_in == (bucket_for_hash(Seed(prefix="10_").hash(user_id), 100) <= percent)


# --- Bucketing: the answers of the official SDK ------------------------------------------------


def rows(kind: str) -> Any:
    return [pytest.param(each, id=each["name"]) for each in BUCKETING[kind]]


@pytest.mark.parametrize("row", rows("generations"))
def test_each_generation_buckets_as_the_official_sdk(row: Json) -> None:
    fields = {"variations": split(*BUCKETING["split"]), **row["campaign"]}
    campaigns = loaded(document(campaign(**fields), **row["account"]))

    answers = {user_id: name_of(decided(campaigns, user_id=user_id)) for user_id in row["answers"]}

    assert answers == row["answers"]


def test_weights_below_100_leave_visitors_outside() -> None:
    decision = decided(document(campaign(variations=split(0, 0))), stored={})

    assert (decision.variation, decision.reason) == (None, Reason.OUTSIDE_RANGES)
    assert (decision.is_new, decision.replaces) == (False, None)


# --- Groups ----------------------------------------------------------------------------------

KEYS = ("a", "b", "c")


def members(**fields: Any) -> list[Json]:
    """Return three campaigns of one variation each."""
    return [
        campaign(key, number, **{"variations": split(100), **fields})
        for number, key in enumerate(KEYS, 10)
    ]


def winners(document: Json, user_id: str, **options: Any) -> list[str]:
    """Return the keys of the campaigns that *user_id* gets into."""
    campaigns = loaded(document)
    running = [key for key in KEYS if key in campaigns.campaigns]
    return [key for key in running if decided(campaigns, key, user_id, **options).variation]


@pytest.mark.parametrize("row", rows("groups"))
def test_each_group_rule_picks_as_the_official_sdk(row: Json) -> None:
    campaigns = [
        campaign(f"c{number}", number, variations=split(100), **row["campaign"])
        for number in (10, 11, 12)
    ]
    together = loaded(grouped(*campaigns, **row["group"]))

    for user_id, winner in row["answers"].items():
        entered = [
            each["key"] for each in campaigns if decided(together, each["key"], user_id).variation
        ]
        assert entered == ([winner] if winner else [])


@pytest.mark.parametrize("group", [{}, {"et": 2, "p": [11]}, {"et": 2, "wt": {"10": 50, "12": 50}}])
def test_a_visitor_enters_one_campaign_of_a_group(group: Json) -> None:
    together = grouped(*members(), **group)

    assert all(len(winners(together, user_id)) == 1 for user_id in ALL_OF_THEM[:50])


def test_the_group_is_left_by_who_loses() -> None:
    together = grouped(*members(), et=2, p=[11])

    assert decided(together, "a").reason is Reason.LOST_TO_GROUP
    assert decided(together, "b").reason is Reason.BUCKETED


@pytest.mark.parametrize("group", [{}, {"et": 2}, {"et": 2, "p": [99]}, {"et": 2, "wt": {"10": 1}}])
def test_a_single_eligible_campaign_wins_whatever_the_rule(group: Json) -> None:
    first, *others = members()
    together = grouped(first, *({**other, "percentTraffic": 0} for other in others), **group)

    assert winners(together, "Bob") == ["a"]


def test_who_is_outside_the_segment_does_not_compete() -> None:
    first, second, third = members()
    together = grouped(
        first,
        {**second, "segments": custom("plan", "gold")},
        {**third, "segments": custom("plan", "gold")},
        et=2,
        p=[11],
    )

    assert winners(together, "Bob") == ["a"]
    assert winners(together, "Bob", custom_variables=GOLD) == ["b"]


def test_paused_members_do_not_compete() -> None:
    first, second, third = members()
    together = grouped(first, {**second, "status": "PAUSED"}, third, et=2, p=[11, 10])

    assert winners(together, "Bob", stored=remembered(b="Control")) == ["a"]


@pytest.mark.parametrize("variation_name", ["Control", "Gone", ""])
def test_a_record_of_another_member_blocks_even_in_a_lost_variation(variation_name: str) -> None:
    together = grouped(*members(), et=2, p=[10])

    decision = decided(together, "a", stored=remembered(c=variation_name))

    assert decision.reason is Reason.LOST_TO_GROUP


def test_a_member_that_whitelists_the_visitor_blocks_the_others() -> None:
    first, _, third = members()
    together = grouped(first, whitelisting("Control", "x", key="b", id=11), third, et=2, p=[10])

    assert winners(together, "Bob", targeting=named("x")) == ["b"]
    assert winners(together, "Bob", targeting=named("y")) == ["a"]


def test_the_group_does_not_touch_who_is_remembered_or_whitelisted() -> None:
    lost = {**whitelisting("Control", "x", key="a"), "variations": split(100)}
    forcing = whitelisting("Control", "x", key="a", id=10)
    together = grouped(lost, *members()[1:], et=2, p=[11])

    assert decided(together, "a", stored=remembered(a="Control", b="Control")).reason is (
        Reason.STORED
    )
    together = grouped(forcing, *members()[1:], et=2, p=[11])
    decision = decided(together, "a", stored=remembered(b="Control"), targeting=named("x"))
    assert decision.reason is Reason.FORCED


@pytest.mark.parametrize(
    "group",
    [{"et": 0}, {"et": 3}, {"et": 2}, {"et": 2, "wt": {}}, {"campaigns": []}, {"campaigns": [99]}],
    ids=str,
)
def test_a_group_without_a_winner_admits_nobody(group: Json) -> None:
    together = grouped(*members(), **group)

    assert [decided(together, key).reason for key in KEYS] == [Reason.LOST_TO_GROUP] * 3


@pytest.mark.parametrize("priority", [[], [10]])
def test_a_campaign_that_its_group_does_not_list_never_wins(priority: list[int]) -> None:
    together = grouped(*members(), et=2, p=priority, wt={"11": 50, "12": 50}, campaigns=[11, 12])

    assert {decided(together, "a", user_id).reason for user_id in ALL_OF_THEM[:40]} == {
        Reason.LOST_TO_GROUP
    }


def test_a_campaign_that_only_the_group_names_competes_but_is_free_itself() -> None:
    together = grouped(*members(), et=2, p=[10])
    del together["campaignGroups"]["10"]

    assert winners(together, "Bob") == ["a"]
    together["groups"]["7"]["p"] = [11]
    assert winners(together, "Bob") == ["a", "b"]


def test_a_campaign_whose_group_is_missing_counts_as_ungrouped() -> None:
    together = grouped(*members(), et=2, p=[11])
    together["campaignGroups"]["10"] = 99

    assert winners(together, "Bob") == ["a", "b"]


@pytest.mark.parametrize("ids", [("10", 11, 12), (10.0, 11, 12), ("10", "11", "12")], ids=str)
def test_ids_are_the_same_as_text_or_number(ids: tuple[Any, ...]) -> None:
    together = grouped(*members(), campaigns=[10, 11, 12], et=2, p=[10.0])
    together["campaignGroups"] = {"10": 7.0, "11": 7, "12": 7}
    for each, given_id in zip(together["campaigns"], ids, strict=True):
        each["id"] = given_id

    assert winners(together, "Bob") == ["a"]


@pytest.mark.parametrize(("number", "prefix"), [(7, "7_"), (0, "")])
def test_group_seed_is_the_group_id_and_that_of_group_0_is_none(number: int, prefix: str) -> None:
    together = grouped(*members())
    together["groups"] = {str(number): together["groups"]["7"]}
    together["campaignGroups"] = {"10": number}

    group = loaded(together).campaigns["a"].group

    assert group is not None
    assert group.seed.hash("Bob") == Seed().hash(f"{prefix}Bob")


def test_rollouts_and_feature_tests_compete_as_well() -> None:
    together = grouped(*members()[:2], rollout("c", 12), et=2, p=[12])

    assert winners(together, "Bob") == ["c"]


def test_each_group_has_members_of_its_own() -> None:
    apart = document(
        *members(),
        groups={"7": {"campaigns": [10, 11]}, "8": {"campaigns": [12]}},
        campaignGroups={"10": 7, "11": 7, "12": 8},
    )

    assert all(len(winners(apart, user_id)) == 2 for user_id in ALL_OF_THEM)
    assert all(winners(apart, user_id)[-1] == KEYS[-1] for user_id in ALL_OF_THEM)


def test_a_campaign_without_a_group_is_left_alone_by_the_step() -> None:
    assert steps.group(*asked(document(campaign()))) is None
