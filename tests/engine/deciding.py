"""Decisions in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_vwo.engine.decision import Decision, decide
from django_vwo.engine.entities import Assignment, Campaign, CampaignSet, Facts, Purpose
from django_vwo.engine.explain import explain
from django_vwo.engine.steps import Trial
from tests.builders import Json, loaded

Stored = Mapping[str, Assignment] | None


def asked(
    document: Json | CampaignSet,
    key: str = "test",
    user_id: str = "Bob",
    stored: Stored = None,
    purpose: Purpose = Purpose.ACTIVATE,
    *,
    requires_activation: bool = True,
    custom_variables: Facts | None = None,
    targeting: Facts | None = None,
) -> tuple[Trial, Campaign]:
    """Return what a decision on *document*'s campaign *key* is made from."""
    campaigns = loaded(document) if isinstance(document, dict) else document
    facts = custom_variables or {}, targeting or {}
    trial = Trial(campaigns, user_id, *facts, stored, purpose, requires_activation)
    return trial, campaigns.campaigns[key]


def decided(*args: Any, **kwargs: Any) -> Decision:
    """Return the decision on what was `asked`."""
    return decide(*asked(*args, **kwargs))


def explained(*args: Any, **kwargs: Any) -> Decision:
    """Return the decision on what was `asked`, explained."""
    return explain(*asked(*args, **kwargs))


def told(decision: Decision) -> list[str]:
    """Return what the decision's findings say, line by line."""
    return [line for finding in decision.findings for line in finding.lines()]


def name_of(decision: Decision) -> str | None:
    """Return the name of the decision's variation."""
    return decision.variation.name if decision.variation else None


def remembered(**variations: str) -> dict[str, Assignment]:
    """Return assignments: campaign key to the name of its variation."""
    return {key: Assignment(variation) for key, variation in variations.items()}
