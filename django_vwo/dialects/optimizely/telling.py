"""What an event has to keep of the datafile and the visitor, so that it can be told later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

from ...engine.entities import (
    NOTHING,
    Campaign,
    CampaignType,
    Facts,
    Feature,
    Occasion,
    Variation,
)
from ...engine.events import Event
from .generations import Generation
from .leaves import LARGEST_NUMBER

Json = Mapping[str, Any]
Told = dict[str, Any]
Attribute = tuple[str, str, Any]
"""Id, key and value: what is sent of it is put together then, as events keep a dozen of them."""

RESERVED = "$opt_"
"""Attributes whose names begin so are sent although the datafile does not know them."""
BOT_FILTERING = "$opt_bot_filtering"
CENTS = 100
SMALLEST_NUMBER = -LARGEST_NUMBER
NUMBERS = (int, float)
"""A tuple: `int | float` would be made anew for each attribute."""
RULE_TYPES = {CampaignType.FEATURE_TEST: "feature-test", CampaignType.ROLLOUT: "rollout"}


class Telling:
    """Makes what the events of one datafile keep, in `Event.told`."""

    def __init__(self, document: Json, generation: Generation, experiments: Iterable[Json]) -> None:
        self.is_older = generation.is_older
        self.is_sent = is_something if generation.is_older else is_sendable
        self.layers = {item["id"]: item["layerId"] for item in experiments}
        self.attribute_ids = {each["key"]: each["id"] for each in document["attributes"]}
        self.bot_filtering = document.get("botFiltering")
        self.envelope: Told = {
            "project": document["projectId"],
            "revision": document["revision"],
            "anonymize": document.get("anonymizeIP", False),
        }
        if not generation.is_older:
            self.envelope["enrich"] = True
            if str(document.get("region")).upper() == "EU":
                self.envelope["region"] = "EU"

    def __call__(self, occasion: Occasion) -> Told:
        """Return what an event of *occasion* keeps."""
        told = {**self.envelope, "attributes": self.attributes(occasion.custom_variables)}
        if occasion.properties is not NOTHING:
            told["has_tags"] = True
        campaign, variation = occasion.campaign, occasion.variation
        if campaign is not None and variation is not None:
            told["decision"] = {
                "campaign_id": self.layers.get(campaign.id, ""),
                "experiment_id": campaign.id,
                "variation_id": variation.id,
            }
        if not self.is_older:
            told["metadata"] = metadata(campaign, variation, occasion.feature)
        return told

    def join(self, conversions: Sequence[Event]) -> None:
        """Make one message of the conversions of one call: each tells of all."""
        message_id = conversions[0].message_id
        decisions = [each.told["decision"] for each in conversions if "decision" in each.told]
        for each in conversions:
            each.message_id = message_id
            each.told = self.conversion(each.told, decisions)

    def conversion(self, told: Json, decisions: list[Told]) -> Told:
        """Return what a conversion keeps of *told*, and of all that it is joined with."""
        kept = dict(told)
        kept.pop("decision", None)
        kept.pop("metadata", None)
        # First: should there be too many attributes, it is they who are left out.
        return {"decisions": decisions, **kept} if self.is_older else kept

    def attributes(self, given: Facts) -> list[Attribute]:
        """Return what is told of the visitor's attributes."""
        known, is_sent = self.attribute_ids, self.is_sent
        found: list[Attribute] = []
        for key, value in given.items():
            entity_id = known.get(key)
            if entity_id is None:
                if not isinstance(key, str) or not key.startswith(RESERVED):
                    continue
                entity_id = key
            kind = type(value)
            # What most are is known to be sent without a call.
            is_plain = kind is str or (kind is int and SMALLEST_NUMBER <= value <= LARGEST_NUMBER)
            if (is_plain and value) or is_sent(value):
                found.append((entity_id, key, value))
        if isinstance(self.bot_filtering, bool):
            found.append((BOT_FILTERING, BOT_FILTERING, self.bot_filtering))
        return found


def is_something(value: object) -> bool:
    """Return whether Full Stack 2 tells an attribute of this value, and JSON can."""
    return bool(value) and is_json(value)


def is_json(value: object) -> bool:
    """Return whether JSON has a word for *value*; it has none for infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def is_sendable(value: object) -> bool:
    """Return whether today's generation tells an attribute of this value."""
    return isinstance(value, str) or (
        isinstance(value, NUMBERS) and abs(value) <= LARGEST_NUMBER  # no NaN is
    )


def metadata(
    campaign: Campaign | None, variation: Variation | None, feature: Feature | None
) -> Told:
    """Return what today's generation tells beside a decision."""
    if campaign is None or variation is None:
        key = feature.key if feature else ""
        return rule(key, "", RULE_TYPES[CampaignType.ROLLOUT], "", False)
    if feature is None:
        return rule("", campaign.key, "experiment", variation.name, True)
    kind = RULE_TYPES[campaign.type]
    return rule(feature.key, campaign.key, kind, variation.name, variation.is_feature_enabled)


def rule(flag_key: str, rule_key: str, kind: str, variation_key: str, is_enabled: bool) -> Told:
    return {
        "flag_key": flag_key,
        "rule_key": rule_key,
        "rule_type": kind,
        "variation_key": variation_key,
        "enabled": is_enabled,
    }


def revenue_in(tags: Facts) -> float | None:
    """
    Return the tag `revenue`, which is in cents, in the currency's unit; None if there is none.

    >>> revenue_in({"revenue": 1250}), revenue_in({"revenue": "1250"})
    (12.5, None)
    """
    cents = revenue_tag(tags)
    return None if cents is None or abs(cents) > LARGEST_NUMBER else cents / CENTS


def revenue_tag(tags: Facts) -> int | None:
    """Return the tag `revenue` if it is of use: an integer."""
    value = tags.get("revenue")
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    return None
