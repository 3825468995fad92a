"""
Large settings documents of both vendors, mixed as in a busy account; the same ones in every run.

What campaign *n* is follows from its number alone, so it is the same in documents of any size, and
those in the middle of 100, 1,000 and 10,000 campaigns are of one kind: running A/B tests with a
segment that have the shared goal. The campaigns after them are feature tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Json = dict[str, Any]
Leaf = Callable[[Random, int], Json]

ACCOUNT_ID = 123456
GROUP_SIZE = 4
VWO_GROUP_RULES = 5
"""Of so many groups one chooses by priority and weights."""

PLANS = ("free", "trial", "team", "business", "enterprise")
CITIES = ("Berlin", "Lagos", "Lima", "Osaka", "Pune", "Toronto", "Utrecht", "Vienna")
DEVICES = ("desktop", "mobile", "tablet")
TEXTS = {"plan": PLANS, "city": CITIES, "device": DEVICES}
NUMBERS = ("age", "visits", "orders", "basket")
ATTRIBUTES = (*TEXTS, *NUMBERS, "email", "page", "version", "is_member")
WEIGHTS = {3: (50, 30, 20), 4: (25, 25, 25, 25), 5: (40, 30, 10, 10, 10)}
VARIABLES = ("headline", "columns", "is_big", "ratio", "labels")
REGEXES = (r"^\w+@example\.(com|org)$", r"(sale|offer)s?", r"\.(edu|gov)$", r"^/shop/\d+")


def is_ab_test(number: int) -> bool:
    return number % 2 == 0


def is_rollout(number: int) -> bool:
    return number % 6 == 5


def is_paused(number: int) -> bool:
    return number % 5 == 3


def is_segmented(number: int) -> bool:
    return number % 18 >= 9


def is_whitelisting(number: int) -> bool:
    return number % 5 == 1


def is_grouped(number: int) -> bool:
    return number % 3 == 0


def has_own_names(number: int) -> bool:
    return number % 3 == 1


def goals_of(number: int) -> list[str]:
    """Return the goals of a campaign: one of its own, and some that others have too."""
    goals = [f"goal-{number}"]
    if number % 2 == 0:
        goals.append(f"checkout-{number // 20}")
    if number % 3 == 0:
        goals.append(f"signup-{number // 30}")
    return [*goals, "shared"] if number % 10 == 0 else goals


def groups(size: int) -> Iterator[list[int]]:
    """Yield the numbers of the campaigns of each group."""
    members = list(filter(is_grouped, range(1, size + 1)))
    for first in range(0, len(members), GROUP_SIZE):
        yield members[first : first + GROUP_SIZE]


def numbers(size: int) -> range:
    return range(1, size + 1)


def users(number: int, arm: int) -> list[str]:
    """Return who is whitelisted for an arm of a campaign."""
    return [f"tester-{number}-{arm}-{each}" for each in range(3)]


def vwo_document(size: int) -> Json:
    """Return a settings document of VWO's of *size* campaigns, `campaign-<n>`, n from 1."""
    found = list(enumerate(groups(size), 1))
    return {
        "version": 1,
        "accountId": ACCOUNT_ID,
        "sdkKey": "benchmark",
        "isNB": True,
        "campaigns": [vwo_campaign(number) for number in numbers(size)],
        "groups": {str(group_id): vwo_group(group_id, members) for group_id, members in found},
        "campaignGroups": {
            str(number): group_id for group_id, members in found for number in members
        },
    }


def vwo_group(group_id: int, members: list[int]) -> Json:
    group: Json = {"name": f"group-{group_id}", "campaigns": members, "et": 1}
    if group_id % VWO_GROUP_RULES == 0:
        weights = {str(number): 100 / len(members) for number in members}
        group |= {"et": 2, "p": members[:1], "wt": weights}
    return group


def vwo_campaign(number: int) -> Json:
    random = Random(number)
    campaign: Json = {
        "id": number,
        "key": f"campaign-{number}",
        "name": f"Campaign {number}",
        "type": "VISUAL_AB",
        "status": "PAUSED" if is_paused(number) else "RUNNING",
        "percentTraffic": random.choice((100, 100, 80, 50)),
        "isForcedVariationEnabled": is_whitelisting(number),
        "segments": vwo_segment(random, number) if is_segmented(number) else {},
        "variations": vwo_variations(random, number),
        "goals": [vwo_goal(identifier, number) for identifier in goals_of(number)],
    }
    if is_rollout(number):
        variables = vwo_variables(random, number, 1)
        campaign |= {"type": "FEATURE_ROLLOUT", "variables": variables}
    elif not is_ab_test(number):
        campaign["type"] = "FEATURE_TEST"
    return campaign


