"""VWO's settings document: validated as a whole, then translated into a `CampaignSet`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeGuard

from ...engine import steps
from ...engine.bucketing import lay_out
from ...engine.entities import (
    Campaign,
    CampaignSet,
    CampaignType,
    Feature,
    Goal,
    GoalType,
    Group,
    GroupRule,
    Problem,
    Ranges,
    Segment,
    Variation,
)
from ...engine.hashing import BUCKETS, Seed
from ...engine.values import unchanging
from ..base import NO_OPTIONS, Options, Pace, full_speed
from ..checking import is_encodable
from ..collecting import without_collector
from ..parsing import parse
from .bucketing import bucketing, visitor_key_for
from .schema import check_document
from .segments import USER_ID, SegmentReader
from .variables import typed_values

Json = Mapping[str, Any]

NAME = "vwo"
CAMPAIGN_TYPES = {
    "VISUAL_AB": CampaignType.AB,
    "FEATURE_TEST": CampaignType.FEATURE_TEST,
    "FEATURE_ROLLOUT": CampaignType.ROLLOUT,
}
ALWAYS_ON = (CampaignType.ROLLOUT, CampaignType.OTHER)
"""Types whose feature is on for every visitor that has a variation."""
LOSSY_MULTIPLIER = 10
"""From here on, accounts of the oldest generation stretch some visitors beyond all ranges."""
GOAL_TYPES = {each.value: each for each in GoalType}
NUMBERS = (int, float)
EVERY_TIME = -1
NO_VALUES: Json = {}
NO_CONDITION: tuple[Any, ...] = ({}, None, [])
GROUP_RULES = {1: GroupRule.EQUAL_CHANCE, 2: GroupRule.PRIORITY_THEN_WEIGHTS}


@without_collector()
def load(text: str | bytes, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """
    Return the campaigns of the settings document *text* (JSON; bytes are UTF-8).

    *source* names the document in messages; *options* are for other dialects. Raises
    `DocumentError`: a document is taken or refused as a whole. What will not work in one that is
    taken stands in `CampaignSet.problems`.
    """
    return translate(parse(text, source), source=source, options=options)


def translate(
    document: Any, *, source: str, options: Options = NO_OPTIONS, pace: Pace = full_speed
) -> CampaignSet:
    """Return the campaigns of a document that is parsed already. Raises `DocumentError`."""
    check_document(document, source)
    return Translation(document, pace).campaign_set()


def recognises(document: Any) -> bool:
    """Return whether *document* looks like one of VWO's."""
    return isinstance(document, Mapping) and "campaigns" in document


def empty_document(account_id: str) -> Json:
    """Return a document without campaigns."""
    return {"version": 1, "accountId": account_id, "campaigns": []}


@unchanging()
class Arms:
    """The variations of a campaign, laid out."""

    in_order: tuple[Variation, ...]
    by_name: Mapping[str, Variation]
    """Of two with one name the first."""
    ranges: Ranges[Variation | None]


