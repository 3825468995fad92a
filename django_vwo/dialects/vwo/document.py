"""VWO's settings document: validated as a whole, then translated into a `CampaignSet`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from ...engine import steps
from ...engine.bucketing import BUCKETS
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
    Segment,
    Variation,
)
from ...engine.hashing import Seed
from ..base import NO_OPTIONS, Options
from ..checking import is_encodable
from ..parsing import parse
from .bucketing import bucketing, visitor_key_for
from .schema import check_document
from .segments import USER_ID, parse_segment
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
GROUP_RULES = {1: GroupRule.EQUAL_CHANCE, 2: GroupRule.PRIORITY_THEN_WEIGHTS}


def load(text: str | bytes, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """
    Return the campaigns of the settings document *text* (JSON; bytes are UTF-8).

    *source* names the document in messages; *options* are for other dialects. Raises
    `DocumentError`: a document is taken or refused as a whole. What will not work in one that is
    taken stands in `CampaignSet.problems`.
    """
    return translate(parse(text, source), source=source, options=options)


def translate(document: Any, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """Return the campaigns of a document that is parsed already. Raises `DocumentError`."""
    check_document(document, source)
    return Translation(document).campaign_set()


def recognises(document: Any) -> bool:
    """Return whether *document* looks like one of VWO's."""
    return isinstance(document, Mapping) and "campaigns" in document


def empty_document(account_id: str) -> Json:
    """Return a document without campaigns."""
    return {"version": 1, "accountId": account_id, "campaigns": []}


class Translation:
    """One document on its way to a `CampaignSet`, with the problems found so far."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.groups = self.read_groups()

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
            paused_keys=frozenset(item["key"] for item in paused) - running.keys(),
            paused_goals=goal_identifiers(paused) - by_goal.keys(),
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
        variations = self.read_variations(item, kind, path)
        segment = self.read_segment(item.get("segments"), f"{path}.segments")
        group = self.read_membership(id_text(item["id"]), path)
        scheme = bucketing(self.document, item, variations)
        self.check_traffic(item["percentTraffic"], scheme.multiplier, f"{path}.percentTraffic")
        whitelisting = tuple(variation for variation in variations if variation.whitelist)
        return Campaign(
            id=id_text(item["id"]),
            key=item["key"],
            name=item.get("name", ""),
            type=kind,
            percent_traffic=item["percentTraffic"],
            assignment_key=item["key"],
            variations=first_by_name(variations),
            goals=self.read_goals(item["goals"], f"{path}.goals"),
            segment=segment,
            bucketing=scheme,
            group=group,
            whitelisting=whitelisting,
            is_user_list_enabled=bool(item.get("isUserListEnabled")),
            steps=applicable_steps(
                is_bandit=bool(item.get("isMAB")),
                is_whitelisting=bool(whitelisting),
                has_segment=segment is not None,
                is_grouped=group is not None,
            ),
        )

    def read_variations(self, item: Json, kind: CampaignType, path: str) -> list[Variation]:
        is_forcing = item.get("isForcedVariationEnabled") is True
        variables: list[Json] = [typed_values(each.get("variables")) for each in item["variations"]]
        control = control_values(item["variations"], variables)
        if kind is CampaignType.FEATURE_TEST and control is None:
            self.report(f"{path}.variations", "have no control (id 1): off, they have no variables")
        variations = []
        for index, each in enumerate(item["variations"]):
            where = f"{path}.variations[{index}]"
            is_enabled = each.get("isFeatureEnabled")
            values: Mapping[str, Any] = {}
            if kind is CampaignType.ROLLOUT:
                values = typed_values(item.get("variables"))
            elif kind is CampaignType.FEATURE_TEST:
                values = (control or {}) if is_enabled is False else variables[index]
            whitelist = self.read_segment(each.get("segments"), f"{where}.segments")
            variations.append(
                Variation(
                    id=id_text(each["id"]),
                    name=each["name"],
                    stored_as=each["name"],
                    weight=self.read_weight(each["weight"], f"{where}.weight"),
                    whitelist=whitelist if is_forcing else None,
                    is_feature_enabled=kind in ALWAYS_ON or is_enabled is True,
                    variables=values,
                )
            )
        self.check_weights(variations, f"{path}.variations")
        return variations

    def read_weight(self, weight: float | str, path: str) -> float:
        try:
            number = float(weight)
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            self.report(path, "is no finite number: the variation gets nobody")
            return 0
        return number

    def check_traffic(self, percent: float, multiplier: float, path: str) -> None:
        if not 0 <= percent <= 100:
            self.report(path, f"is {percent:g}, not 0 to 100")
        elif multiplier >= LOSSY_MULTIPLIER:
            share = multiplier / (BUCKETS + multiplier)
            self.report(path, f"is so low that {share:.1%} of those admitted get no variation")

    def check_weights(self, variations: list[Variation], path: str) -> None:
        total = sum(variation.weight for variation in variations)
        if not 99.9 <= total <= 100.1:
            self.report(path, f"have weights that sum to {total:g}, not to 100")

    def read_segment(self, node: Any, path: str) -> Segment | None:
        return parse_segment(node, path, self.report) if node not in (None, {}, []) else None

    def read_goals(self, items: Any, path: str) -> dict[str, Goal]:
        goals: dict[str, Goal] = {}
        for index, item in enumerate(items):
            goal = self.read_goal(item, f"{path}[{index}]")
            if goal:
                goals.setdefault(goal.identifier, goal)
        return goals

    def read_goal(self, item: Any, path: str) -> Goal | None:
        identifier = item.get("identifier") if isinstance(item, Mapping) else None
        goal_id = item.get("id") if isinstance(item, Mapping) else None
        if not is_identifier(identifier) or not is_id(goal_id):
            self.report(path, "lacks an identifier or an id: it cannot be reached")
            return None
        kind = item.get("type")
        revenue_prop = item.get("revenueProp")
        counts_every_time = is_minus_one(item.get("mca"))
        is_known = kind in (GoalType.CUSTOM.value, GoalType.REVENUE.value)
        takes_properties = bool(self.document.get("isEventArchEnabled"))
        return Goal(
            id=id_text(goal_id),
            identifier=identifier,
            type=GoalType(kind) if is_known else GoalType.OTHER,
            is_repeatable=counts_every_time or item.get("hasProps") == True,  # noqa: E712
            needs_no_revenue=takes_properties and not revenue_prop and counts_every_time,
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
        group_id = (self.document.get("campaignGroups") or {}).get(campaign_id)
        if group_id is None:
            return None
        group = self.groups.get(id_text(group_id))
        if group is None:
            self.report(path, f"is in group {group_id}, which is missing: it counts as ungrouped")
        elif campaign_id not in group.campaign_ids:
            self.report(path, f"is in group {group_id}, which does not list it: nobody enters it")
        return group


def first_by_name(variations: list[Variation]) -> dict[str, Variation]:
    """Return the variations by name, in their order; of two with one name the first counts."""
    by_name: dict[str, Variation] = {}
    for variation in variations:
        by_name.setdefault(variation.name, variation)
    return by_name


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


def is_id(value: object) -> bool:
    return is_identifier(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def is_minus_one(value: object) -> bool:
    return isinstance(value, int | float) and value == -1


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
