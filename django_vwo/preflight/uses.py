"""What a site's code asks of the settings document, and what of it the document does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from ..client import AB_TESTS, EXPERIMENTS, FEATURES, Types
from ..engine.entities import Campaign, CampaignSet

TAKES: dict[str, Types] = {
    "activate": AB_TESTS,
    "get_variation_name": EXPERIMENTS,
    "is_feature_enabled": FEATURES,
    "get_feature_variable_value": FEATURES,
    "track": EXPERIMENTS,
}
"""The calls that name campaigns, and the types of campaigns that each takes."""

Texts = tuple[str, ...] | None
"""What an argument may be; empty: it is not given, or None. None: the code does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One call in the site's code or templates."""

    path: str
    line: int
    call: str
    """One of `TAKES`."""
    campaigns: Texts = ()
    goals: Texts = ()
    variables: Texts = ()
    tag: str = ""
    """The template tag that makes the call; empty: Python code does."""

    @property
    def place(self) -> str:
        """File and line, as editors and terminals know them."""
        return f"{self.path}:{self.line}"

    @property
    def unread(self) -> tuple[str, ...]:
        """The arguments that the code does not tell."""
        given = {"campaign": self.campaigns, "goal": self.goals, "variable": self.variables}
        return tuple(name for name, texts in given.items() if texts is None)


class Verdict(Enum):
    """What is wrong with a use."""

    LACKING = "lacking"
    PAUSED = "not running"
    WRONG_TYPE = "of the wrong type"
    UNREAD = "cannot be read"


STRICT = frozenset({Verdict.LACKING, Verdict.WRONG_TYPE})
"""What ``--strict`` does not let pass. That a campaign is paused may well be meant so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a use asks for in vain."""

    use: Use
    verdict: Verdict
    text: str

    def __str__(self) -> str:
        call = f"{{% {self.use.tag} %}}" if self.use.tag else self.use.call
        return f"{self.use.place}: {call}: {self.text}"


def findings(uses: Iterable[Use], campaigns: CampaignSet) -> Iterator[Finding]:
    """Yield what *uses* ask for that the document *campaigns* does not have."""
    for use in uses:
        for verdict, text in judge(use, campaigns):
            yield Finding(use, verdict, text)


def judge(use: Use, campaigns: CampaignSet) -> Iterator[tuple[Verdict, str]]:
    for key in use.campaigns or ():
        feature = campaigns.features.get(key) if TAKES[use.call] is FEATURES else None
        if feature is not None and feature.types is not None:
            yield from judge_variables(use, f"the feature {key!r}", feature.defaults)
        elif campaign := campaigns.campaigns.get(key):
            yield from judge_campaign(use, campaign)
        elif key in campaigns.paused_keys:
            yield Verdict.PAUSED, f"the campaign {key!r} is not running"
        else:
            yield Verdict.LACKING, f"there is no campaign {key!r}"
    if not use.campaigns:
        yield from judge_goals(use, campaigns)
    for name in use.unread:
        yield Verdict.UNREAD, f"which {name} cannot be read from the code"


def judge_campaign(use: Use, campaign: Campaign) -> Iterator[tuple[Verdict, str]]:
    if campaign.type not in TAKES[use.call]:
        text = f"the campaign {campaign.key!r} is of the type {campaign.type.value}"
        yield Verdict.WRONG_TYPE, text
    variables = {key for each in campaign.variations.values() for key in each.variables}
    yield from judge_variables(use, f"the campaign {campaign.key!r}", variables)
    for identifier in use.goals or ():
        if identifier not in campaign.goals:
            text = f"the campaign {campaign.key!r} has no goal {identifier!r}"
            yield Verdict.LACKING, text


def judge_variables(
    use: Use, owner: str, variables: Collection[str]
) -> Iterator[tuple[Verdict, str]]:
    for key in use.variables or ():
        if key not in variables:
            yield Verdict.LACKING, f"{owner} has no variable {key!r}"


def judge_goals(use: Use, campaigns: CampaignSet) -> Iterator[tuple[Verdict, str]]:
    for identifier in use.goals or ():
        if identifier in campaigns.campaigns_by_goal:
            continue
        if identifier in campaigns.paused_goals:
            yield Verdict.PAUSED, f"no campaign with the goal {identifier!r} is running"
        else:
            yield Verdict.LACKING, f"there is no goal {identifier!r}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unused:
    """What the document has and no code that was read names."""

    campaigns: tuple[str, ...]
    goals: tuple[str, ...]


def unused(uses: Iterable[Use], campaigns: CampaignSet) -> Unused:
    """Return which running campaigns, and goals of theirs, none of *uses* names."""
    named_campaigns: set[str] = set()
    named_goals: set[str] = set()
    for use in uses:
        named_campaigns.update(use.campaigns or ())
        named_goals.update(use.goals or ())
    named_features = (campaigns.features.get(key) for key in named_campaigns)
    deciding = {
        campaign.id
        for feature in named_features
        if feature
        for campaign in (*feature.experiments, *feature.rollout)
    }
    return Unused(
        campaigns=tuple(
            key
            for key, campaign in campaigns.campaigns.items()
            if key not in named_campaigns and campaign.id not in deciding
        ),
        goals=tuple(key for key in campaigns.campaigns_by_goal if key not in named_goals),
    )
