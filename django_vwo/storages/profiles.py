"""User storage in what a site has written as Optimizely's user profile service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..engine.entities import Assignment, Visitor
from ..engine.errors import VWOError
from ..failures import describe
from ..logs import logger
from .base import NewAssignment, UserStorage, Writing
from .plugging import plugged
from .sdk import after_commit, database
from .writing import WaitingChange, waiting_changes

METHODS = ("lookup", "save")
USER_ID, EXPERIMENTS, VARIATION = "user_id", "experiment_bucket_map", "variation_id"

Profile = dict[str, Any]


class ProfileStorage(UserStorage):
    """
    Keeps assignments in *service*, a user profile service for Optimizely's own SDKs.

    *service* is the class, an instance, or the dotted path of either. Its `lookup(user_id)` returns
    a profile or None, its `save(profile)` keeps one; a `forget(user_id)`, which the SDKs do not ask
    for, erases all of a visitor's. It cannot be told to keep only what is new: of two first
    requests at the same time, the later one may overwrite the other.

    What is decided in a transaction is kept once that is committed. Where the service fails, the
    visitor is decided on as if nothing were remembered, and nothing is saved.
    """

    def __init__(self, service: object) -> None:
        self.service = plugged("service", service, METHODS)

    def read(
        self, visitor: Visitor, goal_identifier: str | None = None
    ) -> Mapping[str, Assignment]:
        try:
            entries = self.profile(visitor)[EXPERIMENTS]
        except Exception as error:
            logger.error("A user profile could not be looked up: %s", describe(error))
            return {}
        found = {key: variation_in(entry) for key, entry in entries.items()}
        return {key: Assignment(variation) for key, variation in found.items() if variation}

    def profile(self, visitor: Visitor) -> Profile:
        """Return the profile of *visitor*, as it will be after the commit."""
        profile = whole_profile(self.service.lookup(visitor.user_id), visitor)
        for change in waiting_changes(database(), visitor, ProfileChange):
            profile = change.applied_to(profile)
        return profile

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        writing = ProfileWriting(self)
        yield writing
        for change in writing.changes:
            after_commit(change)

    def forget(self, visitor: Visitor) -> None:
        if not callable(getattr(self.service, "forget", None)):
            name = type(self.service).__qualname__
            raise VWOError(f"Nothing was erased: {name} has no method forget(user_id).")
        forgetting = ForgottenProfile(database(), visitor, self.service)
        forgetting.make()
        if waiting_changes(database(), visitor, ProfileChange):
            after_commit(forgetting)


class ProfileWriting(Writing):
    """Writes when everything that goes with it was recorded: what is saved cannot be taken back."""

    def __init__(self, storage: ProfileStorage) -> None:
        self.storage = storage
        self.changes: list[ProfileChange] = []

    def add(self, visitor: Visitor, new: NewAssignment) -> str:
        change = AddedEntry(database(), visitor, self.storage.service, new)
        profile = change.applied_to(self.storage.profile(visitor))
        self.changes.append(change)
        return variation_in(profile[EXPERIMENTS][new.key]) or new.variation


@dataclass(frozen=True, slots=True)
class ProfileChange(WaitingChange):
    """A change of a visitor's profile."""

    service: Any

    def make_whole(self) -> None:
        """Make the change in no transaction of ours: how profiles are kept is the site's affair."""
        self.make()

    def applied_to(self, profile: Profile) -> Profile:
        """Return what becomes of *profile*."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AddedEntry(ProfileChange):
    """An assignment to remember."""

    new: NewAssignment

    def make(self) -> None:
        before = whole_profile(self.service.lookup(self.visitor.user_id), self.visitor)
        after = self.applied_to(before)
        if after is not before:
            self.service.save(after)

    def applied_to(self, profile: Profile) -> Profile:
        entries = profile[EXPERIMENTS]
        if variation_in(entries.get(self.new.key)) not in (None, self.new.replaces):
            return profile
        added = {**entries, self.new.key: {VARIATION: self.new.variation}}
        return {USER_ID: profile[USER_ID], EXPERIMENTS: added}


class ForgottenProfile(ProfileChange):
    """A visitor to forget, again: changes that wait since before must not bring them back."""

    def make(self) -> None:
        self.service.forget(self.visitor.user_id)

    def applied_to(self, profile: Profile) -> Profile:
        return {USER_ID: profile[USER_ID], EXPERIMENTS: {}}


def whole_profile(found: object, visitor: Visitor) -> Profile:
    """Return *found* without what has no place in a profile; an empty one where it is none."""
    if isinstance(found, Mapping) and USER_ID in found:
        entries = found.get(EXPERIMENTS)
        if isinstance(entries, Mapping):
            return {USER_ID: found[USER_ID], EXPERIMENTS: dict(entries)}
    return {USER_ID: visitor.user_id, EXPERIMENTS: {}}


def variation_in(entry: object) -> str | None:
    """Return the id of the variation that *entry* of a profile names."""
    found = entry.get(VARIATION) if isinstance(entry, Mapping) else None
    return found if isinstance(found, str) and found else None
