"""
What a page pays for the app, beside the same page without it: statements and milliseconds.

The site of ``pages_site`` runs on gunicorn (one sync worker), its async pages on uvicorn, with a
database of its own on the server of ``DATABASE_URL`` that is dropped afterwards; without that, on
an SQLite file. ``wrk``, or else this process, asks for the pages on one connection, in turns and in
another order each round. Each page makes a query of the site's own. What a page pays that leaves
``request.vwo`` alone is less than can be seen from there: Django's handlers are called directly.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

import load
from delivery import database, where
from figures import Machine, busy, machine, percentile
from track_under_faults import delete_queue

Pairs = list[tuple[float, ...]]

SYNC = ("plain", "one", "ten", "tracked")
PAGES = {
    "gunicorn": [*SYNC, "order/plain", "order/tracked", "atomic/plain", "atomic/tracked"],
    "uvicorn": [f"async/{name}" for name in SYNC],
}
WIDTH = 46
MEANINGS = {
    "empty": "request.vwo unused",
    "plain": "request.vwo unused",
    "one": "one decision",
    "ten": "ten decisions",
    "tracked": "an activate and a track",
}
KINDS = {
    "": "",
    "order": ", on an order",
    "atomic": ", in its transaction",
    "async": ", async",
}
WARM_UP_SECONDS = 0.5
BATCHES, REQUESTS_AT_ONCE = 10, 100
UNUSED_TARGET_US = 10.0
TRACKED_TARGET_MS = 1.2
WRITTEN = ("unused", "statements", "medians", "quick")
CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


def arguments() -> argparse.Namespace:
    """Return how long to measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one page in one round")
    parser.add_argument("--servers", nargs="+", choices=list(PAGES), default=list(PAGES))
    parser.add_argument("--broker", help="address of a broker: as on sites that use Celery")
    parser.add_argument("--json", type=Path, help="file to write all rounds to")
    return parser.parse_args()


@dataclass
class Figures:
    """What one run came to."""

    unused: dict[str, Pairs] = field(default_factory=dict)
    """By page, microseconds of a page without and with the middleware, by round."""
    statements: dict[str, Counter[str]] = field(default_factory=dict)
    """By page, the verbs of what the app sends to the database."""
    medians: dict[str, Pairs] = field(default_factory=dict)
    """By page, the median microseconds without and with the app, by round."""
    quick: dict[str, Pairs] = field(default_factory=dict)
    """The same of the quickest tenth: as if others left the machine alone."""
    machines: list[Machine] = field(default_factory=list)


# --- In this process -----------------------------------------------------------------------------


def request_for(page: str, goal: str = "") -> Any:
    """Return a request of a returning visitor for *page*, where they reach *goal*."""
    from django.test import RequestFactory

    factory = RequestFactory()
    factory.cookies["vwo_visitor"] = load.visitor(0)
    return factory.get(f"/{page}", {"goal": goal})


def statements_of(page: str, goal: str) -> list[str]:
    """Return the verbs of what *page* sends to the database."""
    from asgiref.sync import async_to_sync
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from django_vwo.transactions import SAVEPOINT

    answer: Callable[[Any], Any] = WSGIHandler().get_response
    if page.startswith("async/"):
        answer = async_to_sync(ASGIHandler().get_response_async)
    request = request_for(page, goal)
    with CaptureQueriesContext(connection) as captured:
        assert answer(request).status_code == 200
    # In one message with its savepoint, a query is the query.
    queries = [query["sql"].removeprefix(f"SAVEPOINT {SAVEPOINT}; ") for query in captured]
    return [query.lstrip("( ").split()[0].upper() for query in queries]


def count_statements(figures: Figures) -> None:
    """Count what the app sends to the database for each page, once the process is warm."""
    from pages_site import GOALS

    goals = map(load.goal, reversed(range(GOALS)))
    statements_of("tracked", next(goals))
    for page in (page for pages in PAGES.values() for page in pages):
        verbs = Counter(statements_of(page, next(goals)))
        figures.statements[page] = verbs - Counter(statements_of(plain(page), ""))


def plain(page: str) -> str:
    """Return the page that does the same as *page*, but leaves ``request.vwo`` alone."""
    return "/".join([*page.split("/")[:-1], "plain"])


