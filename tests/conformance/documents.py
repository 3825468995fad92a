"""
Settings documents of every kind that both sides are asked about.

A `Case` is a document with what is worth saying to it: variables for segments and whitelisting, and
the options of a launch. Each document is built by a small function from the parts below; `CASES`
lists them. Another suite may build its own from the same parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ACCOUNT_ID = 654321
SDK_KEY = "3f1b2c4d5e6f708192a3b4c5d6e7f809"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """A document and what to say to it; equal to itself only."""

    name: str
    document: Json
    official_document: Json | None = None
    """What the official SDK gets instead, where it cannot start on the document."""
    custom_variables: Sequence[Any] = (None, {}, {"plan": "gold"})
    """Values that calls take in turn; some are deliberately of a wrong type."""
    targeting_variables: Sequence[Any] = (None, {})
    event_properties: Sequence[Any] = (None,)
    records: Sequence[Mapping[str, Any]] = ()
    """Records that a returning visitor's user storage may hold, without their user id."""
    options: Json = field(default_factory=dict)
    """Keywords of launch that both sides know."""
    visitors: int = 1_000
    """How many there are, half of them with user storage; fewer for what varies another case."""

    def for_official(self) -> Json:
        """Return the document for the official SDK."""
        return self.official_document or self.document


# --- Parts -----------------------------------------------------------------------------------


def document(*campaigns: Json, **top: Any) -> Json:
    """Return a settings document."""
    head = {"version": 1, "accountId": ACCOUNT_ID, "sdkKey": SDK_KEY}
    return {**head, "campaigns": list(campaigns), **top}


def campaign(key: str, id: int | str, variations: Any = None, **rest: Any) -> Json:  # noqa: A002
    """Return a running A/B campaign; two equal halves and the common goals by default."""
    head = {"id": id, "key": key, "name": f"{key} campaign", "type": "VISUAL_AB"}
    parts: Json = {
        "status": "RUNNING",
        "percentTraffic": 100,
        "variations": halves() if variations is None else variations,
        "goals": common_goals(),
        "segments": {},
        "isForcedVariationEnabled": False,
    }
    return {**head, **parts, **rest}


def variation(id: int | str, name: str, weight: float | str, **rest: Any) -> Json:  # noqa: A002
    """Return a variation."""
    return {"id": id, "name": name, "weight": weight, "changes": {}, "segments": {}, **rest}


def halves() -> list[Json]:
    """Return a control and a variation of equal weight."""
    return [variation(1, "Control", 50), variation(2, "Variation-1", 50)]


def split(*weights: float | str) -> list[Json]:
    """Return variations of these weights, the first one the control."""
    names = ["Control", *(f"Variation-{number}" for number in range(1, len(weights)))]
    pairs = zip(names, weights, strict=True)
    return [variation(number, name, weight) for number, (name, weight) in enumerate(pairs, 1)]


def goal(identifier: str, id: int, type: str = "CUSTOM_GOAL", **rest: Any) -> Json:  # noqa: A002
    """Return a goal; *type* may be `REVENUE_TRACKING`."""
    return {"identifier": identifier, "id": id, "type": type, **rest}


def common_goals() -> list[Json]:
    """Return the two goals that nearly every campaign has."""
    return [goal("signup", 201), goal("purchase", 202, "REVENUE_TRACKING")]


def variable(key: str, type: str, value: Any, id: int = 1) -> Json:  # noqa: A002
    """Return a feature variable."""
    return {"id": id, "key": key, "type": type, "value": value}


def custom(**conditions: Any) -> Json:
    """Return a leaf on one custom variable."""
    return {"custom_variable": conditions}


# --- Bucketing generations -------------------------------------------------------------------


def plain(**top: Any) -> Json:
    """Return plain A/B campaigns, some with a part of the traffic."""
    return document(
        campaign("everyone", 11),
        campaign("most", 12, percentTraffic=85),
        campaign("some", 13, split(25, 25, 50), percentTraffic=40),
        campaign("few", 14, percentTraffic=7, goals=[goal("signup", 290)]),
        campaign("nobody", 15, percentTraffic=0),
        **top,
    )


