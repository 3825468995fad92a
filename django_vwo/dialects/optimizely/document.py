"""Optimizely's datafile: validated as a whole, then translated into a `CampaignSet`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...engine import steps
from ...engine.entities import (
    Campaign,
    CampaignSet,
    CampaignType,
    Conventions,
    Feature,
    Goal,
    Group,
    GroupRule,
    Problem,
    Variation,
)
from ...engine.hashing import Seed
from ..base import NO_OPTIONS, Options
from ..parsing import parse
from .bucketing import bucketing, ranges, shares, visitor_key_for
from .generations import BY_NAME
from .schema import check_datafile
from .segments import read_audiences, segment_of
from .telling import Telling, revenue_in
from .variables import cast, type_of

Json = Mapping[str, Any]

NAME = "optimizely"
RUNNING = "Running"
EXCLUSIVE = "random"
"""The policy of groups of which a visitor enters one experiment."""


def load(text: str | bytes, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """
    Return the campaigns of the datafile *text* (JSON; bytes are UTF-8), as *options* have it meant.

    *source* names the datafile in messages. Raises `DocumentError`: a datafile is taken or refused
    as a whole. What will not work in one that is taken stands in `CampaignSet.problems`.
    """
    return translate(parse(text, source), source=source, options=options)


def translate(document: Any, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """Return the campaigns of a datafile that is parsed already. Raises `DocumentError`."""
    check_datafile(document, source, options.generation)
    return Translation(document, source, options).campaign_set()


def recognises(document: Any) -> bool:
    """Return whether *document* looks like a datafile."""
    return isinstance(document, Mapping) and ("experiments" in document or "projectId" in document)


def empty_document(account_id: str) -> Json:
    """Return a datafile without experiments."""
    return {
        "version": "4",
        "accountId": account_id,
        "projectId": "0",
        "revision": "0",
        "experiments": [],
        "groups": [],
        "events": [],
        "attributes": [],
        "audiences": [],
    }


class Translation:
    """One datafile on its way to a `CampaignSet`, with the problems found so far."""

    def __init__(self, document: Json, source: str, options: Options) -> None:
        self.document, self.options = document, options
        self.generation = BY_NAME[options.generation]
        self.problems: list[Problem] = []
        self.audiences = read_audiences(document, options.generation, self.report)
        self.groups = {group["id"]: read_group(group) for group in document["groups"]}
        self.group_ids = {
            item["id"]: group["id"] for group in document["groups"] for item in group["experiments"]
        }
        self.exclusive_ids = {
            group["id"] for group in document["groups"] if group["policy"] == EXCLUSIVE
        }
        self.rollouts: dict[str, list[Json]] = {
            each["id"]: each["experiments"] for each in document.get("rollouts") or ()
        }
        found = self.counting_items()
        self.items = {item["id"]: item for item, _ in found}
        self.campaigns = [self.read_campaign(item, path) for item, path in found]
        self.all = {campaign.key: campaign for campaign in self.campaigns}
        self.by_id = {campaign.id: campaign for campaign in self.campaigns}

    def report(self, path: str, message: str) -> None:
        self.problems.append(Problem(path=path, message=message))

    def campaign_set(self) -> CampaignSet:
        """Return the whole datafile, translated."""
        document = self.document
        goals = {event["key"]: goal_of(event) for event in document["events"]}
        by_goal = {event["key"]: self.campaigns_of(event) for event in document["events"]}
        found = self.with_goals(goals, by_goal)
        by_id = {each.id: each for each in found if self.is_running(each)}
        campaigns = {each.key: each for each in found}
        running = {key: each for key, each in campaigns.items() if self.is_running(each)}
        paused = {key: each for key, each in campaigns.items() if key not in running}
        sends_all = bool(document.get("sendFlagDecisions")) and not self.generation.is_older
        features = {flag["key"]: self.read_flag(flag, sends_all) for flag in self.flags()}
        telling = Telling(document, self.generation, self.items.values())
        return CampaignSet(
            dialect=NAME,
            account_id=document["accountId"],
            version=document["revision"],
            campaigns=running,
            campaigns_by_id=by_id,
            paused_keys=frozenset(paused),
            paused_campaigns=paused,
            paused_goals=frozenset(key for key, counting in by_goal.items() if not counting),
            campaigns_by_goal={
                key: tuple(by_id[each.id] for each in counting)
                for key, counting in by_goal.items()
                if counting
            },
            features=features,
            goals=goals,
            conventions=Conventions(
                asks_for_activation=False,
                tells_each_activation=True,
                counts_the_activated=True,
                takes_pushes=False,
                tracks_undecided=self.options.tracks_undecided and not self.generation.is_older,
            ),
            visitor_key=visitor_key_for(document["accountId"]),
            bucketing_id=self.generation.bucketing_id,
            told=telling,
            join=telling.join,
            revenue_in=revenue_in,
            problems=tuple(self.problems),
        )

    def counting_items(self) -> list[tuple[Json, str]]:
        """
        Return the experiments and rules that count, with their paths: of one id the last.

        Rules of different flags may have one key, which is the last one's when it is asked for;
        Full Stack 2 knows no other then.
        """
        name = "key" if self.generation.is_older else "id"
        return list({item[name]: (item, path) for item, path in self.all_items()}.values())

    def all_items(self) -> Iterator[tuple[Json, str]]:
        yield from numbered(self.document["experiments"], "experiments")
        for rollout, path in numbered(self.document.get("rollouts") or (), "rollouts"):
            yield from numbered(rollout["experiments"], f"{path}.experiments")
        for group, path in numbered(self.document["groups"], "groups"):
            yield from numbered(group["experiments"], f"{path}.experiments")

    def flags(self) -> Iterable[Json]:
        found: Iterable[Json] = self.document.get("featureFlags") or ()
        return found

    def is_running(self, campaign: Campaign) -> bool:
        return bool(self.items[campaign.id]["status"] == RUNNING)

    def campaigns_of(self, event: Json) -> list[Campaign]:
        """Return the running campaigns that count *event*, in its order."""
        found = (self.by_id.get(each) for each in dict.fromkeys(event["experimentIds"]))
        return [campaign for campaign in found if campaign and self.is_running(campaign)]

    def with_goals(
        self, goals: Mapping[str, Goal], by_goal: Mapping[str, list[Campaign]]
    ) -> list[Campaign]:
        """Return all campaigns, each with its goals."""
        own: dict[str, dict[str, Goal]] = {number: {} for number in self.by_id}
        for identifier, campaigns in by_goal.items():
            for campaign in campaigns:
                own[campaign.id][identifier] = goals[identifier]
        return [replace(each, goals=own[each.id]) for each in self.campaigns]

    def read_campaign(self, item: Json, path: str) -> Campaign:
        variations = self.read_variations(item)
        group_id = self.group_ids.get(item["id"])
        group = self.groups[group_id] if group_id in self.exclusive_ids else None
        segment = segment_of(item, self.audiences, self.options.generation, path, self.report)
        by_key = {each.name: each for each in variations.values()}
        listed = {
            user: by_key[key]
            for user, key in item["forcedVariations"].items()
            if isinstance(key, str) and key in by_key
        }
        return Campaign(
            id=item["id"],
            key=item["key"],
            name=item["key"],
            type=CampaignType.AB,
            percent_traffic=100,
            assignment_key=item["id"],
            variations=variations,
            goals={},
            segment=segment,
            bucketing=bucketing(item, variations),
            group=group,
            listed=listed,
            steps=way(
                (steps.set_by_site, True),
                (steps.listed, bool(listed)),
                (steps.stored, True),
                (steps.segment, segment is not None),
                (steps.allotment, group is not None),
                (steps.bucket, True),
            ),
        )

    def read_variations(self, item: Json) -> dict[str, Variation]:
        """Return the variations by id, which is what user storage calls them."""
        weights = shares(item)
        by_key = {each["key"]: each for each in item["variations"]}
        return {
            each["id"]: Variation(
                id=each["id"],
                name=each["key"],
                stored_as=each["id"],
                weight=weights.get(each["id"], 0),
                is_feature_enabled=self.generation.is_enabled(each.get("featureEnabled")),
            )
            for each in by_key.values()
        }

    def read_flag(self, flag: Json, sends_all: bool) -> Feature:
        reading = FlagReading(flag, self.generation.is_older)
        experiments = [self.by_id[each] for each in flag["experimentIds"] if each in self.by_id]
        group = None
        if self.generation.is_older:
            group_ids = (self.group_ids.get(each.id) for each in experiments)
            group = next((self.groups[each] for each in group_ids if each is not None), None)
            experiments = experiments if group else experiments[:1]
        return Feature(
            key=flag["key"],
            experiments=tuple(
                reading.decider(each, self.items[each.id], CampaignType.FEATURE_TEST)
                for each in experiments
                if self.is_running(each)
            ),
            rollout=tuple(
                self.read_rule(reading, self.rule(each), sends_all)
                for each in self.rollouts.get(flag["rolloutId"], ())
            ),
            group=group,
            defaults=reading.defaults,
            types=reading.types,
            tells_misses=sends_all,
        )

    def rule(self, item: Json) -> Campaign:
        """Return the rule that *item* of a rollout stands for."""
        return self.all[item["key"]] if self.generation.is_older else self.by_id[item["id"]]

    def read_rule(self, reading: FlagReading, rule: Campaign, sends_all: bool) -> Campaign:
        """Return *rule*, which may be activated as an experiment, as it is in its rollout."""
        has_segment = rule.segment is not None
        return replace(
            reading.decider(rule, self.items[rule.id], CampaignType.ROLLOUT),
            group=None,
            is_remembered=False,
            is_told=sends_all,
            steps=way((steps.segment, has_segment), (steps.bucket, True)),
        )


class FlagReading:
    """One flag: its variables, and what they are in each variation."""

    def __init__(self, flag: Json, is_older: bool) -> None:
        self.variables = {each["key"]: each for each in flag["variables"]}
        self.is_older = is_older
        self.types = {
            key: type_of(each, knows_subtypes=not is_older) for key, each in self.variables.items()
        }
        self.defaults = self.values({})

    def values(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the variables' values by key, given *own* texts by variable id."""
        return {
            key: cast(self.types[key], own.get(each["id"], each["defaultValue"]))
            for key, each in self.variables.items()
        }

    def decider(self, campaign: Campaign, item: Json, kind: CampaignType) -> Campaign:
        """Return *campaign* as it decides on the flag: its variations have the flag's variables."""
        variations = {
            each["id"]: replace(campaign.variations[each["id"]], variables=self.of(each))
            for each in item["variations"]
            if each["id"] in campaign.variations
        }
        return replace(
            campaign,
            type=kind,
            variations=variations,
            bucketing=bucketing(item, variations),
            listed={user: variations[each.id] for user, each in campaign.listed.items()},
        )

    def of(self, variation: Json) -> Mapping[str, Any]:
        has_own = self.is_older or variation.get("featureEnabled")
        if not has_own:
            return self.defaults
        return self.values({each["id"]: each["value"] for each in variation.get("variables") or ()})


def read_group(item: Json) -> Group:
    allocation = (
        (each["endOfRange"], each["entityId"] or None) for each in item["trafficAllocation"]
    )
    return Group(
        id=item["id"],
        seed=Seed(suffix=item["id"]),
        campaign_ids=tuple(each["id"] for each in item["experiments"]),
        rule=GroupRule.ALLOTMENT,
        allotment=ranges(allocation),
    )


def goal_of(event: Json) -> Goal:
    return Goal(id=event["id"], identifier=event["key"], is_repeatable=True)


def numbered(items: Iterable[Json], path: str) -> Iterator[tuple[Json, str]]:
    """Yield each of *items* with its path in the datafile."""
    for index, item in enumerate(items):
        yield item, f"{path}[{index}]"


def way(*possible: tuple[steps.Step, bool]) -> tuple[steps.Step, ...]:
    """Return the steps that apply, in their order."""
    return tuple(step for step, applies in possible if applies)
