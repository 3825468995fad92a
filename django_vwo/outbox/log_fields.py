"""What the log records of the delivery road carry beside their message, for formatters of JSON."""

from __future__ import annotations

from enum import StrEnum


class What(StrEnum):
    """What a record is about."""

    BATCH_DELIVERED = "batch delivered"
    BREAKER_CLOSED = "breaker closed"
    BREAKER_OPENED = "breaker opened"
    DATABASE_AWAY = "database away"
    EVENTS_DEAD = "events dead"
    LEASE_ABANDONED = "lease abandoned"
    LEASE_LOST = "lease lost"
    NOT_RENDERABLE = "not renderable"
    NOTHING_DELIVERED = "nothing delivered"
    NUDGE_FAILED = "nudge failed"
    TASK_CUT_SHORT = "task cut short"


def log_fields(
    what: What,
    *,
    account: str | None = None,
    events: int | None = None,
    requests: int | None = None,
    seconds: float | None = None,
    wait_seconds: float | None = None,
    status: int | None = None,
) -> dict[str, object]:
    """
    Return the ``extra`` of a log record: what is known of it, no secret and no user id.

    >>> log_fields(What.EVENTS_DEAD, account="123456", events=1)
    {'vwo_what': 'events dead', 'vwo_account': '123456', 'vwo_events': 1}
    """
    given = {
        "what": what.value,
        "account": account,
        "events": events,
        "requests": requests,
        "seconds": seconds if seconds is None else round(seconds, 3),
        "wait_seconds": wait_seconds if wait_seconds is None else round(wait_seconds, 3),
        "status": status,
    }
    return {f"vwo_{name}": value for name, value in given.items() if value is not None}