def old_bucketing_flags() -> Json:
    """Return campaigns that bring each state of `isOB` and `isOBv2` with them."""
    states: list[Json] = [
        {},
        {"isOB": True},
        {"isOB": False},
        {"isOB": None},
        {"isOBv2": True},
        {"isOBv2": False},
        {"isOBv2": None},
        {"isOB": True, "isOBv2": True},
        {"isBucketingSeedEnabled": True},
        {"isBucketingSeedEnabled": False, "isOBv2": False},
    ]
    return document(
        *(
            campaign(f"state-{number}", 100 + number, percentTraffic=90, **state)
            for number, state in enumerate(states)
        )
    )


def seeds() -> Json:
    """Return campaigns of an old account, most with a seed of their own."""
    return document(
        campaign("own-seed", 31, isBucketingSeedEnabled=True),
        campaign("own-seed-half", 32, isBucketingSeedEnabled=True, percentTraffic=50),
        campaign("shared-seed", 33, isBucketingSeedEnabled=False, percentTraffic=50),
    )


# --- Weights ---------------------------------------------------------------------------------


def uneven_weights() -> Json:
    """Return campaigns whose weights are no round parts of a hundred."""
    return document(
        campaign("thirds", 41, split(33.33, 33.33, 33.34)),
        campaign("sevenths", 42, split(14.2857, 28.5714, 57.1429)),
        campaign("paused-arm", 43, split(0, 60, 0, 40)),
        campaign("tiny", 44, split(0.01, 0.001, 99.989)),
        campaign("too-much", 45, split(70, 70)),
        campaign("negative", 46, split(60, -10, 50)),
        campaign("many-arms", 47, split(*[0.07] * 200, *[0.14] * 200, *[0.57] * 90, 2.7)),
        isNB=True,
        isNBv2=True,
    )


def weights_with_holes() -> Json:
    """Return campaigns whose weights leave some visitors without a variation."""
    return document(
        campaign("holes", 51, split(20, 30)),
        campaign("no-arms", 52, {}),
        campaign("low-old-traffic", 53, percentTraffic=1),
    )


def text_weights() -> Json:
    """Return weights written as text, which the schema admits."""
    return document(
        campaign("text", 61, split("33.33", "66.67")),
        campaign("text-zero", 62, split("0", "100.0")),
        isNB=True,
    )


def text_weights_as_numbers() -> Json:
    """Return what `text_weights` means."""
    return document(
        campaign("text", 61, split(33.33, 66.67)),
        campaign("text-zero", 62, split(0, 100.0)),
        isNB=True,
    )


# --- Whitelisting ----------------------------------------------------------------------------


def whitelisting() -> Json:
    """Return campaigns that force variations on some visitors."""
    gold, staff = custom(plan="gold"), custom(staff="true")
    named = {"or": [{"user": "Alice, bob@example.com,0007"}]}
    by_id = custom(_vwo_user_id="wildcard(*@example.com)")

    def forced(*segments: Json, weights: Sequence[float] = (20, 30, 50)) -> list[Json]:
        arms = split(*weights[-len(segments) :])
        return [{**arm, "segments": each} for arm, each in zip(arms, segments, strict=True)]

    on: Json = {"isForcedVariationEnabled": True}
    return document(
        campaign("one", 71, forced({}, gold, weights=(50, 50)), **on, percentTraffic=30),
        campaign("several", 72, forced(gold, gold, staff), **on),
        campaign("weightless", 73, forced(gold, gold, {}, weights=(0, 0, 100)), **on),
        campaign("half-weightless", 74, forced(gold, gold, {}, weights=(0, 10, 90)), **on),
        campaign("by-user", 75, forced(named, by_id, {}), **on, percentTraffic=0),
        campaign("negated", 76, forced({"not": gold}, {"and": []}, {"or": []}), **on),
        campaign("switched-off", 77, forced(gold, gold, weights=(40, 60))),
        campaign(
            "not-quite-on", 78, forced(gold, gold, weights=(40, 60)), isForcedVariationEnabled=1
        ),
        campaign(
            "segmented", 79, forced({}, staff, weights=(40, 60)), **on, segments=custom(plan="gold")
        ),
    )


