"""The settings document that this process decides with, and how it follows a change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from django.core.signals import setting_changed

from ..conf import AppSettings, app_settings
from ..dialects import get_dialect
from ..dialects.base import Pace, Sender, full_speed
from ..engine.entities import CampaignSet
from ..transport import timeouts_of
from .http import HttpSource
from .pointer import InService, Pointer

_pointer = Pointer()


def current() -> CampaignSet | None:
    """Return the campaigns that this process decides with; None if it has no document."""
    return (_pointer.in_service or _pointer.start()).campaigns


def in_service() -> InService:
    """Return `current` with where it came from."""
    return _pointer.in_service or _pointer.start()


def refresh(pace: Pace = full_speed) -> bool:
    """
    Return whether this process changed to another document, after one look into the database.

    One that is new is loaded at that *pace*. Raises `DatabaseError` if the look fails; what is in
    service stays.
    """
    return _pointer.refresh(pace)


def sender() -> Sender:
    """Return on whose behalf requests are made now."""
    configured, campaigns = app_settings(), current()
    return Sender(
        account_id=configured.account_id or (campaigns.account_id if campaigns else ""),
        sdk_key=configured.sdk_key or (campaigns.sdk_key if campaigns else ""),
        base_url=configured.collector_url,
        collection_prefix=campaigns.collection_prefix if campaigns else "",
        has_event_properties=bool(campaigns and campaigns.has_event_properties),
        batches_events=configured.batch_events,
        usage=usage(configured),
    )


def usage(configured: AppSettings) -> Mapping[str, str]:
    """Return what is configured at launch, as the vendor's usage statistics name it."""
    is_told = {
        "eb": configured.batch_events,
        "ss": configured.user_storage is not None,
        "gt": configured.goal_type_to_track != "ALL",
    }
    return {name: "1" for name, told in is_told.items() if told}


def vendor(*, is_webhook: bool = False) -> HttpSource:
    """Return the source that asks the vendor."""
    configured = app_settings()
    dialect = get_dialect(configured.dialect)
    return HttpSource(sender(), dialect, timeouts=timeouts_of(configured), is_webhook=is_webhook)


def start_anew(**kwargs: Any) -> None:
    """Forget what is in service; the next use loads it."""
    global _pointer
    _pointer.stop()
    _pointer = Pointer()


def follow_fork() -> None:
    """Keep what the parent had in service; locks, threads and connections stay behind."""
    global _pointer
    _pointer = Pointer(inherited=_pointer.in_service)


def forget_document(*, setting: str, **kwargs: Any) -> None:
    """Start anew when a test changes ``settings.VWO``."""
    if setting == "VWO":
        start_anew()


setting_changed.connect(forget_document)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=follow_fork)
