"""
Helpers for the tests of a site: choose what visitors get, read what was recorded.

``override_variation`` and ``override_feature`` are context managers and decorators: of functions,
coroutine functions and `unittest.TestCase` classes. They need no settings document and no
campaign in it, nest, and hold for their own thread or task alone, with what it calls and awaits.
The threads of a live server do not see them. It takes the import of this module to have
them looked for; production never pays for it.
"""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, cast

from django.db import router
from django.test.utils import TestContextDecorator

from .client import Client, get_client
from .conf import app_settings
from .dialects import get_dialect
from .engine.decision import Decision
from .engine.entities import (
    Bucketing,
    Campaign,
    CampaignSet,
    CampaignType,
    Feature,
    Goal,
    Ranges,
    Reason,
    Variation,
)
from .engine.errors import NoDocumentError
from .engine.events import Event
from .engine.hashing import Seed
from .engine.steps import Step, Trial
from .models import Event as EventRow
from .recorders.memory import MemoryRecorder
from .recorders.outbox import OutboxRecorder, restore

MADE_UP = "0"
"""Id of what the settings document does not have."""


class Override(TestContextDecorator):
    """
    What a campaign gives every visitor, in place of a decision.

    *goals* are identifiers that `track` is to find in the campaign, beside those of the document.
    Nothing is remembered of visitors meanwhile; what happens to them is recorded.
    """

    campaign_type: CampaignType
    """The type of a campaign that the settings document does not have."""

    def __init__(self, campaign_key: str, goals: Iterable[str] = ()) -> None:
        super().__init__()
        self.campaign_key = campaign_key
        self.goals = tuple(goals)

    @abstractmethod
    def choose(self, campaign: Campaign) -> Variation | None:
        """Return what every visitor gets in *campaign*."""

    def enable(self) -> None:
        if not is_in_event_loop():
            self.apply(document_of(get_client()))  # so that a mistake is seen here
        active.set((*active.get(), self))

    def disable(self) -> None:
        overrides = list(active.get())
        overrides.remove(self)
        active.set(tuple(overrides))

    def apply(self, campaigns: CampaignSet) -> CampaignSet:
        """Return *campaigns* with a campaign that gives everybody the same."""
        found = self.find(campaigns)
        campaign = found or made_up_campaign(self.campaign_key, self.campaign_type)
        goals = {name: Goal(id=MADE_UP, identifier=name) for name in self.goals}
        fixed = replace(
            campaign,
            goals={**goals, **campaign.goals},
            steps=(always(self.choose(campaign)),),
        )
        return with_campaigns(campaigns, {**campaigns.campaigns, self.campaign_key: fixed})

    def find(self, campaigns: CampaignSet) -> Campaign | None:
        """Return the campaign of the settings document that is overridden, if it has it."""
        return campaigns.campaigns.get(self.campaign_key)


class override_variation(Override):  # noqa: N801
    """
    Have every visitor get a *variation* of a campaign; None: nobody takes part in it.

    Raises `LookupError` if the settings document has the campaign, but not the variation.
    """

    campaign_type = CampaignType.AB

    def __init__(
        self, campaign_key: str, variation: str | None, *, goals: Iterable[str] = ()
    ) -> None:
        super().__init__(campaign_key, goals)
        self.variation = variation

    def choose(self, campaign: Campaign) -> Variation | None:
        if self.variation is None:
            return None
        by_name = {each.name: each for each in campaign.variations.values()}
        if by_name and self.variation not in by_name:
            known = ", ".join(map(repr, by_name))
            found = f"Campaign {campaign.key!r} has no variation {self.variation!r}"
            raise LookupError(f"{found}; expected one of {known}.")
        return by_name.get(self.variation) or made_up_variation(self.variation)

    def apply(self, campaigns: CampaignSet) -> CampaignSet:
        changed = super().apply(campaigns)
        fixed = changed.campaigns[self.campaign_key]
        features = {key: self.in_feature(each, fixed) for key, each in campaigns.features.items()}
        return replace(changed, features=features)

    def in_feature(self, feature: Feature, fixed: Campaign) -> Feature:
        """Return *feature* with the same variation, with its variables, where it is decided on."""
        if all(each.id != fixed.id for each in feature.experiments):
            return feature
        return replace(
            feature,
            experiments=tuple(
                replace(each, steps=(always(self.choose(each)),)) if each.id == fixed.id else each
                for each in feature.experiments
            ),
        )


