"""People who browse the shop: what they do follows from their number, so runs are alike."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median

import requests

COFFEES = ("lighthouse", "breakwater", "low-tide", "night-ferry")
PLANS = ("dinghy", "trawler", "schooner")
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
)
COMES_BACK_AFTER = 40
"""So many others arrive between the two visits of one visitor."""
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class BadPageError(Exception):
    """A page that no visitor should see."""


@dataclass
class Visitor:
    """One of them, with a browser that keeps cookies."""

    number: int
    shop: str
    session: requests.Session = field(default_factory=requests.Session)
    seconds: list[float] = field(default_factory=list)
    """What each page took."""
    page: str = ""
    """The HTML of the last one."""
    token: str = ""

    def __post_init__(self) -> None:
        self.session.trust_env = False  # no proxy stands between a visitor and this machine
        self.session.headers["User-Agent"] = BROWSERS[self.number % len(BROWSERS)]

    @property
    def buys(self) -> bool:
        return self.number % 4 == 0

    @property
    def looks_at_signup(self) -> bool:
        return self.number % 5 < 2

    @property
    def comes_back(self) -> bool:
        return self.number % 6 == 0

    def visit(self) -> None:
        """Come for the first time."""
        self.get("/")
        if self.number % 10 < 8:
            self.get("/subscriptions/")
        if self.buys:
            self.buy()
        if self.looks_at_signup:
            self.look_at_signup()
        self.session.close()

    def visit_again(self) -> None:
        """Come back, with the cookies of the first time."""
        self.get("/")
        self.get("/subscriptions/")
        if self.buys:
            self.buy()
        self.session.close()

    def buy(self) -> None:
        goods = PLANS if self.number % 8 == 0 else COFFEES
        self.get("/subscriptions/" if goods is PLANS else "/")
        self.post(f"/basket/add/{goods[self.number // 4 % len(goods)]}/")
        self.get("/checkout/")
        self.post("/checkout/", name="", email="nobody")  # is told of the mistakes
        express = {"express": "1"} if 'name="express"' in self.page else {}
        who = f"visitor{self.number}"
        self.post("/checkout/", name=who.title(), email=f"{who}@example.com", **express)

    def look_at_signup(self) -> None:
        if self.number % 20 == 5:
            self.open_two_tabs("/newsletter/")
        self.get("/newsletter/")
        if self.number % 5 == 0:
            self.post("/newsletter/", email=f"visitor{self.number}@example.com")

    def open_two_tabs(self, path: str) -> None:
        """Ask for a page twice at the same moment."""
        windows = [Visitor(self.number, self.shop) for _ in range(2)]
        for window in windows:
            window.session.cookies.update(self.session.cookies)
        with ThreadPoolExecutor(2) as tabs:
            list(tabs.map(lambda window: window.get(path), windows))
        for window in windows:
            self.seconds += window.seconds
            window.session.close()

    def get(self, path: str) -> None:
        self.see(self.session.get, path)

    def post(self, path: str, **fields: str) -> None:
        data = {**fields, "csrfmiddlewaretoken": self.token}
        self.see(self.session.post, path, data=data)

    def see(self, method: object, path: str, **options: object) -> None:
        started = time.perf_counter()
        answer = method(self.shop + path, timeout=30, **options)  # type: ignore[operator]
        self.seconds.append((time.perf_counter() - started) / (1 + len(answer.history)))
        if answer.status_code != 200:
            raise BadPageError(f"answered {path} with {answer.status_code}")
        self.page = answer.text
        if token := TOKEN.search(self.page):
            self.token = token[1]


class Crowd:
    """*count* visitors, some of whom come twice, *at_once* at a time. A context: it ends them."""

    def __init__(self, shop: str, count: int, at_once: int = 6) -> None:
        self.visitors = [Visitor(number, shop) for number in range(count)]
        self.visits = sum(2 if visitor.comes_back else 1 for visitor in self.visitors)
        self.pool = ThreadPoolExecutor(at_once)
        self.futures: list[Future[None]] = []

    def __enter__(self) -> Crowd:
        first: dict[int, Future[None]] = {}
        for visitor, is_first in self.arrivals():
            if is_first:
                first[visitor.number] = self.pool.submit(visitor.visit)
            else:
                self.futures.append(self.pool.submit(come_back, visitor, first[visitor.number]))
        self.futures.extend(first.values())
        return self

    def __exit__(self, *exception: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def arrivals(self) -> Iterator[tuple[Visitor, bool]]:
        """Yield who arrives, in order, and whether for the first time."""
        again = [visitor for visitor in self.visitors if visitor.comes_back]
        for visitor in self.visitors:
            yield visitor, True
            if again and visitor.number >= again[0].number + COMES_BACK_AFTER:
                yield again.pop(0), False
        yield from ((visitor, False) for visitor in again)

    @property
    def done(self) -> int:
        """How many visits are over. Raises what went wrong in one of them."""
        over = [future for future in self.futures if future.done()]
        for future in over:
            future.result()
        return len(over)

    @property
    def pages(self) -> int:
        return sum(len(visitor.seconds) for visitor in self.visitors)

    @property
    def median_milliseconds(self) -> float:
        """What a page took as a visitor saw it."""
        return 1000 * median(second for visitor in self.visitors for second in visitor.seconds)


def come_back(visitor: Visitor, first: Future[None]) -> None:
    """Visit again once the first visit is over: it was queued before, so it ends."""
    first.result()
    visitor.visit_again()
