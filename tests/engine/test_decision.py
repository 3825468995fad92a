"""What a decision is, whatever the campaign; and that explaining it changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_vwo.engine.decision import decide
from django_vwo.engine.entities import Assignment, Purpose, Reason
from django_vwo.engine.explain import explain
from tests.builders import Json, campaign, custom, document, grouped, loaded, split, whitelisting

from .deciding import asked, explained, told

# --- Any campaign ----------------------------------------------------------------------------

operands = st.sampled_from(["gold", "lower(GOLD)", "regex(^g)", "gt(5)", "wildcard(*l*)"])
leaves = st.one_of(
    operands.map(lambda operand: custom("plan", operand)),
    st.sampled_from([{"user": "Bob"}, {"zzz": 1}, {}, custom("plan", 5)]),
)
segments: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda found: {"and": found}),
        st.lists(parts, max_size=3).map(lambda found: {"or": found}),
        parts.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)
weights = st.one_of(st.sampled_from([0, 50, 100, "33.3", -10]), st.floats(0, 100))
flags = st.sampled_from([True, False, None])


@st.composite
def campaigns(draw: st.DrawFn, key: str, number: int) -> Json:
    """Draw a campaign."""
    variations = split(*draw(st.lists(weights, min_size=1, max_size=3)))
    for each in variations:
        each["segments"] = draw(st.one_of(st.just({}), segments))
    return campaign(
        key,
        number,
        variations=variations,
        segments=draw(st.one_of(st.just({}), segments)),
        percentTraffic=draw(st.sampled_from([0, 5, 50, 100])),
        isForcedVariationEnabled=draw(st.booleans()),
        isBucketingSeedEnabled=draw(st.booleans()),
        isMAB=draw(flags),
        isOB=draw(flags),
        isOBv2=draw(flags),
    )


groups = st.fixed_dictionaries(
    {},
    optional={
        "et": st.sampled_from([1, 2, 3]),
        "p": st.lists(st.sampled_from([10, 11, 12]), max_size=2),
        "wt": st.dictionaries(st.sampled_from(["10", "11", "12"]), st.integers(0, 100)),
        "campaigns": st.permutations([10, 11, 12]),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Draw a document of three campaigns, in a group or not."""
    three = [draw(campaigns(key, number)) for number, key in enumerate("abc", 10)]
    account = {"isNB": draw(st.booleans()), "isNBv2": draw(st.booleans())}
    whole = grouped(*three, **draw(groups)) if draw(st.booleans()) else document(*three)
    return {**whole, **account}


records = st.none() | st.dictionaries(
    st.sampled_from("abc"),
    st.sampled_from(["Control", "Variation-1", "Gone"]).map(Assignment),
)
facts = st.dictionaries(st.sampled_from(["plan", "_vwo_user_id"]), st.sampled_from(["gold", 7, ""]))


@settings(max_examples=200, deadline=None)
@given(
    documents(),
    st.sampled_from("abc"),
    st.text(min_size=1),
    records,
    st.sampled_from(Purpose),
    st.booleans(),
    facts,
    facts,
)
def test_explaining_agrees_with_deciding(
    whole: Json,
    key: str,
    user_id: str,
    stored: dict[str, Assignment] | None,
    purpose: Purpose,
    requires_activation: bool,
    custom_variables: dict[str, Any],
    targeting: dict[str, Any],
) -> None:
    trial, campaign = asked(
        whole,
        key,
        user_id,
        stored,
        purpose,
        requires_activation=requires_activation,
        custom_variables=custom_variables,
        targeting=targeting,
    )

    decision = decide(trial, campaign)

    explained = explain(trial, campaign)
    assert explained == decision
    assert len(explained.findings) == len(campaign.steps)
    assert (decision.variation is None) == (
        decision.reason not in (Reason.FORCED, Reason.STORED, Reason.BUCKETED)
    )
    assert decision.is_new == (decision.reason is Reason.BUCKETED and stored is not None)
    assert decision.replaces is None or decision.is_new


# --- What it looks like ------------------------------------------------------------------------