def vwo_goal(identifier: str, number: int) -> Json:
    goal_id = sum(map(ord, identifier)) * 100_000 + number
    goal = {"id": goal_id, "identifier": identifier, "type": "CUSTOM_GOAL"}
    return {**goal, "type": "REVENUE_TRACKING"} if identifier.startswith("checkout") else goal


def vwo_variations(random: Random, number: int) -> list[Json]:
    if is_rollout(number):
        return [{"id": 1, "name": "website", "weight": 100, "changes": {}, "segments": {}}]
    weights = WEIGHTS[random.choice((3, 4, 4, 5))]
    return [
        vwo_variation(random, number, arm, weight) for arm, weight in enumerate(weights, start=1)
    ]


def vwo_variation(random: Random, number: int, arm: int, weight: float) -> Json:
    variation: Json = {
        "id": arm,
        "name": arm_name(number, arm),
        "weight": weight,
        "changes": {},
        "segments": {},
    }
    if is_whitelisting(number) and arm in (1, 2):
        listed = {"user": ",".join(users(number, arm))}
        is_staff = {"custom_variable": {"email": "wildcard(*@example.org)"}}
        variation["segments"] = {"or": [listed, is_staff] if arm == 1 else [listed]}
    if not is_ab_test(number):
        variation["isFeatureEnabled"] = arm > 1
        variation["variables"] = vwo_variables(random, number, arm)
    return variation


def arm_name(number: int, arm: int) -> str:
    """Return what an arm is called; most of them have the name that the vendor suggests."""
    if has_own_names(number):
        return f"Idea {arm} of {number}"
    return f"Variation-{arm - 1}" if arm > 1 else "Control"


def vwo_variables(random: Random, number: int, arm: int) -> list[Json]:
    """Return two to four feature variables."""
    values: list[tuple[str, Any]] = [
        ("string", f"Headline {arm} of {number}"),
        ("integer", random.randint(1, 6)),
        ("boolean", arm % 2 == 0),
        ("double", random.randint(1, 40) / 4),
        ("json", {"buy": f"Buy {arm}", "sizes": [arm, number]}),
    ]
    found = [(key, *value) for key, value in zip(VARIABLES, values, strict=True)]
    kept = found[: 2 + number % 3] if number % 4 == 1 else found[-2:]
    return [
        {"id": index, "key": key, "type": kind, "value": value}
        for index, (key, kind, value) in enumerate(kept, start=1)
    ]


def vwo_text(random: Random, number: int) -> Json:
    name = random.choice(list(TEXTS))
    form = random.choice(("{}", "lower({})", "{}"))
    return {"custom_variable": {name: form.format(random.choice(TEXTS[name]))}}


def vwo_wildcard(random: Random, number: int) -> Json:
    form = random.choice(("wildcard(*{}*)", "wildcard({}*)", "wildcard(*{})"))
    name, text = random.choice((("page", f"/shop/{number % 500}"), ("email", "example")))
    return {"custom_variable": {name: form.format(text)}}


def vwo_number(random: Random, number: int) -> Json:
    operator = random.choice(("gt", "gte", "lt", "lte"))
    name = random.choice(NUMBERS)
    return {"custom_variable": {name: f"{operator}({random.randint(1, 60)})"}}


def vwo_regex(random: Random, number: int) -> Json:
    """Return a leaf with a regular expression; every third is this campaign's alone."""
    text = f"^/item/{number}(/|$)" if random.random() < 1 / 3 else random.choice(REGEXES)
    return {"custom_variable": {"page": f"regex({text})"}}


def vwo_list(random: Random, number: int) -> Json:
    return {"user": ",".join(f"user-{number + each}" for each in range(random.randint(1, 8)))}


VWO_LEAVES: tuple[Leaf, ...] = (
    *(vwo_text, vwo_text, vwo_text, vwo_wildcard, vwo_wildcard),
    *(vwo_number, vwo_number, vwo_regex, vwo_list),
)


def vwo_segment(random: Random, number: int) -> Json:
    """Return a segment of one to six leaves."""
    parts = [
        random.choice(VWO_LEAVES)(random, number) for _ in range(random.choice((1, 2, 3, 4, 5, 6)))
    ]
    if len(parts) == 1:
        return parts[0] if number % 2 else {"or": parts}
    if len(parts) == 2:
        return {"or": parts}
    return {"and": [{"or": parts[:-1]}, {"not": {"or": parts[-1:]}}]}


