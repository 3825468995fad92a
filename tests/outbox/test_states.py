"""Whatever happens to events, in whatever order: no state is left that nobody gets out of."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TransactionTestCase

from django_vwo.dialects import get_dialect
from django_vwo.dialects.base import Request
from django_vwo.dialects.vwo import visitor_key_for
from django_vwo.erasure import erase
from django_vwo.models import Breaker, Event, EventStatus
from django_vwo.outbox.claim import claim
from django_vwo.outbox.delivery import Route
from django_vwo.outbox.drain import drain
from django_vwo.outbox.upkeep import prune, resend
from django_vwo.transport import Answer, TransportError

from .samples import ACCOUNT, QUICK, SENDER, impression, make_due, record, scope

FINISHED = {EventStatus.SENT, EventStatus.DUPLICATE, EventStatus.CANCELLED}
ACCEPTS = st.sampled_from([200, 204])
REFUSES = st.sampled_from([302, 400, 401, 413, 422, 429, 500, 503])
VISITORS = st.integers(0, 9)
ANSWERS = st.lists(ACCEPTS | REFUSES | st.sampled_from(["none", "lost", "killed"]), max_size=6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(1, 4)),
        st.tuples(st.just("deliver"), ANSWERS),
        st.tuples(st.just("deliver"), ANSWERS),
        st.tuples(st.just("die"), st.booleans()),
        st.tuples(st.just("wait"), st.none()),
        st.tuples(st.just("erase"), VISITORS),
        st.tuples(st.just("resend"), st.none()),
        st.tuples(st.just("prune"), st.none()),
    ),
    max_size=14,
)
EVERYTHING: list[tuple[str, Any]] = [
    ("record", 1),
    ("deliver", [413]),
    ("record", 1),
    *[("deliver", [400]), ("wait", None)] * 3,
    ("erase", 0),
    ("resend", None),
    ("record", 4),
    ("deliver", ["none"]),
    ("wait", None),
    ("deliver", [200]),
    ("record", 4),
    ("die", True),
    ("erase", 7),
    ("wait", None),
    ("deliver", ["killed"]),
    ("deliver", ["lost"]),
    ("prune", None),
]
key_for = visitor_key_for(ACCOUNT)


class Killed(BaseException):
    """The end of a process that can still tidy up, as by a time limit."""


class World:
    """The outbox, a vendor, and what is known of both. Each event has a visitor of its own."""

    def __init__(self) -> None:
        self.recorded: dict[UUID, str] = {}
        """Message id to user id."""
        self.accepted: Counter[str] = Counter()
        """Visitor key to how often the vendor took its event."""
        self.erased: set[str] = set()
        self.pruned: set[UUID] = set()
        self.answers: list[Any] = []

    def send(self, request: Request, meanwhile: Callable[[], Any], **options: Any) -> Answer:
        """Answer as the script says, then with success."""
        meanwhile()
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "none":
            raise TransportError("vendor.example", "timed out")
        if answer in ("lost", 200, 204):
            self.accepted.update(each["u"] for each in entries_of(request))
        if answer == "lost":
            raise TransportError("vendor.example", "the connection was closed")
        if answer == "killed":
            raise Killed
        return Answer(status=answer, headers={"content-type": "application/json"}, body=b"{}")

    def record(self, count: int) -> None:
        for _ in range(count):
            user_id = f"user-{len(self.recorded)}"
            event = impression(user_id, visitor=key_for(user_id))
            record(event)
            self.recorded[event.uuid] = user_id

    def deliver(self, answers: list[Any]) -> None:
        self.answers = list(answers)
        route = Route(
            sender=SENDER, dialect=get_dialect("vwo"), timeouts=QUICK, batch_size=3, send=self.send
        )
        with suppress(Killed):
            drain(time.monotonic() + 60, route=route, chance=lambda: 0.0)

    def die(self, is_accepted: bool) -> None:
        """Have a worker end that holds events, before the vendor has them or after."""
        batch = claim(scope(), 3)
        if batch and is_accepted:
            self.accepted.update(row.visitor for row in batch.rows)

    def wait(self, _: None) -> None:
        make_due()
        Breaker.objects.update(open_until=datetime(2020, 1, 1, tzinfo=UTC))

    def erase(self, number: int) -> None:
        erase(f"user-{number}")
        self.erased |= {f"user-{number}"} & set(self.recorded.values())

    def resend(self, _: None) -> None:
        resend(Event.objects.all())

    def prune(self, _: None) -> None:
        may_go = set(Event.objects.filter(status__in=FINISHED).values_list("uuid", flat=True))
        prune(0)
        gone = self.recorded.keys() - self.pruned - uuids()
        assert gone <= may_go
        self.pruned |= gone

    def check(self) -> None:
        """Raise `AssertionError` for a state that must not be."""
        assert uuids() == self.recorded.keys() - self.pruned, "none is lost, none is another"
        for row in Event.objects.all():
            user_id = self.recorded[row.uuid]
            assert (row.due_at is not None) == (row.status == EventStatus.PENDING)
            assert row.user_id == ("" if user_id in self.erased else user_id)
            assert row.status != EventStatus.SENT or self.accepted[key_for(user_id)]
            assert row.status != EventStatus.CANCELLED or user_id in self.erased

    def settle(self) -> None:
        """Let the vendor take everything from now on, and time pass."""
        for _ in range(4):
            self.wait(None)
            self.deliver([])
        self.check()
        dead = Event.objects.filter(status=EventStatus.DEAD).values_list("uuid", flat=True)
        for uuid in self.recorded.keys() - set(dead):
            user_id = self.recorded[uuid]
            assert self.accepted[key_for(user_id)] or user_id in self.erased
        assert not Event.objects.filter(status=EventStatus.PENDING).exists()


def entries_of(request: Request) -> list[dict[str, Any]]:
    return list(json.loads(request.body)["ev"])


def uuids() -> set[UUID]:
    return set(Event.objects.values_list("uuid", flat=True))


class StateTests(TransactionTestCase):
    """Over random steps."""

    @settings(deadline=None, max_examples=10)
    @given(STEPS)
    @example(EVERYTHING)
    def test_no_event_is_lost_or_stuck_whatever_happens(self, steps: list[tuple[str, Any]]) -> None:
        world = World()
        for name, given_to_it in steps:
            before = Counter(world.accepted)
            step: Callable[[Any], None] = getattr(world, name)
            step(given_to_it)
            world.check()
            for visitor in map(key_for, world.erased if name != "erase" else ()):
                assert world.accepted[visitor] == before[visitor], "nobody's events are sent"
        world.settle()
