"""Errors: what they say, that they travel, and what they keep to themselves."""

from __future__ import annotations

import pickle

import pytest

from django_vwo.engine.errors import (
    MISSING,
    CampaignError,
    Description,
    DocumentError,
    NoDocumentError,
    PausedCampaignError,
    RevenueError,
    UsageError,
    VWOError,
    shorten,
)

EXAMPLES = [
    DocumentError("vwo.json", "version", None, "a number or a string"),
    DocumentError("vwo.json", "the document", Description("HTML"), "JSON in UTF-8"),
    DocumentError("vwo.json", "campaigns", MISSING, "a list"),
    UsageError("activate", "user_id", "int", "a string"),
    RevenueError("track", "revenue_value", "bool", "a number"),
    CampaignError("activate", "no campaign"),
    PausedCampaignError("activate", "campaign 'a' is not running"),
    NoDocumentError(),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_a_pickle(error: VWOError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (EXAMPLES[0], "vwo.json: version is None; expected a number or a string."),
        (EXAMPLES[1], "vwo.json: the document is HTML; expected JSON in UTF-8."),
        (EXAMPLES[2], "vwo.json: campaigns is missing; expected a list."),
        (EXAMPLES[3], "activate: user_id (int) cannot be used; expected a string."),
        (EXAMPLES[5], "activate: no campaign."),
        (EXAMPLES[7], "No settings document is in service."),
    ],
)
def test_messages(error: VWOError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ("50%", "'50%'"),
        ("it's", '"it\'s"'),
        (MISSING, "missing"),
        ({"sdkKey": "secret"}, "an object"),
        (["secret"], "a list"),
        (12.5, "12.5"),
        (True, "True"),
        ("a" * 10_000, "'" + "a" * 58 + "…"),
        ("\ud800", "'\\ud800'"),
        (10**100, "1" + "0" * 58 + "…"),
        (Description("x" * 100), "x" * 100),
    ],
)
def test_what_was_found_is_shown_short(found: object, text: str) -> None:
    assert shorten(found) == text