def hashed_lists() -> Json:
    """Return campaigns that force variations on visitors whose ids are listed hashed, or plain."""
    alice, nobody = "062ED32E425E5014BEE71F5F0DC4F63A", "CF5D28511D3653229C045192701CF41A"
    trees: list[Json] = [{"user": alice}, {"user": "Alice"}, custom(_vwo_user_id=f"lower({alice})")]
    on: Json = {"isForcedVariationEnabled": True, "isUserListEnabled": True}
    return document(
        *(
            campaign(
                f"hashed-{number}",
                81 + number,
                [variation(1, "Control", 50, segments=tree), variation(2, "V", 50)],
                **on,
                segments={"user": nobody},
            )
            for number, tree in enumerate(trees)
        )
    )


# --- Pre-segmentation ------------------------------------------------------------------------

OPERANDS: tuple[str, ...] = (
    *("gold", "Gold", "5", "5.0", "012", "1e3", "true", "false", "", " ", "é", "[1]", "1_000"),
    *("lower(GOLD)", "lower(É)", "lower(TRUE)", "lower(12.0)", "Lower(gold)", "lower(gold)tail"),
    *("wildcard(*ol*)", "wildcard(*ld)", "wildcard(go*)", "wildcard(gold)", "wildcard(*)"),
    *("wildcard(**)", "wildcard(*12.0*)", "wildcard(1*)", "wildcard(g*d)"),
    *("regex(^g.*d$)", "regex(\\d+)", "regex((?i)GOLD)", "regex(()", "regex(12.0)", "regex()"),
    *("gt(5)", "gte(5)", "lt(5)", "lte(5)", "gt(1e3)", "lt( 5 )", "gt(-1)", "gte(12.50)"),
    *("contains(ol)", "equals(gold)", "startswith(ld)", "endswith(go)", "startswith(go)"),
    *("unknown(gold)", "gold(", "lower(gold", "lower((gold))", "lower(gold))"),
)
"""Operands of every operator, by which one campaign each is reserved."""

VALUES: tuple[Any, ...] = (
    *("gold", "GOLD", "golden", "old gold", "Gold", "platin", "é", "É", "*", "**", "true", "x"),
    *(5, 5.0, "5", " 5 ", "5.0", 12, 12.0, "12.5", 12.50, "012", 1000, "1e3", 999, 1200, 112, -3),
    *(True, False, None, "", " ", [1], {"a": 1}, 0, "0", "gold(", "lower(gold", "unknown(gold)"),
)
"""What visitors bring; every pair with an operand comes up."""


def operands() -> Json:
    """Return one campaign for each operand."""
    return document(
        *(
            campaign(f"operand-{number}", 300 + number, segments={"or": [custom(plan=operand)]})
            for number, operand in enumerate(OPERANDS)
        ),
        isNB=True,
    )


def operators() -> Json:
    """Return campaigns whose segments nest, negate, end early, or are of no sensible shape."""
    gold, big, other = custom(plan="gold"), custom(amount="gt(100)"), custom(plan="silver")
    trees: list[Any] = [
        {},
        gold,
        {"and": [gold, big]},
        {"or": [other, big]},
        {"not": gold},
        {"not": {"or": [other, {"and": [gold, {"not": big}]}]}},
        {"and": []},
        {"or": []},
        {"and": {}},
        {"or": {}},
        {"not": {"and": []}},
        {"unknown": []},
        {"not": {"unknown": []}},
        {"or": [gold, {}]},
        {"or": [{}, gold]},
        {"and": [other, {}]},
        {"not": {}},
        {"not": []},
        {"and": [gold], "or": []},
        {"or": [], "and": []},
        custom(plan="gold", amount="gt(100)"),
        custom(amount="gt(100)", plan="gold"),
        {"custom_variable": {}},
        {"user": "Alice,bob@example.com"},
        {"not": {"user": "Alice,bob@example.com"}},
        {"or": [{"user": "nobody"}, gold]},
        {"and": [custom(missing=""), gold]},
        {"not": custom(missing="x")},
        {"AND": [gold]},
        {"and": [gold, "gold"]},
    ]
    return document(
        *(
            campaign(f"tree-{number}", 400 + number, segments=tree)
            for number, tree in enumerate(trees)
        ),
        isNB=True,
    )


