"""What a new settings document changes, in terms of what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .campaign_changes import ChangeKind, Told, campaign_changes, listed, percent, shares
from .entities import Campaign, CampaignSet, Feature, Group
from .feature_changes import feature_changes, features
from .findings import plain

__all__ = ["Change", "ChangeKind", "changes"]

LONGEST_CHANGE = 1_000
"""Characters of one change on its line."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is another than before."""

    kind: ChangeKind
    campaign_key: str
    """Empty where it concerns the whole document, or a group."""
    text: str

    def __str__(self) -> str:
        whole = f"{self.campaign_key}: {self.text}" if self.campaign_key else self.text
        return plain(whole, LONGEST_CHANGE)


def changes(before: CampaignSet | None, after: CampaignSet) -> tuple[Change, ...]:
    """
    Return what *after* changes; the order is that of the documents.

    Without *before* every running campaign is started. What decides nothing, as the names of
    campaigns and the version, is not compared; nor is what a paused campaign holds.
    """
    return tuple(found(before, after))


def found(before: CampaignSet | None, after: CampaignSet) -> Iterator[Change]:
    if before is None:
        for campaign in after.campaigns.values():
            yield Change(ChangeKind.STARTED, campaign.key, f"starts: {described(campaign)}")
        return
    for kind, text in (*of_account(before, after), *of_groups(before, after)):
        yield Change(kind, "", text)
    successors = {campaign.key: successor(before, campaign, after) for campaign in running(before)}
    yield from of_campaigns(before, after, successors)
    yield from of_features(features(before), features(after))


def of_campaigns(
    before: CampaignSet, after: CampaignSet, successors: dict[str, Campaign | None]
) -> Iterator[Change]:
    """Yield what becomes of each campaign: those that run first, then those that no longer do."""
    predecessors = {new.key: key for key, new in successors.items() if new}
    for campaign in running(after):
        if (key := predecessors.get(campaign.key)) is None:
            is_known = campaign.key in before.paused_keys
            starts = "starts again" if is_known else "starts"
            yield Change(ChangeKind.STARTED, campaign.key, f"{starts}: {described(campaign)}")
            continue
        for kind, text in campaign_changes(before.campaigns[key], campaign):
            yield Change(kind, key, text)
    for key, new in successors.items():
        if new is None and key in after.paused_keys:
            yield Change(ChangeKind.PAUSED, key, "no longer runs")
        elif new is None:
            yield Change(ChangeKind.GONE, key, "is gone")
    for key in sorted(after.paused_keys - before.paused_keys - before.campaigns.keys()):
        yield Change(ChangeKind.ADDED, key, "is new, and not running")
    for key in sorted(before.paused_keys - after.paused_keys - after.campaigns.keys()):
        yield Change(ChangeKind.GONE, key, "is gone; it was not running")


def of_features(before: dict[str, Feature], after: dict[str, Feature]) -> Iterator[Change]:
    """Yield what becomes of each feature."""
    for key, new in after.items():
        if key not in before:
            yield Change(ChangeKind.FEATURE, key, "the feature is new")
            continue
        for kind, text in feature_changes(before[key], new):
            yield Change(kind, key, text)
    for key in before:
        if key not in after:
            yield Change(ChangeKind.FEATURE, key, "the feature is gone")


def running(campaigns: CampaignSet) -> list[Campaign]:
    return list(campaigns.campaigns.values())


def successor(before: CampaignSet, campaign: Campaign, after: CampaignSet) -> Campaign | None:
    """Return what *campaign* becomes: what runs under its key or, if its key is new, its id."""
    if campaign.key in after.campaigns:
        return after.campaigns[campaign.key]
    if campaign.key in after.paused_keys:
        return None
    namesake = after.campaigns_by_id.get(campaign.id)
    is_original = before.campaigns_by_id.get(campaign.id) is campaign
    if namesake is None or not is_original or is_known(namesake.key, before):
        return None
    return namesake


def is_known(key: str, campaigns: CampaignSet) -> bool:
    return key in campaigns.campaigns or key in campaigns.paused_keys


def of_account(before: CampaignSet, after: CampaignSet) -> Iterator[Told]:
    if before.dialect != after.dialect:
        yield ChangeKind.ACCOUNT, f"dialect {before.dialect} -> {after.dialect}"
    if before.account_id != after.account_id:
        text = f"account {before.account_id} -> {after.account_id}: no visitor is remembered"
        yield ChangeKind.ACCOUNT, text
    if before.sdk_key != after.sdk_key:
        yield ChangeKind.ACCOUNT, "the SDK key is another: another environment?"
    if before.collection_prefix != after.collection_prefix:
        told = f"{before.collection_prefix or 'none'} -> {after.collection_prefix or 'none'}"
        yield ChangeKind.COLLECTION, f"collection prefix {told}"
    if before.has_event_properties != after.has_event_properties:
        does = "takes" if after.has_event_properties else "no longer takes"
        yield ChangeKind.COLLECTION, f"the account {does} events with properties"


def of_groups(before: CampaignSet, after: CampaignSet) -> Iterator[Told]:
    """Yield how the groups that stay choose otherwise than before."""
    olds = groups(before)
    for group_id, new in groups(after).items():
        old = olds.get(group_id)
        if old and old != new:
            for text in of_group(old, new, before, after):
                yield ChangeKind.GROUP, f"group {new.name or group_id}: {text}"


def groups(campaigns: CampaignSet) -> dict[str, Group]:
    """Return the groups that running campaigns are in, by id."""
    return {campaign.group.id: campaign.group for campaign in running(campaigns) if campaign.group}


def of_group(old: Group, new: Group, before: CampaignSet, after: CampaignSet) -> Iterator[str]:
    if old.campaign_ids != new.campaign_ids:
        told = f"{names(old.campaign_ids, before)} -> {names(new.campaign_ids, after)}"
        yield f"members {told}"
    if old.rule is not new.rule:
        yield f"chooses by {spoken(old)} -> {spoken(new)}"
    if old.priority != new.priority:
        yield f"priority {names(old.priority, before)} -> {names(new.priority, after)}"
    if old.weights != new.weights:
        yield f"weights {weights(old, before)} -> {weights(new, after)}"
    if shares_of(old) != shares_of(new):
        yield "the shares of its members are others: visitors change places"
    if old.seed != new.seed:
        yield "bucketing is another: visitors change places"


def shares_of(group: Group) -> tuple[object, ...]:
    return group.allotment.ends, group.allotment.owners


def spoken(group: Group) -> str:
    return group.rule.name.lower().replace("_", " ")


def names(campaign_ids: tuple[str, ...], campaigns: CampaignSet) -> str:
    return listed(name(campaign_id, campaigns) for campaign_id in campaign_ids)


def name(campaign_id: str, campaigns: CampaignSet) -> str:
    """Return the key of a running campaign; of any other its id."""
    campaign = campaigns.campaigns_by_id.get(campaign_id)
    return campaign.key if campaign else campaign_id


def weights(group: Group, campaigns: CampaignSet) -> str:
    return listed(f"{name(key, campaigns)} {weight:g}" for key, weight in group.weights.items())


def described(campaign: Campaign) -> str:
    """Return in one line what *campaign* is."""
    admitted = f"{percent(campaign.percent_traffic)} of visitors"
    return f"{campaign.type.value}, {admitted}, {shares(campaign)}"
