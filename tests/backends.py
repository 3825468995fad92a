"""User storages for tests: real ones, with something to watch or to suffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from django_vwo.engine.entities import Assignment, Visitor
from django_vwo.storages.base import UserStorage, Writing


class CountingStorage(UserStorage):
    """Keeps count of how it is read."""

    def __init__(self, storage: UserStorage) -> None:
        self.storage = storage
        self.reads: list[str | None] = []
        """The goal that each reader asked for."""

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        self.reads.append(goal_identifier)
        return self.storage.read(visitor, goal_identifier)

    def writing(self) -> AbstractContextManager[Writing]:
        return self.storage.writing()

    def add_goals(self, visitor: Visitor, keys: Sequence[str], goal_identifier: str) -> None:
        self.storage.add_goals(visitor, keys, goal_identifier)

    def forget(self, visitor: Visitor) -> None:
        self.storage.forget(visitor)


class LaggingStorage(CountingStorage):
    """Shows what was there at the start: nothing."""

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        return {}


class SiteStorage:
    """What a site has written for VWO's own SDKs, with the one method more that can erase."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        """User id and campaign key of each `get`."""
        for record in records:
            self.set(record)

    def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        self.asked.append((user_id, campaign_key))
        return self.records.get((user_id, campaign_key))

    def set(self, record: dict[str, Any]) -> None:
        self.records[record["userId"], record["campaignKey"]] = dict(record)

    def forget(self, user_id: str) -> None:
        self.records = {ids: kept for ids, kept in self.records.items() if ids[0] != user_id}


class ProfileService:
    """What a site has written for Optimizely's SDKs, with the one method more that can erase."""

    def __init__(self, *profiles: dict[str, Any]) -> None:
        self.profiles: dict[str, Any] = {each["user_id"]: each for each in profiles}

    def lookup(self, user_id: str) -> Any:
        return self.profiles.get(user_id)

    def save(self, profile: dict[str, Any]) -> None:
        self.profiles[profile["user_id"]] = dict(profile)

    def forget(self, user_id: str) -> None:
        self.profiles.pop(user_id, None)
