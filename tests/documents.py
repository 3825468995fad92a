"""The settings document of the test site, and variations of it."""

from __future__ import annotations

from typing import Any

ACCOUNT_ID = 123456
DOCUMENT_KEY = "document-sdk-key"

SIGNUP = {"id": 21, "identifier": "signup", "type": "CUSTOM_GOAL"}
CHECKOUT = {"id": 22, "identifier": "checkout", "type": "REVENUE_TRACKING"}
VISIT = {"id": 23, "identifier": "visit", "type": "CUSTOM_GOAL", "mca": -1}


def variable(key: str, kind: str, value: object) -> dict[str, Any]:
    return {"id": 1, "key": key, "type": kind, "value": value}


def ab_test(key: str = "pricing-page", **changes: Any) -> dict[str, Any]:
    """Return a running A/B test of all visitors: half of them see the control."""
    return {
        "id": 7,
        "key": key,
        "name": key,
        "type": "VISUAL_AB",
        "status": "RUNNING",
        "percentTraffic": 100,
        "goals": [SIGNUP, CHECKOUT, VISIT],
        "variations": [
            {"id": 1, "name": "Control", "weight": 50, "changes": {}},
            {"id": 2, "name": "Variation-1", "weight": 50, "changes": {}},
        ],
        **changes,
    }


def only(variation: str, **changes: Any) -> dict[str, Any]:
    """Return the A/B test with one variation, which every visitor gets."""
    return ab_test(variations=[{"id": 9, "name": variation, "weight": 100}], **changes)


def feature_test() -> dict[str, Any]:
    """Return a feature test with the feature on for everybody."""
    variables = [
        variable("colour", "string", "<b>red</b>"),
        variable("columns", "integer", 3),
        variable("labels", "json", {"buy": "Buy"}),
    ]
    arm = {"id": 1, "name": "On", "weight": 100, "isFeatureEnabled": True, "variables": variables}
    return ab_test("new-nav", id=8, type="FEATURE_TEST", variations=[arm])


def rollout(percent_traffic: int = 100) -> dict[str, Any]:
    """Return a rollout."""
    return ab_test(
        "dark-mode",
        id=9,
        type="FEATURE_ROLLOUT",
        percentTraffic=percent_traffic,
        goals=[],
        variables=[variable("contrast", "double", 4.5)],
        variations=[{"id": 1, "name": "website", "weight": 100}],
    )


def document(*campaigns: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a settings document of *campaigns*; without any, of one of each type."""
    return {
        "version": 1,
        "accountId": ACCOUNT_ID,
        "sdkKey": DOCUMENT_KEY,
        "campaigns": list(campaigns or (ab_test(), feature_test(), rollout())),
        **changes,
    }


def sharing_a_goal(count: int) -> dict[str, Any]:
    """Return a document of *count* A/B tests, all with the same goals."""
    return document(*(ab_test(f"test-{number}", id=100 + number) for number in range(count)))
