"""One run: servers, processes and accidents, then rest, then the comparison."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
from django.core.management import call_command
from django.db import connection

from tests.collector import Collector
from tests.outbox.processes import wait_until
from tests.own_servers import OwnServer

from .collecting import Books, is_poison
from .fleet import (
    BATCH_SIZE,
    Fleet,
    Member,
    celery_worker,
    environment,
    plain_worker,
    shopper,
)
from .servers import ACCIDENTS, BROKERS, DATABASES
from .truth import Report, compare

CHANCE = 0.01
"""That a worker kills itself at a point."""
PAUSE_SECONDS = (0.3, 2.0)
"""Between two accidents: from, to."""
BEGIN_SECONDS = 120.0
"""How long it may take until the first events are delivered."""
REST_SECONDS = 120.0
"""How long it may take at the end until nothing is on its way."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run."""

    database: str
    brokers: Sequence[str]
    seconds: float
    seed: int
    folder: Path
    has_planted_loss: bool = False
    """Whether the workers have the fault that the suite is there to find."""


@dataclass
class Run:
    """A run that is going on."""

    plan: Plan
    books: Books
    servers: Sequence[OwnServer]
    fleet: Fleet
    accidents: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)

    def begin(self) -> None:
        """Wait until a visitor's events have arrived: on a busy machine that takes a while."""
        wait_until(lambda: bool(self.books.accepted), BEGIN_SECONDS)

    def go_on(self) -> None:
        """Let accidents happen until the time is up."""
        end = time.monotonic() + self.plan.seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self.chance.uniform(*PAUSE_SECONDS)))
            name, happen = self.next_accident()
            self.accidents[name] += 1
            happen()

    def next_accident(self) -> tuple[str, Callable[[], object]]:
        """Return what happens next: to a process mostly, else to a server."""
        if self.chance.random() < 0.7:
            member = self.fleet.one(self.chance)
            if self.chance.random() < 0.25:
                return f"{member.name} frozen", member.freeze
            return f"{member.name} killed", lambda: member.send(signal.SIGKILL)
        server = self.chance.choice(self.servers)
        name, happen = self.chance.choice(list(ACCIDENTS[type(server)].items()))
        return name, partial(happen, server)

    def come_to_rest(self) -> float:
        """
        Let the workers deliver what is left, undisturbed. Returns how many seconds it took.

        Where nothing but bad events is left, nothing tells that they are to blame and not the
        account: one good visitor comes by as long as something waits.
        """
        self.fleet.dismiss("shopper")
        self.books.has_bad_days = False
        began = time.monotonic()
        while pending() and time.monotonic() < began + REST_SECONDS:
            receive_a_visitor()
            with suppress(AssertionError):
                wait_until(lambda: not pending(), 2.0)
        return time.monotonic() - began


def pending() -> int:
    """Return how many events are on their way."""
    from django_vwo.models import Event, EventStatus

    connection.close_if_unusable_or_obsolete()
    return Event.objects.filter(status=EventStatus.PENDING).count()


def receive_a_visitor() -> None:
    """Record what a visitor does whose events the collector takes."""
    from django_vwo.client import get_client

    client = get_client()
    user_id = next(each for each in iter(lambda: uuid4().hex, "") if is_welcome(client, each))
    client.activate("pricing-page", user_id)
    client.track("pricing-page", user_id, "signup")


def is_welcome(client: Any, user_id: str) -> bool:
    return not is_poison(client.campaigns.visitor_key(user_id))


def carry_out(plan: Plan) -> Report:
    """Return what the run came to. Skips, as a test would, if a server is not to be had."""
    with running(plan) as run:
        run.begin()
        run.go_on()
        rest_seconds = run.come_to_rest()
        kills = kills_of(plan.folder)
        happened = run.accidents.total() + kills.total() + run.books.replies_lost()
        return compare(
            plan.folder,
            run.books,
            happened * BATCH_SIZE,
            database=plan.database,
            brokers=list(plan.brokers),
            seed=plan.seed,
            seconds=plan.seconds,
            rest_seconds=round(rest_seconds, 1),
            accidents=dict(run.accidents),
            kills_at_points=dict(kills),
            collector_faults=dict(run.books.faults),
        )


def kills_of(folder: Path) -> Counter[str]:
    """Return how many workers killed themselves, by the point at which they did."""
    path = folder / "kills"
    return Counter(path.read_text().split("\n")[:-1] if path.exists() else ())


@contextmanager
def running(plan: Plan) -> Iterator[Run]:
    """Start everything; end it afterwards, and nothing is left of it."""
    books = Books(plan.seed)
    with ExitStack() as stack:
        database = stack.enter_context(DATABASES[plan.database]().running())
        brokers = [stack.enter_context(BROKERS[name]().running()) for name in plan.brokers]
        collector = stack.enter_context(Collector())
        collector.rule = books.answer
        variables = environment(plan.folder, database.url, collector.url)
        prepare_database(variables)
        stack.callback(connection.close)
        fleet = stack.enter_context(Fleet(members(plan, variables, brokers)))
        yield Run(plan, books, [database, *brokers], fleet)


def prepare_database(variables: dict[str, str]) -> None:
    """Make this process one of the site, too, and the tables."""
    os.environ.update(variables)
    django.setup()
    call_command("migrate", verbosity=0)


def members(plan: Plan, variables: dict[str, str], brokers: Sequence[Any]) -> list[Member]:
    """Return the fleet: for each broker a web server and a worker, and a worker without any."""
    log = plan.folder / "log"
    mortal = {**variables, "CHAOS_CHANCE": str(CHANCE)}
    if plan.has_planted_loss:
        mortal["CHAOS_LOSS"] = "yes"
    served = [shopper(variables, broker.url, log) for broker in brokers]
    working = [
        celery_worker(mortal, broker.url, f"chaos-{name}", log)
        for name, broker in zip(plan.brokers, brokers, strict=True)
    ]
    return [
        *(served or [shopper(variables, "memory://", log)]),
        *working,
        plain_worker(mortal, log),
    ]