class Translation:
    """One document on its way to a `CampaignSet`, with the problems found so far."""

    def __init__(self, document: Json, pace: Pace = full_speed) -> None:
        self.document, self.pace = document, pace
        self.problems: list[Problem] = []
        self.segments = SegmentReader(self.report)
        self.steps_for = cache(applicable_steps)
        self.places = cache(places)
        self.plain_arms: dict[tuple[Any, ...] | None, Arms] = {}
        self.groups = self.read_groups()
        self.members = {key: frozenset(group.campaign_ids) for key, group in self.groups.items()}
        self.memberships = document.get("campaignGroups") or {}
        self.takes_properties = bool(document.get("isEventArchEnabled"))

    def report(self, path: str, message: str) -> None:
        self.problems.append(Problem(path=path, message=message))

    def campaign_set(self) -> CampaignSet:
        """Return the whole document, translated."""
        document = self.document
        running: dict[str, Campaign] = {}
        by_id: dict[str, Campaign] = {}
        by_goal: dict[str, list[Campaign]] = {}
        paused = []
        for index, item in enumerate(document["campaigns"]):
            self.pace()
            if item["status"] != "RUNNING":
                paused.append(item)
                continue
            campaign = self.read_campaign(item, f"campaigns[{index}]")
            if running.setdefault(campaign.key, campaign) is not campaign:
                self.report(f"campaigns[{index}].key", "is taken: the first campaign with it runs")
            by_id.setdefault(campaign.id, campaign)
            for identifier in campaign.goals:
                by_goal.setdefault(identifier, []).append(campaign)
        prefix = document.get("collectionPrefix")
        return CampaignSet(
            dialect=NAME,
            account_id=str(document["accountId"]),
            sdk_key=str(document.get("sdkKey") or ""),
            version=str(document["version"]),
            campaigns=running,
            campaigns_by_id=by_id,
            paused_keys=frozenset(item["key"] for item in paused).difference(running),
            paused_goals=goal_identifiers(paused).difference(by_goal),
            campaigns_by_goal={key: tuple(found) for key, found in by_goal.items()},
            features={
                key: Feature(key=key, experiments=(campaign,))
                for key, campaign in running.items()
                if campaign.type is not CampaignType.AB
            },
            visitor_key=visitor_key_for(document["accountId"]),
            user_id_fact=USER_ID,
            collection_prefix=prefix if isinstance(prefix, str) else "",
            has_event_properties=bool(document.get("isEventArchEnabled")),
            problems=tuple(self.problems),
        )

    def read_campaign(self, item: Json, path: str) -> Campaign:
        kind = CAMPAIGN_TYPES.get(item.get("type", ""), CampaignType.OTHER)
        if kind is CampaignType.OTHER:
            self.report(
                f"{path}.type", "is missing or unknown: most calls do not take the campaign"
            )
        arms = self.read_arms(item, kind, path)
        segment = None
        if item.get("segments"):
            segment = self.segments.read(item["segments"], f"{path}.segments")
        campaign_id = id_text(item["id"])
        group = self.read_membership(campaign_id, path)
        scheme = bucketing(self.document, item, arms.ranges)
        self.check_traffic(item["percentTraffic"], scheme.multiplier, path)
        whitelisting = tuple([each for each in arms.in_order if each.whitelist])
        return Campaign(
            id=campaign_id,
            key=item["key"],
            name=item.get("name", ""),
            type=kind,
            percent_traffic=item["percentTraffic"],
            assignment_key=item["key"],
            variations=arms.by_name,
            goals=self.read_goals(item["goals"], path),
            segment=segment,
            bucketing=scheme,
            group=group,
            whitelisting=whitelisting,
            is_user_list_enabled=bool(item.get("isUserListEnabled")),
            steps=self.steps_for(
                is_bandit=bool(item.get("isMAB")),
                is_whitelisting=bool(whitelisting),
                has_segment=segment is not None,
                is_grouped=group is not None,
            ),
        )

    def read_arms(self, item: Json, kind: CampaignType, path: str) -> Arms:
        """Return the variations; A/B tests that have the same ones share them."""
        key = plain_key(item["variations"]) if kind is CampaignType.AB else None
        if key in self.plain_arms:
            return self.plain_arms[key]
        problems = len(self.problems)
        arms = self.lay_arms(item, kind, path)
        if key is not None and len(self.problems) == problems:
            self.plain_arms[key] = arms
        return arms

    def lay_arms(self, item: Json, kind: CampaignType, path: str) -> Arms:
        items = item["variations"]
        values = self.read_values(item, kind, path)
        whitelists = self.read_whitelists(item, path)
        weights = self.read_weights(items, path)
        is_on = kind in ALWAYS_ON
        in_order = tuple(
            [
                Variation(
                    id=id_text(each["id"]),
                    name=(name := each["name"]),
                    stored_as=name,
                    weight=weight,
                    whitelist=whitelist,
                    is_feature_enabled=is_on or each.get("isFeatureEnabled") is True,
                    variables=variables,
                )
                for each, variables, whitelist, weight in zip(
                    items, values, whitelists, weights, strict=True
                )
            ]
        )
        total = sum(weights)
        if not 99.9 <= total <= 100.1:
            message = f"have weights that sum to {total:g}, not to 100"
            self.report(f"{path}.variations", message)
        return Arms(in_order, by_name(in_order), self.lay_out(in_order, tuple(weights)))

    def lay_out(
        self, variations: tuple[Variation, ...], weights: tuple[float, ...]
    ) -> Ranges[Variation | None]:
        """Return the buckets of *variations*, of which most campaigns share the ends."""
        found = self.places(weights)
        if len(found.owners) == len(variations):
            return Ranges(found.ends, variations)
        return Ranges(found.ends, tuple([variations[place] for place in found.owners]))

    def read_values(self, item: Json, kind: CampaignType, path: str) -> list[Json]:
        """Return the feature variables of each variation."""
        items = item["variations"]
        if kind is CampaignType.ROLLOUT:
            return [typed_values(item.get("variables"))] * len(items)
        if kind is not CampaignType.FEATURE_TEST:
            return [NO_VALUES] * len(items)
        values: list[Json] = [typed_values(each.get("variables")) for each in items]
        control = control_values(items, values)
        if control is None:
            self.report(f"{path}.variations", "have no control (id 1): off, they have no variables")
        for index, each in enumerate(items):
            if each.get("isFeatureEnabled") is False:
                values[index] = control or NO_VALUES
        return values

    def read_whitelists(self, item: Json, path: str) -> list[Segment | None]:
        """Return who is forced into each variation."""
        whitelists: list[Segment | None] = [None] * len(item["variations"])
        for index, each in enumerate(item["variations"]):
            node = each.get("segments")
            if node not in NO_CONDITION:
                where = f"{path}.variations[{index}].segments"
                whitelists[index] = self.segments.read(node, where)
        is_forcing = item.get("isForcedVariationEnabled") is True
        return whitelists if is_forcing else [None] * len(whitelists)

    def read_weights(self, items: list[Json], path: str) -> list[float]:
        found = [each["weight"] for each in items]
        if str not in map(type, found):  # then they are finite, as was checked
            return [*map(float, found)]
        weights = []
        for index, each in enumerate(found):
            try:
                weight = float(each)
            except (ValueError, OverflowError):
                weight = math.nan
            if not math.isfinite(weight):
                where = f"{path}.variations[{index}].weight"
                self.report(where, "is no finite number: the variation gets nobody")
                weight = 0
            weights.append(weight)
        return weights

    def check_traffic(self, percent: float, multiplier: float, path: str) -> None:
        if not 0 <= percent <= 100:
            self.report(f"{path}.percentTraffic", f"is {percent:g}, not 0 to 100")
        elif multiplier >= LOSSY_MULTIPLIER:
            share = multiplier / (BUCKETS + multiplier)
            message = f"is so low that {share:.1%} of those admitted get no variation"
            self.report(f"{path}.percentTraffic", message)

    def read_goals(self, items: Any, path: str) -> dict[str, Goal]:
        goals: dict[str, Goal] = {}
        for index, item in enumerate(items):
            goal = self.read_goal(item)
            if goal:
                goals.setdefault(goal.identifier, goal)
            else:
                where = f"{path}.goals[{index}]"
                self.report(where, "lacks an identifier or an id: it cannot be reached")
        return goals

    def read_goal(self, item: Any) -> Goal | None:
        """Return the goal, or None if it cannot be reached."""
        if not isinstance(item, dict):
            return None
        identifier, goal_id = item.get("identifier"), item.get("id")
        if not (isinstance(identifier, str) and is_encodable(identifier)):
            return None
        if not (type(goal_id) in NUMBERS or is_identifier(goal_id)):
            return None
        kind, revenue_prop = item.get("type"), item.get("revenueProp")
        counts_every_time = item.get("mca") == EVERY_TIME
        return Goal(
            id=id_text(goal_id),
            identifier=identifier,
            type=GOAL_TYPES.get(kind, GoalType.OTHER) if isinstance(kind, str) else GoalType.OTHER,
            is_repeatable=counts_every_time or item.get("hasProps") == True,  # noqa: E712
            needs_no_revenue=self.takes_properties and not revenue_prop and counts_every_time,
            revenue_prop=revenue_prop if isinstance(revenue_prop, str) and revenue_prop else None,
        )

    def read_groups(self) -> dict[str, Group]:
        return {
            group_id: self.read_group(group_id, item, f"groups.{group_id}")
            for group_id, item in (self.document.get("groups") or {}).items()
        }

    def read_group(self, group_id: str, item: Json, path: str) -> Group:
        rule = GROUP_RULES.get(item.get("et", 1), GroupRule.NOBODY_WINS)
        if rule is GroupRule.NOBODY_WINS:
            self.report(f"{path}.et", "is an unknown way to choose: the group admits nobody")
        if rule is GroupRule.PRIORITY_THEN_WEIGHTS and not (item.get("p") or item.get("wt")):
            self.report(path, "has no priority and no weights: of several, no campaign wins")
        return Group(
            id=group_id,
            name=item.get("name", ""),
            seed=Seed(prefix=f"{group_id}_" if group_id.strip("0") else ""),
            campaign_ids=tuple(id_text(member) for member in item.get("campaigns", ())),
            rule=rule,
            priority=tuple(id_text(member) for member in item.get("p", ())),
            weights=item.get("wt", {}),
        )

    def read_membership(self, campaign_id: str, path: str) -> Group | None:
        group_id = self.memberships.get(campaign_id)
        if group_id is None:
            return None
        key = id_text(group_id)
        group = self.groups.get(key)
        if group is None:
            self.report(path, f"is in group {group_id}, which is missing: it counts as ungrouped")
        elif campaign_id not in self.members[key]:
            self.report(path, f"is in group {group_id}, which does not list it: nobody enters it")
        return group