def optimizely_datafile(size: int) -> Json:
    """
    Return a datafile of *size* experiments, `experiment-<n>`, n from 1.

    Those with odd numbers are of the flag `feature-<n>`, which most often has a rollout too.
    """
    flagged = [number for number in numbers(size) if not is_ab_test(number)]
    segmented = list(filter(is_segmented, numbers(size)))
    return {
        "version": "4",
        "accountId": str(ACCOUNT_ID),
        "projectId": "9001",
        "revision": "7",
        "anonymizeIP": False,
        "botFiltering": True,
        "experiments": [experiment(number) for number in numbers(size) if not is_grouped(number)],
        "groups": [
            exclusive_group(group_id, members) for group_id, members in enumerate(groups(size), 1)
        ],
        "events": events(size),
        "attributes": [
            {"id": str(700 + index), "key": key} for index, key in enumerate(ATTRIBUTES)
        ],
        "audiences": [untyped(number) for number in segmented if not is_typed(number)],
        "typedAudiences": [typed(number) for number in segmented if is_typed(number)],
        "rollouts": [rollout(number) for number in flagged if has_rollout(number)],
        "featureFlags": [flag(number) for number in flagged],
    }


def experiment_id(number: int) -> str:
    return str(10_000_000 + number)


def audience_id(number: int) -> str:
    return str(20_000_000 + number)


def rollout_id(number: int) -> str:
    return str(30_000_000 + number)


def is_typed(number: int) -> bool:
    return number % 3 != 0


def has_rollout(number: int) -> bool:
    return number % 6 in (1, 5)


def experiment(number: int) -> Json:
    random = Random(number)
    own_id = experiment_id(number)
    weights = WEIGHTS[random.choice((3, 4, 4, 5))]
    forced = {
        user: arm_key(number, arm)
        for arm in (1, 2)
        if is_whitelisting(number)
        for user in users(number, arm)
    }
    found: Json = {
        "id": own_id,
        "key": f"experiment-{number}",
        "layerId": str(40_000_000 + number),
        "status": "Paused" if is_paused(number) else "Running",
        "variations": [
            arm_of(number, own_id, arm, arm_key(number, arm)) for arm in numbers(len(weights))
        ],
        "trafficAllocation": allocation(own_id, weights, random.choice((1.0, 1.0, 0.8, 0.5))),
        "audienceIds": [audience_id(number)] if is_segmented(number) else [],
        "forcedVariations": forced,
    }
    if is_segmented(number) and number % 2:
        found["audienceConditions"] = audience_conditions(number)
    return found


def arm_key(number: int, arm: int) -> str:
    return f"idea_{arm}_of_{number}" if has_own_names(number) else f"variation_{arm}"


def audience_conditions(number: int) -> list[Any]:
    """Return what asks for the audience of an experiment; of some, also for one more."""
    tree: list[Any] = ["or", audience_id(number)]
    if is_segmented(number - 1):
        return ["and", tree, ["not", audience_id(number - 1)]]
    return tree


def arm_of(number: int, owner_id: str, arm: int, key: str) -> Json:
    found: Json = {"id": f"{owner_id}{arm}", "key": key}
    if not is_ab_test(number):
        has_feature = arm > 1 or owner_id != experiment_id(number)
        found |= {"featureEnabled": has_feature, "variables": own_values(number, arm)}
    return found


def allocation(owner_id: str, weights: tuple[int, ...], traffic: float) -> list[Json]:
    return [
        {"entityId": f"{owner_id}{arm}", "endOfRange": int(sum(weights[:arm]) * 100 * traffic)}
        for arm in numbers(len(weights))
    ]


def exclusive_group(group_id: int, members: list[int]) -> Json:
    share = 10_000 // len(members)
    return {
        "id": str(50_000_000 + group_id),
        "policy": "random",
        "trafficAllocation": [
            {"entityId": experiment_id(number), "endOfRange": share * place}
            for place, number in enumerate(members, start=1)
        ],
        "experiments": [experiment(number) for number in members],
    }


def events(size: int) -> list[Json]:
    owners: dict[str, list[str]] = {}
    for number in numbers(size):
        for key in goals_of(number):
            owners.setdefault(key, []).append(experiment_id(number))
    return [
        {"id": str(60_000_000 + index), "key": key, "experimentIds": ids}
        for index, (key, ids) in enumerate(owners.items())
    ]


