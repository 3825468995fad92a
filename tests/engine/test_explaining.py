"""Explaining decides as deciding does, on every document that the official SDK is asked about."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from django_vwo.engine.decision import decide
from django_vwo.engine.entities import Assignment, CampaignSet, Purpose
from django_vwo.engine.explain import TITLES, explain
from django_vwo.engine.findings import MOST_FINDINGS
from tests.builders import Json, campaign, custom, document, grouped, loaded, split, whitelisting
from tests.conformance.documents import CASES, Case
from tests.conformance.visitors import user_id

from .deciding import asked, explained, told

VISITORS = 40


def records(draw: random.Random, campaigns: CampaignSet) -> dict[str, Assignment] | None:
    """Return what is remembered of a visitor: without user storage, nothing, or some of it."""
    if draw.random() < 0.3:
        return None
    return {
        key: Assignment(draw.choice([*each.variations, "Gone"]))
        for key, each in campaigns.campaigns.items()
        if draw.random() < 0.2
    }


def dicts(values: Iterable[Any]) -> list[Json]:
    """Return those of *values* that the client lets through."""
    return [value for value in values if isinstance(value, dict)] or [{}]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_explaining_agrees_with_deciding_on_every_document(case: Case) -> None:
    campaigns, draw = loaded(case.document), random.Random(case.name)
    for number, key in product(range(VISITORS), campaigns.campaigns):
        trial, campaign = asked(
            campaigns,
            key,
            user_id(number),
            records(draw, campaigns),
            draw.choice(list(Purpose)),
            requires_activation=draw.random() < 0.5,
            custom_variables=draw.choice(dicts(case.custom_variables)),
            targeting=draw.choice(dicts(case.targeting_variables)),
        )
        decision = decide(trial, campaign)
        explained = explain(trial, campaign)
        assert explained == decision
        assert len(explained.findings) == len(campaign.steps)
        assert all(line.isprintable() for line in str(explained).splitlines())


def test_each_step_has_words_for_when_it_is_not_reached() -> None:
    whole = grouped(whitelisting("Control", "x", isMAB=True, segments=custom("plan", "gold")))
    steps = loaded(whole).campaigns["test"].steps
    assert set(steps) <= set(TITLES)
    decision = explained(whole, stored=None)
    assert told(decision)[0] == "a bandit has user storage: no"
    assert told(decision)[1:] == [f"{TITLES[step]}: not reached" for step in steps[1:]]


def test_whitelisting_by_several_variations_says_which_has_the_bucket() -> None:
    arms = [{**arm, "segments": custom("vip", "yes")} for arm in split(50, 50)]
    whole = document(campaign(variations=arms, isForcedVariationEnabled=True))
    said = told(explained(whole, targeting={"vip": True, "_vwo_user_id": "x"}))
    assert said[:4] == [
        "whitelisted: no",
        "  whitelisted for Control: no",
        "    vip: yes, given True: no",
        "  whitelisted for Variation-1: no",
    ]
    said = told(explained(whole, targeting={"vip": "yes"}))
    assert said[0] == "whitelisted: of several, Control has the bucket: yes"


def test_the_user_id_is_not_told() -> None:
    arms = [{**arm, "segments": custom("_vwo_user_id", "ann")} for arm in split(50, 50)]
    whole = document(campaign(variations=arms, isForcedVariationEnabled=True))
    assert "Bob" not in str(explained(whole, user_id="Bob"))
    assert "    _vwo_user_id: ann, given: no" in told(explained(whole, user_id="Bob"))


@pytest.mark.parametrize("place", ["variations", "segments", "whitelists", "a group"])
def test_what_is_told_is_bounded(place: str) -> None:
    many = range(1_000)
    leaf = {"or": [custom("n", f"{number}") for number in range(100)]}
    arms = [{"id": n, "name": f"V{n}", "weight": 0.1, "segments": leaf} for n in many]
    wholes: dict[str, Any] = {
        "variations": lambda: document(campaign(variations=arms)),
        "segments": lambda: document(campaign(segments={"and": [leaf] * 200})),
        "whitelists": lambda: document(campaign(variations=arms, isForcedVariationEnabled=True)),
        "a group": lambda: grouped(*(campaign(f"c{n}", n) for n in range(1, 300))),
    }
    whole: Json = wholes[place]()
    key = "c1" if place == "a group" else "test"
    decision = explained(whole, key, stored={}, custom_variables={"n": 7}, targeting={"n": 1_000})
    assert len(told(decision)) < 8 * MOST_FINDINGS
    assert any("more" in line for line in told(decision))


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[31mred", "\u202eright to left", "x" * 5_000])
def test_names_are_told_on_one_line(name: str) -> None:
    arms = [{"id": 1, "name": name, "weight": 100}]
    whole = grouped(campaign(name, 10, variations=arms), name=name)
    decision = explained(whole, name, stored={name: Assignment(name)})
    lines = str(decision).splitlines()
    assert len(lines) == 5
    assert all(line.isprintable() and len(line) < 300 for line in lines)