def plain_key(items: list[Json]) -> tuple[Any, ...] | None:
    """Return all that sets variations of an A/B test apart; None if some are whitelisted."""
    if not all(each.get("segments") in NO_CONDITION for each in items):
        return None
    return tuple(
        [(each["id"], each["name"], each["weight"], each.get("isFeatureEnabled")) for each in items]
    )


def by_name(variations: Iterable[Variation]) -> dict[str, Variation]:
    """Return *variations* by name: of two with one name the first."""
    found: dict[str, Variation] = {}
    for each in variations:
        found.setdefault(each.name, each)
    return found


def places(weights: tuple[float, ...]) -> Ranges[int]:
    """Return the buckets of each place among *weights*."""
    return lay_out(enumerate(weights))


def control_values(variations: list[Json], variables: list[Json]) -> Json | None:
    """Return the feature variables of the control, which has the id 1; None without control."""
    pairs = zip(variations, variables, strict=True)
    return next((values for item, values in pairs if item["id"] in (1, "1")), None)


def goal_identifiers(campaigns: list[Json]) -> frozenset[str]:
    """Return the identifiers of the goals of *campaigns*, whose goals may be of any shape."""
    goals = (goal for campaign in campaigns for goal in campaign["goals"])
    found = (goal.get("identifier") for goal in goals if isinstance(goal, Mapping))
    return frozenset(filter(is_identifier, found))


def id_text(value: object) -> str:
    """
    Return a vendor's id as text.

    >>> id_text(10), id_text(10.0), id_text("10")
    ('10', '10', '10')
    """
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def is_identifier(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and is_encodable(value)


def applicable_steps(
    *, is_bandit: bool, is_whitelisting: bool, has_segment: bool, is_grouped: bool
) -> tuple[steps.Step, ...]:
    """Return VWO's steps in their order, without those that could not change anything."""
    way: list[tuple[steps.Step, bool]] = [
        (steps.bandit, is_bandit),
        (steps.forced, is_whitelisting),
        (steps.stored, True),
        (steps.segment, has_segment),
        (steps.traffic, True),
        (steps.group, is_grouped),
        (steps.bucket, True),
    ]
    return tuple(step for step, applies in way if applies)
