"""Optimizely's datafile: validated as a whole, then translated into a `CampaignSet`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from ...engine import steps
from ...engine.entities import (
    Bucketing,
    Campaign,
    CampaignSet,
    CampaignType,
    Conventions,
    Feature,
    Goal,
    Group,
    GroupRule,
    Problem,
    Ranges,
    Variation,
)
from ...engine.hashing import Seed
from ..base import NO_OPTIONS, Options, Pace, full_speed
from ..collecting import without_collector
from ..parsing import parse
from .bucketing import (
    BUCKETING_ID,
    Shares,
    bucketing,
    places,
    ranges,
    visitor_key_for,
    weights_of,
)
from .generations import BY_NAME
from .schema import check_datafile
from .segments import read_audiences, segment_of
from .telling import Telling, revenue_in
from .variables import cast, type_of

Json = Mapping[str, Any]

NAME = "optimizely"
NONE: Mapping[str, Any] = {}
"""What many campaigns have of many things; one in place of many saves time and memory."""
RUNNING = "Running"
EXCLUSIVE = "random"
"""The policy of groups of which a visitor enters one experiment."""


@without_collector()
def load(text: str | bytes, *, source: str, options: Options = NO_OPTIONS) -> CampaignSet:
    """
    Return the campaigns of the datafile *text* (JSON; bytes are UTF-8), as *options* have it meant.

    *source* names the datafile in messages. Raises `DocumentError`: a datafile is taken or refused
    as a whole. What will not work in one that is taken stands in `CampaignSet.problems`.
    """
    return translate(parse(text, source), source=source, options=options)


def translate(
    document: Any, *, source: str, options: Options = NO_OPTIONS, pace: Pace = full_speed
) -> CampaignSet:
    """Return the campaigns of a datafile that is parsed already. Raises `DocumentError`."""
    check_datafile(document, source, options.generation)
    return Translation(document, source, options, pace).campaign_set()


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

    def __init__(
        self, document: Json, source: str, options: Options, pace: Pace = full_speed
    ) -> None:
        self.document, self.options, self.pace = document, options, pace
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
        self.running = {key for key, item in self.items.items() if item["status"] == RUNNING}
        self.goals = {event["key"]: goal_of(event) for event in document["events"]}
        self.counting = {event["key"]: self.running_ids(event) for event in document["events"]}
        self.own_goals = self.goals_by_id()
        self.texts: dict[str, str] = {}
        self.types: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
        self.places = cache(places)
        self.campaigns = [self.read_campaign(item, path) for item, path in found]
        self.all = {campaign.key: campaign for campaign in self.campaigns}
        self.by_id = {campaign.id: campaign for campaign in self.campaigns}

    def report(self, path: str, message: str) -> None:
        self.problems.append(Problem(path=path, message=message))

    def same(self, text: str) -> str:
        """Return *text*, the same object for equal ones."""
        return self.texts.setdefault(text, text)

    def campaign_set(self) -> CampaignSet:
        """Return the whole datafile, translated."""
        document = self.document
        by_id = {each.id: each for each in self.campaigns if each.id in self.running}
        running = {key: each for key, each in self.all.items() if each.id in self.running}
        paused = {key: each for key, each in self.all.items() if key not in running}
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
            paused_goals=frozenset([key for key, ids in self.counting.items() if not ids]),
            campaigns_by_goal={
                key: tuple([by_id[each] for each in ids])
                for key, ids in self.counting.items()
                if ids
            },
            features=features,
            goals=self.goals,
            conventions=Conventions(
                asks_for_activation=False,
                tells_each_activation=True,
                counts_the_activated=True,
                takes_pushes=False,
                tracks_undecided=self.options.tracks_undecided and not self.generation.is_older,
            ),
            visitor_key=visitor_key_for(document["accountId"]),
            bucketing_fact=BUCKETING_ID,
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

    def running_ids(self, event: Json) -> list[str]:
        """Return the ids of the running campaigns that count *event*, in its order."""
        found = dict.fromkeys(event["experimentIds"])
        return [each for each in found if each in self.running]

    def goals_by_id(self) -> dict[str, dict[str, Goal]]:
        """Return the goals of each running campaign, by its id."""
        found: dict[str, dict[str, Goal]] = defaultdict(dict)
        for identifier, ids in self.counting.items():
            goal = self.goals[identifier]
            for each in ids:
                found[each][identifier] = goal
        return found

    def read_campaign(self, item: Json, path: str) -> Campaign:
        self.pace()
        laid_out, shares = self.read_allocation(item)
        variations = self.read_variations(item, weights_of(laid_out.owners, shares))
        own_id, key = item["id"], item["key"]
        group_id = self.group_ids.get(own_id)
        group = self.groups[group_id] if group_id in self.exclusive_ids else None
        segment = segment_of(item, self.audiences, self.options.generation, path, self.report)
        listed = listed_in(item, variations)
        return Campaign(
            id=own_id,
            key=key,
            name=key,
            type=CampaignType.AB,
            percent_traffic=100,
            assignment_key=own_id,
            variations=variations,
            goals=self.own_goals.get(own_id, NONE),
            segment=segment,
            bucketing=bucketing(own_id, laid_out, variations),
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

    def read_allocation(self, item: Json) -> tuple[Ranges[str], Shares]:
        """
        Return the buckets of each entity, which go by id, and the share of each; "" is nobody.

        Campaigns share the ends where these are equal.
        """
        allocation = item["trafficAllocation"]
        found, shares = self.places(tuple([each["endOfRange"] for each in allocation]))
        owners = tuple([allocation[place]["entityId"] for place in found.owners])
        return Ranges(found.ends, owners), shares

    def read_variations(self, item: Json, weights: Mapping[str, float]) -> dict[str, Variation]:
        """Return the variations by id, which is what user storage calls them."""
        by_key = {each["key"]: each for each in item["variations"]}
        same, is_enabled = self.same, self.generation.is_enabled
        return {
            (own_id := each["id"]): Variation(
                id=own_id,
                name=same(key),
                stored_as=own_id,
                weight=weights.get(own_id, 0),
                is_feature_enabled=(
                    "featureEnabled" in each and is_enabled(each["featureEnabled"])
                ),
                variables=NONE,
            )
            for key, each in by_key.items()
        }

    def read_flag(self, flag: Json, sends_all: bool) -> Feature:
        self.pace()
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
                if each.id in self.running
            ),
            rollout=tuple(
                self.read_rule(reading, self.rule(each), sends_all)
                for each in self.rollouts.get(flag["rolloutId"], ())
            ),
            group=group,
            defaults=reading.defaults,
            types=self.types.setdefault((*reading.types.items(),), reading.types),
            tells_misses=sends_all,
        )

    def rule(self, item: Json) -> Campaign:
        """Return the rule that *item* of a rollout stands for."""
        return self.all[item["key"]] if self.generation.is_older else self.by_id[item["id"]]

    def read_rule(self, reading: FlagReading, rule: Campaign, sends_all: bool) -> Campaign:
        """Return *rule*, which may be activated as an experiment, as it is in its rollout."""
        item = self.items[rule.id]
        return reading.decider(rule, item, CampaignType.ROLLOUT, is_told=sends_all)


class FlagReading:
    """One flag: its variables, and what they are in each variation."""

    def __init__(self, flag: Json, is_older: bool) -> None:
        variables = {each["key"]: each for each in flag["variables"]}
        self.is_older = is_older
        self.types = {
            key: type_of(each, knows_subtypes=not is_older) for key, each in variables.items()
        }
        self.defaults = {
            key: cast(self.types[key], each["defaultValue"]) for key, each in variables.items()
        }
        self.ids = {key: each["id"] for key, each in variables.items()}

    def decider(
        self, campaign: Campaign, item: Json, kind: CampaignType, *, is_told: bool = True
    ) -> Campaign:
        """Return *campaign* as it decides on the flag: its variations have the flag's variables."""
        variations = {
            each["id"]: with_variables(campaign.variations[each["id"]], self.of(each))
            for each in item["variations"]
            if each["id"] in campaign.variations
        }
        scheme, listed = campaign.bucketing, campaign.listed
        owners = tuple([each and variations[each.id] for each in scheme.owners[1:-1]])
        is_rule = kind is CampaignType.ROLLOUT
        # Field by field, as `replace` takes three times as long.
        return Campaign(
            id=campaign.id,
            key=campaign.key,
            name=campaign.name,
            type=kind,
            percent_traffic=campaign.percent_traffic,
            assignment_key=campaign.assignment_key,
            is_remembered=not is_rule,
            is_told=is_told,
            variations=variations,
            goals=campaign.goals,
            segment=campaign.segment,
            bucketing=Bucketing(
                campaign_seed=scheme.campaign_seed,
                variation_seed=scheme.variation_seed,
                laid_out=Ranges(scheme.ends, owners),
            ),
            group=None if is_rule else campaign.group,
            listed={user: variations[each.id] for user, each in listed.items()} or NONE,
            steps=rule_steps(campaign) if is_rule else campaign.steps,
        )

    def of(self, variation: Json) -> Mapping[str, Any]:
        """Return the values of the flag's variables in *variation*, by key."""
        own = variation.get("variables")
        if not own or not (self.is_older or variation.get("featureEnabled")):
            return self.defaults
        texts = {each["id"]: each["value"] for each in own}
        types, defaults = self.types, self.defaults
        return {
            key: cast(types[key], texts[own_id]) if own_id in texts else defaults[key]
            for key, own_id in self.ids.items()
        }


def with_variables(variation: Variation, variables: Mapping[str, Any]) -> Variation:
    return Variation(
        id=variation.id,
        name=variation.name,
        stored_as=variation.stored_as,
        weight=variation.weight,
        is_feature_enabled=variation.is_feature_enabled,
        variables=variables,
    )


def listed_in(item: Json, variations: Mapping[str, Variation]) -> Mapping[str, Variation]:
    """Return who is forced into which of the *variations*, by user id."""
    if not item["forcedVariations"]:
        return NONE
    by_key = {each.name: each for each in variations.values()}
    return {
        user: by_key[key]
        for user, key in item["forcedVariations"].items()
        if isinstance(key, str) and key in by_key
    }


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


@cache
def way(*possible: tuple[steps.Step, bool]) -> tuple[steps.Step, ...]:
    """Return the steps that apply, in their order."""
    return tuple(step for step, applies in possible if applies)


def rule_steps(rule: Campaign) -> tuple[steps.Step, ...]:
    """Return the steps of *rule* in its rollout."""
    return way((steps.segment, rule.segment is not None), (steps.bucket, True))