def without(page: str) -> str:
    """Return the page that is compared with *page*: it is answered without the middleware."""
    return f"without/{plain(page)}"


def measure_unused(figures: Figures, rounds: int) -> None:
    """Measure an empty page on the handlers, sync and async."""
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from pages_site import handlers

    sync = [handler.get_response for handler in handlers(WSGIHandler)]
    figures.unused["empty"] = in_turns(
        lambda index, requests: time_sync(sync[index], requests), "empty", rounds
    )
    coroutines = [handler.get_response_async for handler in handlers(ASGIHandler)]
    figures.unused["async/empty"] = in_turns(
        lambda index, requests: asyncio.run(time_async(coroutines[index], requests)),
        "async/empty",
        rounds,
    )


def in_turns(measure: Callable[[int, list[Any]], float], page: str, rounds: int) -> Pairs:
    """Return microseconds without and with the middleware, by round: of its quickest batches."""
    found: Pairs = []
    gc.collect()
    for _ in range(rounds):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(BATCHES):
            for index in random.sample((0, 1), 2):
                requests = [request_for(page) for _ in range(REQUESTS_AT_ONCE)]
                times[index].append(measure(index, requests))
        found.append((min(times[1]), min(times[0])))
    return found


def time_sync(answer: Callable[[Any], Any], requests: list[Any]) -> float:
    """Return the microseconds of a request."""
    started = time.perf_counter()
    for request in requests:
        answer(request)
    return (time.perf_counter() - started) / len(requests) * 1e6


async def time_async(answer: Callable[[Any], Any], requests: list[Any]) -> float:
    """Return the microseconds of a request."""
    started = time.perf_counter()
    for request in requests:
        await answer(request)
    return (time.perf_counter() - started) / len(requests) * 1e6


# --- On a web server -----------------------------------------------------------------------------


def show_everything() -> None:
    """Have all visitors been shown everything."""
    from pages_site import TESTS

    from django_vwo.dialects.vwo.bucketing import visitor_key_for
    from django_vwo.models import Assignment
    from tests.documents import ACCOUNT_ID

    visitor_key = visitor_key_for(ACCOUNT_ID)
    Assignment.objects.bulk_create(
        Assignment(
            visitor=visitor_key(user_id),
            user_id=user_id,
            assignment_key=key,
            variation="Control",
        )
        for user_id in map(load.visitor, range(load.VISITORS))
        for key in ("pricing-page", *TESTS)
    )


@contextmanager
def serving(server: str, broker: str | None) -> Iterator[int]:
    """Run *server* inside; yields its port."""
    from tests.faults.web_servers import GUNICORN, port_of
    from tests.outbox.processes import database_url, running

    here = Path(__file__).parent
    commands = {
        "gunicorn": [*GUNICORN, "pages_site:wsgi()"],
        "uvicorn": ["-m", "uvicorn", "--port=0", "--no-access-log", "--factory", "pages_site:asgi"],
    }
    queue = f"django_vwo_benchmark_{uuid4().hex}"
    variables = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)]),
        "PAGES_ARE_ASYNC": str(int(server == "uvicorn")),
        "PAGES_BROKER": broker or "",
        "PAGES_QUEUE": queue,
    }
    try:
        with running(*commands[server], environment=variables) as process:
            yield port_of(process)
    finally:
        if broker:
            delete_queue(broker, queue)


class Asking:
    """Asks for pages, and counts what is to be recorded by that."""

    def __init__(self) -> None:
        self.asked = self.tracked = 0

    def __call__(
        self, port: int, page: str, seconds: float, ask: load.Ask = load.ask
    ) -> load.Answers:
        """Return how *page* answered."""
        answers = ask(port, page, seconds, self.asked)
        assert answers.count, f"{page}: no answer."
        assert not answers.failed, f"{page}: {answers.failed} of {answers.count} failed."
        if page.endswith("tracked"):
            self.asked += answers.count + 10  # one may have been under way
            self.tracked += answers.count
        return answers


