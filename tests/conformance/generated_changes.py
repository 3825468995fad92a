"""Strategies for what becomes of a settings document: weights, names, goals, groups and flags."""

from __future__ import annotations

import copy
from itertools import cycle

from hypothesis import strategies as st

from .documents import Json
from .generated import GOALS, among, good_goals, groups, traffic, weights


def reweigh(draw: st.DrawFn, campaign: Json) -> None:
    """Give the variations other weights."""
    for arm, weight in zip(campaign["variations"], cycle(draw(weights) or (100,)), strict=False):
        arm["weight"] = weight


def rename(draw: st.DrawFn, campaign: Json) -> None:
    """Give one variation another name."""
    if campaign["variations"]:
        campaign["variations"][0]["name"] = draw(among("Renamed", "Variation-2"))


def drop(draw: st.DrawFn, campaign: Json) -> None:
    """Take a variation away."""
    if campaign["variations"]:
        campaign["variations"].pop(draw(among(0, -1)))


def start_or_stop(draw: st.DrawFn, campaign: Json) -> None:
    campaign["status"] = "PAUSED" if campaign["status"] == "RUNNING" else "RUNNING"


def add_goal(draw: st.DrawFn, campaign: Json) -> None:
    goal = {"identifier": draw(among(*GOALS)), "id": 9_999, **draw(good_goals)}
    campaign["goals"] = [*campaign["goals"], goal]


def admit(draw: st.DrawFn, campaign: Json) -> None:
    """Give the campaign another share of traffic."""
    campaign["percentTraffic"] = draw(traffic)


def turn(draw: st.DrawFn, owner: Json) -> None:
    """Turn a flag of a document or a campaign."""
    flags = ("isNB", "isNBv2", "isEventArchEnabled") if "campaigns" in owner else CAMPAIGN_FLAGS
    flag = draw(among(*flags))
    owner[flag] = not owner.get(flag)


CAMPAIGN_FLAGS = ("isForcedVariationEnabled", "isBucketingSeedEnabled", "isOB", "isOBv2", "isMAB")
CHANGES = (reweigh, rename, drop, start_or_stop, add_goal, admit, turn)


@st.composite
def changed(draw: st.DrawFn, document: Json) -> Json:
    """Return *document* as it is after some changes."""
    later = copy.deepcopy(document)
    for change in draw(st.lists(among(*CHANGES), min_size=1, max_size=3)):
        change(draw, draw(among(*later["campaigns"])))
    if draw(st.booleans()):
        turn(draw, later)
    if draw(st.booleans()) and "groups" in later:
        later.update(draw(groups([int(each["id"]) for each in later["campaigns"]])))
    return later