OPERATOR_VARIABLES: tuple[Any, ...] = (
    *(None, {}, {"plan": "gold"}, {"plan": "silver"}, {"plan": "gold", "amount": 250}),
    *({"amount": "99.5"}, {"plan": "gold", "amount": 5}, {"plan": "gold", "amount": "1e3"}),
    *({"_vwo_user_id": "Alice"}, {"_vwo_user_id": " Alice", "plan": "gold"}, [], "plan", 5),
)


def broken_leaves() -> Json:
    """Return segments with a leaf that cannot be evaluated beside one that can."""
    gold = custom(plan="gold")
    leaves: list[Any] = [
        custom(plan=5),
        custom(plan=None),
        custom(plan=["gold"]),
        {"user": 5},
        {"user": None},
        custom(plan="wildcard()"),
        custom(plan="gt(5)"),
        custom(plan="gt(x)"),
        custom(plan="inf"),
        custom(plan="lte(nan)"),
    ]
    trees = [tree for leaf in leaves for tree in ({"not": leaf}, {"or": [leaf, gold]})]
    return document(
        *(
            campaign(f"broken-{number}", 500 + number, segments=tree)
            for number, tree in enumerate(trees)
        ),
        isNB=True,
    )


def deep_segments() -> Json:
    """Return segments that nest up to the level from which they are false, and beyond."""

    def nested(operator: str, levels: int) -> Json:
        tree: Json = custom(plan="gold")
        for _ in range(levels):
            tree = {operator: tree if operator == "not" else [tree]}
        return tree

    return document(
        *(
            campaign(f"{operator}-{levels}", 100 + levels, segments=nested(operator, levels))
            for operator, levels in [("not", 100), ("not", 102), ("and", 98), ("or", 101)]
        )
    )


# --- Features --------------------------------------------------------------------------------


def typed_variables() -> list[Json]:
    """Return variables of every type, with values that need no cast, one, or an impossible one."""
    values: list[tuple[str, str, Any]] = [
        ("text", "string", "blue"),
        ("text-number", "string", 12.0),
        ("text-flag", "string", True),
        ("text-object", "string", {"a": 1}),
        ("whole", "integer", 12),
        ("whole-text", "integer", "12"),
        ("whole-cut", "integer", -12.9),
        ("whole-flag", "integer", True),
        ("whole-broken", "integer", "12.9"),
        ("real", "double", 12.5),
        ("real-whole", "double", 12),
        ("real-text", "double", " 1e3 "),
        ("real-broken", "double", "twelve"),
        ("flag", "boolean", True),
        ("flag-off", "boolean", False),
        ("flag-text", "boolean", "true"),
        ("flag-number", "boolean", 1),
        ("object", "json", {"size": [1, None, {"deep": "é"}]}),
        ("object-text", "json", '{"size": 1}'),
        ("object-list", "json", "[1, 2]"),
        ("object-broken", "json", "{"),
        ("object-number", "json", 5),
        ("strange", "colour", "blue"),
    ]
    found = [variable(*value, number) for number, value in enumerate(values, 1)]
    return [*found, variable("text", "string", "never reached", 99)]


VARIABLE_KEYS = [*dict.fromkeys(each["key"] for each in typed_variables()), "missing", ""]


