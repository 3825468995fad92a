"""What is said at the end, and whether all is well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from collector import Campaign, Tally
from django.db.models import Count, Q

from django_vwo.models import Event, EventStatus

from .figures import Figures, admin_figures, collector_figures, differences, shown, table
from .visitors import Crowd

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class States:
    """How many events there are, and how far they have got."""

    total: int
    pending: int
    sent: int
    duplicate: int
    dead: int
    retried: int


class Journal:
    """What happened when."""

    def __init__(self) -> None:
        self.started = self.doors_opened = self.doors_closed = time.monotonic()
        self.crowd: Crowd | None = None

    def visits_start(self, crowd: Crowd) -> None:
        self.crowd, self.doors_opened = crowd, time.monotonic()

    def visits_end(self) -> None:
        self.doors_closed = time.monotonic()

    def states(self) -> States:
        """Return how far the events of the demo's database have got."""

        def count(state: EventStatus) -> Count:
            return Count("pk", filter=Q(status=state))

        return States(
            **Event.objects.aggregate(
                total=Count("pk"),
                pending=count(EventStatus.PENDING),
                sent=count(EventStatus.SENT),
                duplicate=count(EventStatus.DUPLICATE),
                dead=count(EventStatus.DEAD),
                retried=Count("pk", filter=Q(attempts__gt=1)),
            )
        )


def report(campaigns: Sequence[Campaign], tally: Tally, journal: Journal, say: Say) -> bool:
    """Print the figures; return whether the admin and the collector agree on all of them."""
    admin, received = admin_figures(campaigns), collector_figures(campaigns, tally)
    states = journal.states()
    wrong = problems(states, admin, received, tally.refused)
    for line in ("", table(campaigns, admin, received), "", *facts(journal, states, tally), ""):
        say(line)
    for line in wrong or ["The admin and the collector agree on every figure."]:
        say(line)
    return not wrong


def facts(journal: Journal, states: States, tally: Tally) -> Iterator[str]:
    """Yield what is worth knowing of the run, a line each."""
    if crowd := journal.crowd:
        yield (
            f"Visitors   {len(crowd.visitors):,}, who came {crowd.visits:,} times and opened "
            f"{crowd.pages:,} pages in "
            f"{journal.doors_closed - journal.doors_opened:.1f} s; "
            f"the median page took {crowd.median_milliseconds:.0f} ms."
        )
    yield (
        f"Events     {states.total:,} recorded: {states.sent:,} delivered, "
        f"{states.duplicate:,} held back as duplicates, {states.dead:,} failed, "
        f"{states.pending:,} pending; {states.retried:,} needed more than one attempt."
    )
    yield (
        f"Collector  {tally.received:,} events received in {tally.requests:,} requests; "
        f"{tally.repeated:,} came again and changed no figure."
    )
    yield f"Time       {time.monotonic() - journal.started:.1f} s in all."


def problems(
    states: States, admin: Figures, received: Figures, refused: Sequence[str] = ()
) -> list[str]:
    """Return what is not as it should be, a line each; nothing if all is well."""
    found = [f"The collector refused a request: {reason}." for reason in refused]
    if not any(received.values()):
        found.append("The collector received nothing.")
    if unfinished := states.pending + states.dead:
        were = "event was" if unfinished == 1 else "events were"
        found.append(f"{unfinished} {were} not delivered.")
    for place in differences(admin, received):
        here, there = (shown(one.get(place, Decimal(0)), place[-1]) for one in (admin, received))
        found.append(f"{' / '.join(place)}: {here} in the admin, {there} at the collector.")
    return found
