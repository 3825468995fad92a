"""What an event has to keep of the datafile and the visitor, so that it can be told later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

from ...engine.entities import NOTHING, CampaignType, Facts, Occasion
from ...engine.events import Event
from .generations import Generation
from .leaves import LARGEST_NUMBER

Json = Mapping[str, Any]
Told = dict[str, Any]

RESERVED = "$opt_"
"""Attributes whose names begin so are sent although the datafile does not know them."""
BOT_FILTERING = "$opt_bot_filtering"
CENTS = 100
# Tuples: `str | bool` would be made anew for each attribute.
SENT_AS_THEY_ARE = (str, bool)
NUMBERS = (int, float)
RULE_TYPES = {CampaignType.FEATURE_TEST: "feature-test", CampaignType.ROLLOUT: "rollout"}


class Telling:
    """Makes what the events of one datafile keep, in `Event.told`."""

    def __init__(self, document: Json, generation: Generation, experiments: Iterable[Json]) -> None:
        self.generation = generation
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
        told = {
            **self.envelope,
            "attributes": list(self.attributes(occasion.visitor.custom_variables)),
        }
        if occasion.properties is not NOTHING:
            told["has_tags"] = True
        if occasion.campaign is not None and occasion.variation is not None:
            told["decision"] = {
                "campaign_id": self.layers.get(occasion.campaign.id, ""),
                "experiment_id": occasion.campaign.id,
                "variation_id": occasion.variation.id,
            }
        if not self.generation.is_older:
            told["metadata"] = metadata(occasion)
        return told

    def join(self, conversions: Sequence[Event]) -> None:
        """Make one message of the conversions of one call: each tells of all."""
        decisions = [each.told["decision"] for each in conversions if "decision" in each.told]
        for each in conversions:
            each.message_id = conversions[0].message_id
            each.told = self.conversion(each, decisions)

    def conversion(self, event: Event, decisions: list[Told]) -> Told:
        kept = {
            name: event.told[name] for name in event.told if name not in ("decision", "metadata")
        }
        # First: should there be too many attributes, it is they who are left out.
        return {"decisions": decisions, **kept} if self.generation.is_older else kept

    def attributes(self, given: Facts) -> Iterator[Told]:
        """Yield what is told of the visitor's attributes."""
        is_sent = is_something if self.generation.is_older else is_sendable
        for key, value in given.items():
            if not isinstance(key, str):
                continue
            entity_id = self.attribute_ids.get(key)
            if entity_id is None and key.startswith(RESERVED):
                entity_id = key
            if entity_id is not None and is_sent(value):
                yield attribute(entity_id, key, value)
        if isinstance(self.bot_filtering, bool):
            yield attribute(BOT_FILTERING, BOT_FILTERING, self.bot_filtering)


def attribute(entity_id: str, key: str, value: object) -> Told:
    return {"entity_id": entity_id, "key": key, "type": "custom", "value": value}


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
    if isinstance(value, SENT_AS_THEY_ARE):
        return True
    return isinstance(value, NUMBERS) and abs(value) <= LARGEST_NUMBER  # no NaN is


def metadata(occasion: Occasion) -> Told:
    """Return what today's generation tells beside a decision."""
    campaign, variation, feature = occasion.campaign, occasion.variation, occasion.feature
    if campaign is None or variation is None:
        key = feature.key if feature else ""
        return rule(key, "", RULE_TYPES[CampaignType.ROLLOUT], "", is_enabled=False)
    if feature is None:
        return rule("", campaign.key, "experiment", variation.name, is_enabled=True)
    kind = RULE_TYPES[campaign.type]
    return rule(
        feature.key, campaign.key, kind, variation.name, is_enabled=variation.is_feature_enabled
    )


def rule(flag_key: str, rule_key: str, kind: str, variation_key: str, *, is_enabled: bool) -> Told:
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