def features(**top: Any) -> Json:
    """Return feature tests and rollouts with variables of all types."""
    plain_text = [variable("text", "string", "control's"), variable("whole", "integer", 0)]

    def arms(*enabled: bool | None) -> list[Json]:
        found = split(*([100 / len(enabled)] * len(enabled)))
        for arm, state in zip(found, enabled, strict=True):
            arm["variables"] = plain_text if arm["id"] == 1 else typed_variables()
            if state is not None:
                arm["isFeatureEnabled"] = state
        return found

    test: Json = {"type": "FEATURE_TEST"}
    rollout: Json = {"type": "FEATURE_ROLLOUT", "goals": {}, "variables": typed_variables()}
    website = [variation(1, "website", 100, isFeatureEnabled=False)]
    return document(
        campaign("test", 81, arms(False, True, False), **test),
        campaign("test-enabled-control", 82, arms(True, False), **test, percentTraffic=80),
        campaign("test-undecided", 83, arms(None, None), **test),
        campaign("rollout", 84, website, **rollout),
        campaign("rollout-half", 85, website, **rollout, percentTraffic=50),
        campaign("rollout-segmented", 86, website, **rollout, segments=custom(plan="gold")),
        campaign("rollout-bare", 87, website, **{**rollout, "variables": {}}),
        campaign("rollout-with-goals", 88, website, **{**rollout, "goals": common_goals()}),
        campaign("plain", 89),
        isNB=True,
        isNBv2=True,
        **top,
    )


def bare_features() -> Json:
    """Return features that lack a part which the schema does not require."""
    test: Json = {"type": "FEATURE_TEST"}
    off = split(50, 50)
    for arm in off:
        arm["isFeatureEnabled"] = False
    no_control = [variation(2, "Second", 100, isFeatureEnabled=False, variables=[])]
    return document(
        campaign("test-without-variables", 91, off, **test),
        campaign("test-without-control", 92, no_control, **test),
        campaign("rollout-without-variables", 93, split(100), type="FEATURE_ROLLOUT"),
        campaign("unknown-type", 94, type="SURVEY"),
        {key: value for key, value in campaign("no-type", 95).items() if key != "type"},
    )


# --- Groups ----------------------------------------------------------------------------------


def grouped(groups: Mapping[str, Json], *campaigns: Json, **top: Any) -> Json:
    """Return a document whose groups hold exactly the campaigns that they list."""
    homes = {
        str(member): int(home) for home, group in groups.items() for member in group["campaigns"]
    }
    return document(*campaigns, groups=dict(groups), campaignGroups=homes, **top)


def random_groups() -> Json:
    """Return groups that draw a member at random."""
    staff = [variation(1, "Control", 50), variation(2, "V", 50, segments=custom(staff="true"))]
    return grouped(
        {
            "1": {"name": "checkout", "campaigns": [601, 602, 603], "et": 1},
            "2": {"name": "reversed", "campaigns": [606, 605, 604]},
            "7": {"name": "alone", "campaigns": [607], "et": 1},
        },
        campaign("m1", 601),
        campaign("m2", 602, percentTraffic=50),
        campaign("m3", 603, segments=custom(plan="gold")),
        campaign("m4", 604, staff, isForcedVariationEnabled=True),
        campaign("m5", 605, type="FEATURE_TEST"),
        campaign("m6", 606, status="PAUSED"),
        campaign("m7", 607),
        campaign("free", 608),
        isNB=True,
    )


def advanced_groups() -> Json:
    """Return groups that prefer members, or draw them by weight."""
    return grouped(
        {
            "1": {"name": "ranked", "campaigns": [611, 612, 613], "et": 2, "p": [613, 612]},
            "2": {"campaigns": [614, 615, 616], "et": 2, "wt": {"614": 20, "616": 80}},
            "3": {"campaigns": [617, 618, 619], "et": 2, "p": [999, 617], "wt": {"618": 100}},
        },
        campaign("p1", 611),
        campaign("p2", 612, percentTraffic=50),
        campaign("p3", 613, percentTraffic=30),
        campaign("w1", 614),
        campaign("w2", 615),
        campaign("w3", 616),
        campaign("b1", 617, percentTraffic=20),
        campaign("b2", 618),
        campaign("b3", 619, type="FEATURE_ROLLOUT", variables=typed_variables()),
        isNB=True,
        isNBv2=True,
    )


def groups_without_winner() -> Json:
    """Return groups that some visitors, or all, get nothing from."""
    found = grouped(
        {
            "1": {"campaigns": [621, 622], "et": 2, "wt": {"621": 20, "622": 30}},
            "2": {"campaigns": [623, 624], "et": 2},
            "3": {"campaigns": [625, 626], "et": 3},
        },
        campaign("h1", 621),
        campaign("h2", 622),
        campaign("n1", 623),
        campaign("n2", 624),
        campaign("u1", 625),
        campaign("u2", 626),
        campaign("missing-group", 627),
    )
    found["campaignGroups"]["627"] = 99
    return found


