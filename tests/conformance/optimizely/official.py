"""
Optimizely's SDKs, each asked from a process of its own: `optimizely_server.py` answers there.

    with OfficialSDK(TODAY) as sdk:
        performance = sdk.perform(document, calls, profiles={})
        performance.answers[0].result, performance.answers[0].sent
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.oracle import Call, Environment, Process, decode, encode

SERVER = Path(__file__).with_name("optimizely_server.py")


def environment_of(version: str, *modules: str) -> Environment:
    """Return the environment of one version of `optimizely-sdk`."""
    return Environment(
        name="optimizely",
        version=version,
        tools=("setuptools<81", "wheel"),  # the mmh3 of 2.1.1 has a legacy build
        requirements=(f"optimizely-sdk=={version}",),
        modules=("optimizely.optimizely", *modules),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """A generation of Full Stack, and the SDK that it is compared with."""

    name: str
    """As the setting `GENERATION` has it."""
    environment: Environment

    @property
    def is_today(self) -> bool:
        return self.name == "today"

    def __str__(self) -> str:
        return self.environment.version


MISSION = Generation(name="2.1", environment=environment_of("2.1.1", "mmh3"))
TODAY = Generation(name="today", environment=environment_of("5.7.0"))
GENERATIONS = (MISSION, TODAY)

Profiles = Mapping[Any, Any]
"""What a user profile service holds, by user id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one call of an SDK came to."""

    result: Any
    error: str | None
    """The name of the exception that left the SDK."""
    sent: list[dict[str, Any]]
    """Each request: url, method, headers, and the body as an object."""
    saved: dict[Any, Any]
    """The profiles that have changed, by user id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """What calls on one datafile came to."""

    refused: str | None
    """Why the SDK did not take the datafile: the name of an exception, or "invalid"."""
    answers: list[Answer]


class OfficialSDK(Process):
    """A process of Optimizely's SDK in the version of a generation."""

    server = SERVER

    def __init__(self, generation: Generation, directory: Path | None = None) -> None:
        super().__init__(directory)
        self.generation = generation
        self.environment = generation.environment

    def perform(
        self,
        document: Mapping[str, Any] | str,
        calls: Sequence[Call] = (),
        *,
        profiles: Profiles | None = None,
        continues: bool = False,
    ) -> Performance:
        """
        Return what the SDK makes of *calls* on *document*, with a profile service if given.

        It is a new one, unless it *continues* with another datafile, which today's can.
        """
        held = None if profiles is None else [[key, value] for key, value in profiles.items()]
        answered = self.ask(
            {
                "op": "perform",
                "document": document if isinstance(document, str) else json.dumps(document),
                "profiles": encode(held),
                "calls": [call.encoded() for call in calls],
                "continues": continues,
            }
        )
        answers = [answer_from(each) for each in answered["answers"]]
        return Performance(refused=answered["refused"], answers=answers)


def answer_from(encoded: Mapping[str, Any]) -> Answer:
    """Return the answer that the server wrote."""
    return Answer(
        result=decode(encoded["result"]),
        error=encoded["error"],
        sent=encoded["sent"],
        saved={decode(key): decode(profile) for key, profile in encoded["saved"]},
    )