def measure_pages(figures: Figures, server: str, asking: Asking, asked: argparse.Namespace) -> None:
    """Measure the pages of *server* and the same without the app, round by round."""
    from django_vwo.models import Event

    pages = PAGES[server]
    bare = {without(page) for page in pages}
    with serving(server, asked.broker) as port:
        recorded, tracked = Event.objects.count(), asking.tracked
        for page in {*pages, *bare}:
            asking(port, page, WARM_UP_SECONDS, load.by_hand)  # which waits for the server
        for _ in range(asked.rounds):
            figures.machines.append(machine())
            order = [*pages, *bare]
            random.shuffle(order)
            answers = {page: asking(port, page, asked.seconds) for page in order}
            for page in pages:
                pair = (answers[without(page)], answers[page])
                figures.medians.setdefault(page, []).append(tuple(each.median for each in pair))
                figures.quick.setdefault(page, []).append(tuple(each.quick for each in pair))
            print(".", end="", file=sys.stderr, flush=True)
        recorded, tracked = Event.objects.count() - recorded, asking.tracked - tracked
    assert tracked <= recorded, f"Of {tracked} goals {recorded} were recorded."


# --- What comes out ------------------------------------------------------------------------------


def lines(
    medians: Mapping[str, Pairs], quick: Mapping[str, Pairs] = MappingProxyType({})
) -> Iterator[str]:
    """Yield what each page pays, in microseconds."""
    for page, pairs in medians.items():
        more = [whole - bare for bare, whole in pairs]
        low, high = percentile(more, 0.25), percentile(more, 0.75)
        ratio = statistics.median(whole / bare for bare, whole in pairs)
        bare, whole = (statistics.median(each) for each in zip(*pairs, strict=True))
        quickest = f"{median_of_more(quick[page]):10,.0f}" if page in quick else f"{'':10}"
        yield (
            f"{title(page):{WIDTH}}{statistics.median(more):10,.1f}"
            f"{f'{low:,.0f} to {high:,.0f}':>20}{quickest}{ratio:8.2f}{bare:10,.1f}{whole:10,.1f}"
        )


def title(page: str) -> str:
    """Return *page* in words."""
    kind, _, name = page.rpartition("/")
    return MEANINGS[name] + KINDS[kind]


def queries(verbs: Counter[str]) -> str:
    """Return how many of *verbs* are queries, and how many other statements go with them."""
    control = sum(verbs[verb] for verb in CONTROL)
    return f"{verbs.total() - control} queries, {control} statements for savepoints"


def show(figures: Figures, asked: argparse.Namespace) -> None:
    """Print what was found."""
    head = f"{'more':>10}{'middle half':>20}{'quick':>10}{'ratio':>8}{'without':>10}{'with':>10}"
    print(f"{where()}; {asked.rounds} rounds, in µs; others used {busy(figures.machines)}")
    print(f"\n{'an empty page, on the handler':{WIDTH}}{head}")
    print(*lines(figures.unused), sep="\n")
    for server in asked.servers:
        found = {page: figures.medians[page] for page in PAGES[server]}
        print(f"\n{f'{server}, asked by {load.NAME}':{WIDTH}}{head}")
        print(*lines(found, figures.quick), sep="\n")
    print()
    for page, verbs in figures.statements.items():
        print(f"{title(page):{WIDTH}} {queries(verbs)}")
    print(f"\n{verdict(figures)}")


def verdict(figures: Figures) -> str:
    """Return whether the targets are met."""
    unused = max(median_of_more(pairs) for pairs in figures.unused.values())
    tracked = median_of_more(figures.medians["tracked"]) / 1e3
    found = (
        (f"Unused it costs {unused:.1f} µs", unused, f"{UNUSED_TARGET_US:g} µs"),
        (f"an activate and a track cost {tracked:.2f} ms", tracked, f"{TRACKED_TARGET_MS:g} ms"),
    )
    return "; ".join(
        f"{told}: {'within' if cost <= float(target.split()[0]) else 'NOT within'} {target}"
        for told, cost, target in found
    )


def median_of_more(pairs: Pairs) -> float:
    return statistics.median(after - before for before, after in pairs)


def main() -> None:
    asked, figures, asking = arguments(), Figures(), Asking()
    with database("pages_site"):
        show_everything()
        measure_unused(figures, asked.rounds)
        count_statements(figures)
        for server in asked.servers:
            measure_pages(figures, server, asking, asked)
        show(figures, asked)
        if asked.json:
            content = {"where": where(), **{name: getattr(figures, name) for name in WRITTEN}}
            asked.json.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