def groups_and_outsiders() -> Json:
    """Return campaigns that a group and the map of groups disagree about."""
    found = grouped(
        {"1": {"campaigns": [631, 632, 633], "et": 1}, "4": {"campaigns": [635], "et": 2}},
        campaign("listed", 631),
        campaign("mapped-only", 634),
        campaign("listed-only", 632),
        campaign("listed-too", 633),
        campaign("lonely", 635),
        campaign("mapped-to-lonely", 636),
    )
    homes = found["campaignGroups"]
    del homes["632"]
    homes.update({"634": 1, "636": 4})
    return found


# --- Goals -----------------------------------------------------------------------------------


def all_goals(first_id: int) -> list[Json]:
    """Return goals of every type with every extra that matters."""
    revenue = "REVENUE_TRACKING"
    return [
        goal("signup", first_id),
        goal("purchase", first_id + 1, revenue),
        goal("order", first_id + 2, revenue, revenueProp="price"),
        goal("counted", first_id + 3, revenue, mca=-1),
        goal("summed", first_id + 4, revenue, mca=-1, revenueProp="price"),
        goal("first-value", first_id + 5, revenue, mca=1, revenueProp="price"),
        goal("seen", first_id + 6, hasProps=True),
        goal("read", first_id + 7, mca=-1, revenueProp="price"),
        goal("priced", first_id + 8, revenueProp="price"),
        goal("purchase", first_id + 9),
        goal("strange", first_id + 10, "SURVEY_ANSWERED"),
    ]


def goals(**top: Any) -> Json:
    """Return campaigns of all types that share their goals."""
    mixed = [goal("purchase", 801), goal("signup", 802, "REVENUE_TRACKING", revenueProp="total")]
    return document(
        campaign("first", 701, goals=all_goals(710)),
        campaign("second", 702, goals=all_goals(730), percentTraffic=60),
        campaign("mixed", 703, goals=mixed),
        campaign("tested", 704, type="FEATURE_TEST", goals=all_goals(750)),
        campaign("rolled-out", 705, type="FEATURE_ROLLOUT", goals=all_goals(770)),
        campaign("goalless", 706, goals={}),
        isNB=True,
        **top,
    )


def odd_goals() -> Json:
    """Return goals that nobody can reach, or that the official SDK takes for several."""
    return document(
        campaign("without-id", 711, goals=[{"identifier": "visit"}, goal("signup", 791)]),
        campaign("joined", 712, goals=[goal("a_vwo_b", 792), goal("a", 793), goal("b", 794)]),
    )


PROPERTIES: tuple[Any, ...] = (
    *(None, {}, {"price": 9.5}, {"price": None}, {"price": 0}, {"other": 1}),
    *({"total": "7", "price": "é"}, "price", ["price"]),
)


# --- The rest --------------------------------------------------------------------------------


def bandits() -> Json:
    """Return campaigns that only work with user storage."""
    return document(
        campaign("bandit", 901, isMAB=True),
        campaign("bandit-test", 902, isMAB=True, type="FEATURE_TEST"),
        campaign("bandit-rollout", 903, isMAB=True, type="FEATURE_ROLLOUT", variables={}),
        campaign("ordinary", 904, isMAB=False),
        isNB=True,
        isNBv2=True,
    )


def paused() -> Json:
    """Return campaigns that do not run, some in front of a running one with the same key."""
    return document(
        campaign("stopped", 911, status="PAUSED"),
        campaign("shouted", 912, status="running"),
        campaign("twice", 913, split(100), status="PAUSED"),
        campaign("twice", 914),
        campaign("running", 915),
    )


def shared_keys() -> Json:
    """Return running campaigns that share a key."""
    return document(
        campaign("shared", 931, split(100)),
        campaign("shared", 932, percentTraffic=50),
        campaign("last-paused", 933),
        campaign("last-paused", 934, status="PAUSED"),
    )


