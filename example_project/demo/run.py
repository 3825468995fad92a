"""The demo from beginning to end."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TextIO

from collector import Collector

from .accidents import READY, Accidents
from .processes import PROJECT, Process
from .progress import Progress, progress
from .report import Journal, report
from .site import Site, speaking
from .visitors import BadPageError, Crowd

ANSWER_SECONDS = 0.02
DELIVERY_SECONDS = 60
BEFORE_ACCIDENTS = 0.25
"""Share of the visits that are over when the collector goes away."""


@dataclass(frozen=True, kw_only=True)
class Options:
    dialect: str
    visitors: int
    serves: bool
    shop_port: int
    collector_port: int


class Demo:
    """One run of the shop, its visitors and its accidents. *out* takes what it has to say."""

    def __init__(self, options: Options, out: TextIO) -> None:
        self.options, self.out = options, out
        self.journal = Journal()
        self.progress: Progress | None = None

    def say(self, text: str = "") -> None:
        """Print *text*, above the bar if there is one."""
        if self.progress:
            self.progress.say(text)
        else:
            print(text, file=self.out, flush=True)

    def run(self) -> bool:
        """Return whether the admin and the collector agree. Raises `DemoError`."""
        with ExitStack() as stack:
            stack.enter_context(speaking(self.options.dialect))
            collector = self.collector(stack)
            self.say("Preparing a database, an administrator and the settings document ...")
            site = Site(collector.url, self.options.dialect, collector.vendor.account)
            site.fetch_document()
            self.say("Starting the web server and a Celery worker ...")
            web = stack.enter_context(site.web(self.options.shop_port))
            accidents = stack.enter_context(closing(Accidents(site, collector, self.say)))
            shop = web.wait_for(r"http://127\.0\.0\.1:\d+(?=/)")[0]
            accidents.worker.wait_for(READY)
            self.say(f"The shop is at {shop}, the collector at {collector.url}.\n")
            try:
                self.let_visitors_in(shop, accidents)
            except BadPageError as error:
                raise web.error(str(error)) from error
            self.wait_for_delivery(accidents)
            agrees = report(collector.vendor.campaigns, collector.tally, self.journal, self.say)
            if self.options.serves:
                self.serve(shop, site, web)
        return agrees

    def collector(self, stack: ExitStack) -> Collector:
        collector = Collector(
            PROJECT / f"{self.options.dialect}.json",
            port=self.options.collector_port,
            answer_seconds=ANSWER_SECONDS,
        )
        collector.start()
        return stack.enter_context(closing(collector))

    def let_visitors_in(self, shop: str, accidents: Accidents) -> None:
        """Return when every visit is over; the accidents start on the way."""
        with Crowd(shop, self.options.visitors) as crowd, self.showing("Visits") as shown:
            self.journal.visits_start(crowd)
            while (done := crowd.done) < crowd.visits:
                shown.show(done, crowd.visits, self.remark(accidents))
                if not accidents.ident and done >= crowd.visits * BEFORE_ACCIDENTS - 2:
                    accidents.start()
                accidents.check()
                time.sleep(0.2)
            shown.show(done, crowd.visits, self.remark(accidents))
        self.journal.visits_end()

    def wait_for_delivery(self, accidents: Accidents) -> None:
        """Return when every event is delivered, or when that takes too long."""
        deadline = time.monotonic() + DELIVERY_SECONDS
        with self.showing("Events delivered") as shown:
            while time.monotonic() < deadline:
                accidents.check()
                states = self.journal.states()
                shown.show(states.total - states.pending, states.total, accidents.remark)
                if not states.pending and not accidents.is_alive():
                    break
                time.sleep(0.2)

    def remark(self, accidents: Accidents) -> str:
        states = self.journal.states()
        delivered = f"{states.total - states.pending} of {states.total} events delivered"
        return f"{delivered}, {accidents.remark}" if accidents.remark else delivered

    def showing(self, what: str) -> Progress:
        self.progress = progress(what, self.out, on_close=self.forget_progress)
        return self.progress

    def forget_progress(self) -> None:
        self.progress = None

    def serve(self, shop: str, site: Site, web: Process) -> None:
        """Keep everything running until Ctrl-C."""
        self.say(f"\nThe shop:  {shop}/")
        self.say(f"The admin: {shop}/admin/  (user demo, password {site.password})")
        self.say("Ctrl-C ends it.")
        try:
            while web.is_running:
                time.sleep(0.5)
        except KeyboardInterrupt:
            return
        raise web.error("is gone")
