"""What differs between a feature as it is and as it is to be, where features are no campaigns."""

from __future__ import annotations

from collections.abc import Iterator

from .campaign_changes import ChangeKind, Told, is_same, listed, paired
from .entities import Campaign, CampaignSet, Facts, Feature
from .errors import MISSING, shorten


def features(campaigns: CampaignSet) -> dict[str, Feature]:
    """Return the features that have variables of their own, not a campaign's."""
    return {key: each for key, each in campaigns.features.items() if each.types is not None}


def feature_changes(before: Feature, after: Feature) -> Iterator[Told]:
    """Yield what differs between two versions of a feature, its campaigns apart."""
    if [each.id for each in deciding(before)] != [each.id for each in deciding(after)]:
        told = f"{names(before)} -> {names(after)}"
        yield ChangeKind.FEATURE, f"the feature is decided by {told}"
    for text in of_variables(before.defaults, after.defaults):
        yield ChangeKind.VARIABLES, f"by default, {text}"
    news = {campaign.id: campaign for campaign in deciding(after)}
    for campaign in deciding(before):
        for old, new in paired(campaign, news.get(campaign.id, campaign)):
            # One that has the feature off has the defaults.
            if old.is_feature_enabled or new.is_feature_enabled:
                for text in of_variables(old.variables, new.variables):
                    yield ChangeKind.VARIABLES, f"in {new.name} of {campaign.key}, {text}"


def of_variables(before: Facts, after: Facts) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key, MISSING), after.get(key, MISSING)
        if not is_same(was, now):
            yield f"{key}: {shorten(was, 40)} -> {shorten(now, 40)}"


def deciding(feature: Feature) -> tuple[Campaign, ...]:
    return feature.experiments + feature.rollout


def names(feature: Feature) -> str:
    return listed(campaign.key for campaign in deciding(feature))