def text_ids() -> Json:
    """Return ids written as text, which the schema admits."""
    arms = [variation("1", "Control", 50), variation("2", "Variation-1", 50)]
    return document(campaign("text-id", "921", arms), campaign("number-id", 922, arms), isNB=True)


GONE: tuple[Json, ...] = (
    {"campaignKey": "everyone", "variationName": "Variation-9"},
    {"campaignKey": "everyone", "variationName": "Variation-9", "goalIdentifiers": "signup"},
    {"campaignKey": "most", "variationName": "Control", "goalIdentifiers": "purchase"},
    {"campaignKey": "some", "variationName": "control"},
    {"campaignKey": "some", "variationName": "Variation-2", "goalIdentifiers": "a_vwo_signup"},
)
"""Records that visitors of `plain` may bring: of gone variations, and with goals."""


def variables_of(name: str, values: Sequence[Any]) -> list[Json]:
    """Return one dict of variables for each value."""
    return [{name: value} for value in values]


STAFF: tuple[Any, ...] = (None, {}, {"plan": "gold"}, {"staff": True}, {"plan": "gold", "staff": 1})


def case(name: str, build: Callable[..., Json], *, top: Json | None = None, **rest: Any) -> Case:
    """Return the case of the document that *build* makes."""
    return Case(name=name, document=build(**(top or {})), **rest)


def flag_cases() -> list[Case]:
    """Return the campaigns with flags on each generation of account."""
    accounts: list[Json] = [{}, {"isNB": True}, {"isNBv2": True}, {"isNB": True, "isNBv2": True}]
    return [
        Case(
            name=f"campaign flags on {' and '.join(account) or 'an old account'}",
            document={**old_bucketing_flags(), **account},
            visitors=VARIANT,
        )
        for account in accounts
    ]


VARIANT = 200
"""Visitors of a case that differs a little from another."""

CASES: tuple[Case, ...] = (
    case("old bucketing", plain, records=GONE),
    case("new bucketing", plain, top={"isNB": True}),
    case("new bucketing, second", plain, top={"isNBv2": True}),
    case("both new bucketings", plain, top={"isNB": True, "isNBv2": True}, visitors=VARIANT),
    *flag_cases(),
    case("campaign seeds", seeds),
    case("uneven weights", uneven_weights),
    case("weights with holes", weights_with_holes, visitors=VARIANT),
    case("weights as text", text_weights, official_document=text_weights_as_numbers()),
    case("whitelisting", whitelisting, targeting_variables=STAFF),
    case("operands", operands, custom_variables=variables_of("plan", VALUES)),
    case("operators", operators, custom_variables=OPERATOR_VARIABLES),
    case(
        "broken leaves",
        broken_leaves,
        custom_variables=variables_of("plan", VALUES),
        visitors=VARIANT,
    ),
    case("hashed lists", hashed_lists, visitors=VARIANT),
    case("deep segments", deep_segments, visitors=VARIANT),
    case("features", features),
    case("bare features", bare_features, visitors=VARIANT),
    case("features on event-arch", features, top={"isEventArchEnabled": True}, visitors=VARIANT),
    case("random groups", random_groups, targeting_variables=STAFF),
    case("advanced groups", advanced_groups),
    case("groups without a winner", groups_without_winner, visitors=VARIANT),
    case("groups and outsiders", groups_and_outsiders, visitors=VARIANT),
    case("goals", goals, event_properties=PROPERTIES),
    case(
        "goals on event-arch", goals, top={"isEventArchEnabled": True}, event_properties=PROPERTIES
    ),
    case(
        "conversion goals only",
        goals,
        options={"goal_type_to_track": "CUSTOM_GOAL"},
        visitors=VARIANT,
    ),
    case(
        "revenue goals only",
        goals,
        options={"goal_type_to_track": "REVENUE_TRACKING"},
        visitors=VARIANT,
    ),
    case("bandits", bandits, visitors=VARIANT),
    case("paused campaigns", paused),
    case("shared keys", shared_keys, visitors=VARIANT),
    case("no campaigns", document, top={"campaigns": {}}, visitors=VARIANT),
    case("ids as text", text_ids, visitors=VARIANT),
    case("odd goals", odd_goals, visitors=VARIANT),
)
