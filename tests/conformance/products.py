"""Documents in which everything is combined with everything: flags, and operands with values."""

from __future__ import annotations

from collections.abc import Iterator

from .documents import Case, campaign, document, split, variation
from .generated import ABSENT, combined
from .generated_segments import TYPED_VALUES, all_operands
from .oracle import Call, Session
from .plays import Play, one_act
from .visitors import user_id

STATES = (ABSENT, False, True, None)
FORCED = [
    variation(1, "Control", 60),
    variation(2, "Variation-1", 40, segments={"custom_variable": {"plan": "gold"}}),
]
VISITORS = 2
ACCOUNT_FLAGS = {"isNB": STATES, "isNBv2": STATES, "isEventArchEnabled": (ABSENT, False, True)}
CAMPAIGN_FLAGS = {
    "isOB": STATES,
    "isOBv2": STATES,
    "isBucketingSeedEnabled": (ABSENT, False, True),
    "isForcedVariationEnabled": (ABSENT, False, True),
    "isMAB": (ABSENT, False, True),
}
OPERANDS_AT_ONCE = 120


def flag_plays() -> Iterator[tuple[str, Play]]:
    """Yield a name and a play for each account; its campaigns have all combinations of flags."""
    for number, account in enumerate(combined(ACCOUNT_FLAGS)):
        flagged = enumerate(combined(CAMPAIGN_FLAGS), 1)
        campaigns = [
            campaign(f"c{id_}", id_, FORCED, percentTraffic=60, goals=[], **flags)
            for id_, flags in flagged
        ]
        whole = Case(name=f"flags of {account}", document=document(*campaigns, **account))
        visitors = [user_id(VISITORS * number + each) for each in range(VISITORS)]
        sessions = [flag_session(each["key"], who) for each in campaigns for who in visitors]
        yield str(account), one_act(whole, sessions, has_storage=bool(number % 2))


def flag_session(key: str, who: str) -> Session:
    """Return what is asked about one campaign by one visitor."""
    gold = {"variation_targeting_variables": {"plan": "gold"}}
    call = Call(method="activate", args=(key, who))
    return Session(calls=[call, Call(method="activate", args=(key, who), kwargs=gold)])


def operand_plays() -> Iterator[Play]:
    """Yield plays in which every operand meets every value."""
    operands = all_operands()
    for start in range(0, len(operands), OPERANDS_AT_ONCE):
        campaigns = [
            campaign(f"o{number}", number, split(100), goals=[], segments={"custom_variable": leaf})
            for number, leaf in enumerate(
                ({"plan": each} for each in operands[start : start + OPERANDS_AT_ONCE]), 1
            )
        ]
        whole = Case(name="operands and values", document=document(*campaigns, isNB=True))
        sessions = [Session(calls=[*asking(each["key"])]) for each in campaigns]
        yield one_act(whole, sessions, has_storage=False)


def asking(key: str) -> Iterator[Call]:
    """Yield a call of one campaign for each value."""
    for value in TYPED_VALUES:
        given = {"custom_variables": {"plan": value}}
        yield Call(method="get_variation_name", args=(key, "Bob"), kwargs=given)