def test_a_campaign_whose_steps_lead_nowhere_is_an_error() -> None:
    trial, found = asked(document(campaign()))
    lost = replace(found, steps=())

    with pytest.raises(ValueError, match="The steps of campaign 'test' lead to no decision"):
        decide(trial, lost)
    with pytest.raises(ValueError, match="The steps of campaign 'test' lead to no decision"):
        explain(trial, lost)


def test_steps_that_cannot_apply_are_left_out() -> None:
    def steps_of(document: Json) -> list[str]:
        return [step.__name__ for step in loaded(document).campaigns["test"].steps]

    assert steps_of(document(campaign())) == ["stored", "traffic", "bucket"]
    whole = grouped(whitelisting("Control", "x", isMAB=True, segments=custom("plan", "gold")))
    assert steps_of(whole) == [
        *("bandit", "forced", "stored", "segment", "traffic", "group", "bucket"),
    ]


# --- What it says of itself --------------------------------------------------------------------


def test_findings_show_the_whole_way() -> None:
    whole = grouped(
        whitelisting("Control", "x", key="a", segments=custom("plan", "lower(GOLD)")),
        campaign("b", 11),
        et=2,
        p=[10],
    )

    decision = explained(whole, "a", stored={}, custom_variables={"plan": "gold"})

    assert told(decision) == [
        "whitelisted: no",
        "  whitelisted for Control: no",
        "    whitelist: x, not given: no",
        "remembered: no",
        "meets the campaign's segment: yes",
        "  plan: lower(GOLD), given 'gold': yes",
        "bucket 48 of 100 is within 100 % of traffic: yes",
        "group one of these: won by a: yes",
        "  b would take the visitor: yes",
        "bucket 4736 is in a variation's range: yes",
        "  Control: buckets 1 to 5000: yes",
        "  Variation-1: buckets 5001 to 10000: no",
    ]


def test_findings_show_the_ends_of_the_ranges() -> None:
    decision = explained(document(campaign(variations=split(47.355, 0, 52.64))))

    assert told(decision)[-3:] == [
        "bucket 4736 is in a variation's range: yes",
        "  Control: buckets 1 to 4736: yes",
        "  Variation-2: buckets 4737 to 10000: no",
    ]


@pytest.mark.parametrize(
    ("changes", "options", "line"),
    [
        ({"isMAB": True}, {}, "a bandit has user storage: no"),
        ({}, {"stored": {"test": Assignment("Control")}}, "remembered: Control: yes"),
        (
            {},
            {"stored": {"test": Assignment("Gone")}},
            "remembered, but 'Gone' is gone: no",
        ),
        ({}, {}, "remembered (there is no user storage): no"),
        ({"percentTraffic": 20}, {}, "bucket 48 of 100 is within 20 % of traffic: no"),
        ({"segments": custom("plan", 5)}, {}, "  plan: an operand that is no text: no"),
        ({"segments": {"zzz": 1}}, {}, "  unknown operator 'zzz': no"),
        ({"segments": {"user": "a, b"}}, {}, "  one of 2 listed users: no"),
        ({"variations": split(10)}, {}, "bucket 4736 is in a variation's range: no"),
    ],
)
def test_findings_say_what_decided(changes: Json, options: dict[str, Any], line: str) -> None:
    assert line in told(explained(document(campaign(**changes)), **options))


@pytest.mark.parametrize(
    ("group", "options", "line"),
    [
        ({"et": 2, "p": [11]}, {}, "group one of these: won by b: no"),
        ({"et": 3}, {}, "group one of these: won by none: no"),
        (
            {},
            {"stored": {"b": Assignment("Gone")}},
            "group one of these: b has the visitor: no",
        ),
        ({"name": "", "et": 3}, {}, "group 7: won by none: no"),
    ],
)
def test_findings_say_who_won_the_group(group: Json, options: dict[str, Any], line: str) -> None:
    whole = grouped(campaign("a", 10), campaign("b", 11), **group)

    said = told(explained(whole, "a", **options))
    assert line in said
    assert said[-1] == "in a variation's range: not reached"


def test_a_step_without_a_description_goes_by_its_name() -> None:
    def lucky(trial: object, campaign: object) -> None:
        """Let everybody pass."""

    trial, found = asked(document(campaign()))
    with_luck = replace(found, steps=(lucky, *found.steps))

    assert told(explain(trial, with_luck))[0] == "lucky: yes"