def rollout(number: int) -> Json:
    """Return a rollout of one or two rules."""
    own_id = rollout_id(number)
    rules = [rule(own_id, number, place, end) for place, end in enumerate((5_000, 10_000))]
    if is_segmented(number):
        rules[0]["audienceIds"] = [audience_id(number)]
    return {"id": own_id, "experiments": rules if is_rollout(number) else rules[1:]}


def rule(owner_id: str, number: int, place: int, end: int) -> Json:
    own_id = f"{owner_id}{place}"
    return {
        "id": own_id,
        "key": own_id,
        "layerId": owner_id,
        "status": "Running",
        "variations": [arm_of(number, own_id, 1, f"{own_id}1")],
        "trafficAllocation": [{"entityId": f"{own_id}1", "endOfRange": end}],
        "audienceIds": [],
        "forcedVariations": {},
    }


def flag(number: int) -> Json:
    return {
        "id": str(70_000_000 + number),
        "key": f"feature-{number}",
        "experimentIds": [experiment_id(number)],
        "rolloutId": rollout_id(number) if has_rollout(number) else "",
        "variables": [
            {"id": variable_id(number, key), "key": key, "type": kind, "defaultValue": text}
            | ({"subType": "json"} if key == "labels" else {})
            for key, kind, text in flag_variables(number, 0)
        ],
    }


def variable_id(number: int, key: str) -> str:
    return f"{80_000_000 + number}{VARIABLES.index(key)}"


def flag_variables(number: int, arm: int) -> list[tuple[str, str, str]]:
    """Return two to four feature variables: key, type and value, as datafiles have it."""
    values = [
        ("string", f"Headline {arm} of {number}"),
        ("integer", str(arm + 2)),
        ("boolean", "true" if arm % 2 else "false"),
        ("double", str((arm + number % 9) / 4)),
        ("string", json.dumps({"buy": f"Buy {arm}", "sizes": [arm, number]})),
    ]
    found = [(key, *value) for key, value in zip(VARIABLES, values, strict=True)]
    return found[: 2 + number % 3] if number % 4 == 1 else found[-2:]


def own_values(number: int, arm: int) -> list[Json]:
    return [
        {"id": variable_id(number, key), "value": text}
        for key, _, text in flag_variables(number, arm)
    ]


def untyped(number: int) -> Json:
    """Return an audience of the older kind: its conditions are text, and only equal or not."""
    random = Random(number)
    return audience(number, json.dumps(conditions(random, number, (attribute_text,))))


def typed(number: int) -> Json:
    return audience(number, conditions(Random(number), number, TYPED_LEAVES))


def audience(number: int, tree: Any) -> Json:
    return {"id": audience_id(number), "name": f"Audience {number}", "conditions": tree}


def conditions(random: Random, number: int, leaves: tuple[Leaf, ...]) -> list[Any]:
    """Return a tree of one to six conditions."""
    parts = [
        random.choice(leaves)(random, number) for _ in range(random.choice((1, 2, 3, 4, 5, 6)))
    ]
    if len(parts) <= 2:
        return ["and", ["or", ["or", *parts]]]
    return ["and", ["or", ["or", *parts[:-1]]], ["not", ["or", parts[-1]]]]


def condition(name: str, value: Any, **match: str) -> Json:
    return {"type": "custom_attribute", "name": name, "value": value, **match}


def attribute_text(random: Random, number: int) -> Json:
    name = random.choice(list(TEXTS))
    return condition(name, random.choice(TEXTS[name]))


def typed_text(random: Random, number: int) -> Json:
    return {**attribute_text(random, number), "match": "exact"}


def typed_flag(random: Random, number: int) -> Json:
    return condition("is_member", random.choice((True, False)), match="exact")


def typed_number(random: Random, number: int) -> Json:
    match = random.choice(("gt", "ge", "lt", "le", "exact"))
    return condition(random.choice(NUMBERS), random.randint(1, 60), match=match)


def typed_substring(random: Random, number: int) -> Json:
    return condition("page", f"/shop/{number % 500}", match="substring")


def typed_version(random: Random, number: int) -> Json:
    match = random.choice(("semver_ge", "semver_lt", "semver_eq"))
    return condition("version", f"{random.randint(1, 4)}.{random.randint(0, 9)}", match=match)


def typed_exists(random: Random, number: int) -> Json:
    return {"type": "custom_attribute", "name": "email", "match": "exists"}


TYPED_LEAVES: tuple[Leaf, ...] = (
    *(typed_text, typed_text, typed_text, typed_number, typed_number),
    *(typed_substring, typed_version, typed_flag, typed_exists),
)