class override_feature(Override):  # noqa: N801
    """
    Have every visitor find a feature on or off.

    *variables* come on top of the feature variables that the settings document has for it.
    """

    campaign_type = CampaignType.FEATURE_TEST

    def __init__(
        self,
        campaign_key: str,
        *,
        enabled: bool = True,
        variables: Mapping[str, Any] | None = None,
        goals: Iterable[str] = (),
    ) -> None:
        super().__init__(campaign_key, goals)
        self.enabled = enabled
        self.variables = variables or {}

    def choose(self, campaign: Campaign) -> Variation | None:
        alike = (
            variation
            for variation in campaign.variations.values()
            if variation.is_feature_enabled is self.enabled
        )
        variation = next(alike, made_up_variation("override"))
        return replace(variation, is_feature_enabled=self.enabled)

    def apply(self, campaigns: CampaignSet) -> CampaignSet:
        changed = super().apply(campaigns)
        key = self.campaign_key
        feature = campaigns.features.get(key) or Feature(key=key, experiments=())
        fixed = changed.campaigns[key]
        variation = cast(Variation, self.choose(fixed))
        variables = {**feature.defaults, **variation.variables, **self.variables}
        step = always(replace(variation, variables=variables))
        # An experiment that is no feature's may have the key: it decides as a feature's here.
        decider = replace(fixed, type=self.campaign_type, steps=(step,))
        only = replace(feature, experiments=(decider,), rollout=(), group=None, types=None)
        return replace(changed, features={**campaigns.features, key: only})

    def find(self, campaigns: CampaignSet) -> Campaign | None:
        feature = campaigns.features.get(self.campaign_key)
        if feature is None:
            return super().find(campaigns)
        deciding = (*feature.experiments, *feature.rollout)
        return replace(deciding[0], key=self.campaign_key) if deciding else None


def recorded_events() -> list[Event]:
    """
    Return the impressions, conversions and pushes that were recorded so far, oldest first.

    Reads the outbox, which a test's database takes back at its end, or a `MemoryRecorder`.
    """
    recorder = get_client().recorder
    if isinstance(recorder, MemoryRecorder):
        return list(recorder.events)
    if isinstance(recorder, OutboxRecorder):
        rows = EventRow.objects.using(router.db_for_write(EventRow)).order_by("id")
        return [restore(row) for row in rows]
    raise TypeError(f"What {type(recorder).__name__} recorded cannot be read back.")


active: ContextVar[tuple[Override, ...]] = ContextVar("django_vwo overrides", default=())
read_campaigns = Client.current_campaigns


def overridden_campaigns(client: Client) -> CampaignSet:
    """Return the settings document in service, with what is overridden here and now."""
    overrides = active.get()
    if not overrides:
        return read_campaigns(client)
    campaigns = document_of(client)
    for override in overrides:
        campaigns = override.apply(campaigns)
    return campaigns


def is_in_event_loop() -> bool:
    """Return whether this is async code, which cannot ask the database for a document."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def document_of(client: Client) -> CampaignSet:
    """Return the settings document in service, or an empty one."""
    try:
        return read_campaigns(client)
    except NoDocumentError:
        configured = app_settings()
        dialect = get_dialect(configured.dialect)
        empty = json.dumps(dialect.empty_document(configured.account_id or MADE_UP))
        return dialect.load(empty, source="no document", options=configured.load_options)


def made_up_campaign(key: str, kind: CampaignType) -> Campaign:
    """Return a campaign without variations and goals."""
    return Campaign(
        id=MADE_UP,
        key=key,
        type=kind,
        percent_traffic=100,
        assignment_key=key,
        variations={},
        goals={},
        bucketing=Bucketing(campaign_seed=Seed(), variation_seed=Seed(), laid_out=Ranges((), ())),
    )


def made_up_variation(name: str) -> Variation:
    """Return a variation that no settings document has."""
    return Variation(id=MADE_UP, name=name, stored_as=name)


def always(variation: Variation | None) -> Step:
    """Return the only step to a decision that is always the same."""

    def step(trial: Trial, campaign: Campaign) -> Decision:
        return Decision(campaign, variation, Reason.FORCED)

    return step


def with_campaigns(campaigns: CampaignSet, by_key: Mapping[str, Campaign]) -> CampaignSet:
    """Return *campaigns* with those of *by_key* in place of its own."""
    by_goal: dict[str, tuple[Campaign, ...]] = {}
    for campaign in by_key.values():
        for identifier in campaign.goals:
            by_goal[identifier] = (*by_goal.get(identifier, ()), campaign)
    own = {name: goal for campaign in by_key.values() for name, goal in campaign.goals.items()}
    return replace(
        campaigns,
        campaigns=by_key,
        campaigns_by_id={campaign.id: campaign for campaign in by_key.values()},
        campaigns_by_goal=by_goal,
        goals={**own, **campaigns.goals},
    )


Client.current_campaigns = overridden_campaigns  # type: ignore[method-assign, assignment]
