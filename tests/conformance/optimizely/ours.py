"""Our side: the client under Optimizely's names, with all that it records as it would be sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from django_vwo.client import Client
from django_vwo.dialects import get_dialect, load
from django_vwo.dialects.base import Options, Sender
from django_vwo.engine.entities import CampaignSet
from django_vwo.engine.errors import DocumentError
from django_vwo.optimizely import Optimizely
from django_vwo.recorders.memory import MemoryRecorder
from django_vwo.storages.profiles import ProfileStorage
from tests.conformance.oracle import Call

from .official import Generation, Profiles
from .outcomes import Outcome, Performed, text_of, visitors_told, with_changes


class Service:
    """A user profile service in memory: what it is given, and what it gives, are copies."""

    def __init__(self, profiles: Profiles) -> None:
        self.profiles = dict(profiles)
        self.saved: dict[Any, Any] = {}

    def lookup(self, user_id: Any) -> Any:
        """Return the profile of a user, or `None`."""
        return copy.deepcopy(self.profiles.get(user_id))

    def save(self, profile: Any) -> None:
        """Keep *profile* in place of an older one."""
        user_id = profile["user_id"]
        if self.profiles.get(user_id) != profile:
            self.profiles[user_id] = self.saved[user_id] = copy.deepcopy(profile)

    def take(self) -> dict[Any, Any]:
        """Return what has changed since the last call."""
        taken, self.saved = self.saved, {}
        return taken


class OurSide:
    """The project, as a generation of Optimizely's SDK."""

    def __init__(self, generation: Generation) -> None:
        self.options = Options(generation=generation.name, tracks_undecided=True)
        self.site = Site(None)

    def perform(
        self,
        document: Mapping[str, Any],
        calls: Sequence[Call],
        profiles: Profiles | None,
        *,
        continues: bool = False,
    ) -> Performed:
        """Return what we make of *calls*."""
        try:
            campaigns = load(json.dumps(document), source="generated", options=self.options)
        except DocumentError:
            return Performed(is_refused=True, outcomes=[], profiles=profiles)
        if not continues:
            self.site = Site(profiles)
        self.site.campaigns = campaigns
        outcomes = [self.site.outcome(call) for call in calls]
        return Performed(
            is_refused=False, outcomes=outcomes, profiles=with_changes(profiles, outcomes)
        )


class Site:
    """A client, and where one sees what it does."""

    def __init__(self, profiles: Profiles | None) -> None:
        self.campaigns: CampaignSet | None = None
        self.service = None if profiles is None else Service(profiles)
        self.recorder = MemoryRecorder()
        client = Client(
            lambda: self.campaigns,
            storage=self.service and ProfileStorage(self.service),
            recorder=self.recorder,
        )
        self.sdk, self.dialect = Optimizely(client), get_dialect("optimizely")

    def outcome(self, call: Call) -> Outcome:
        """Return what comes of *call*."""
        self.recorder.events.clear()
        result = getattr(self.sdk, call.method)(*copy.deepcopy(call.args))
        changed = self.service.take() if self.service else {}
        return Outcome(
            result=text_of(plain(result)),
            told=tuple(self.told()),
            saved=text_of(changed),
            changed=changed,
        )

    def told(self) -> list[str]:
        """Return each visitor that the service is told of."""
        events = list(self.recorder.events)
        if not events:
            return []
        try:
            request = self.dialect.render_batch(events, Sender(account_id="", sdk_key=""))
        except ValueError as error:
            return [f"cannot be told: {error}"]
        assert not request.query
        return visitors_told(
            {"url": request.url, "method": request.method, "body": json.loads(request.body)}
        )


def plain(result: Any) -> Any:
    """Return *result* as the SDK has it."""
    return asdict(result) if is_dataclass(result) and not isinstance(result, type) else result
