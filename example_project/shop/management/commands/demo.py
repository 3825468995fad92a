"""``manage.py demo``: the whole shop at work, with visitors, accidents and a final count."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from typing import Any

from collector import CollectorError
from demo.processes import DemoError
from demo.run import Demo, Options
from django.core.management.base import BaseCommand, CommandError

from django_vwo.conf import app_settings
from django_vwo.dialects import DIALECTS


class Command(BaseCommand):
    help = (
        "Starts the shop, a Celery worker and a collector that stands in for the vendor, sends "
        "visitors through the pages, and compares what the admin shows with what was received."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dialect",
            choices=DIALECTS,
            default=app_settings().dialect,
            help="the vendor that the shop and the collector speak to each other as",
        )
        parser.add_argument("--visitors", type=int, default=400, metavar="N")
        parser.add_argument("--serve", action="store_true", help="keep the shop running afterwards")
        parser.add_argument("--shop-port", type=int, default=0, help="0 takes any that is free")
        parser.add_argument("--collector-port", type=int, default=0, help="likewise")

    def handle(self, **given: Any) -> None:
        if given["visitors"] < 1:
            raise CommandError("--visitors is the number of visitors: 1 or more.")
        options = Options(
            dialect=given["dialect"],
            visitors=given["visitors"],
            serves=given["serve"],
            shop_port=given["shop_port"],
            collector_port=given["collector_port"],
        )
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            ended_well = Demo(options, sys.stdout).run()
        except (DemoError, CollectorError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=130) from None
        finally:
            signal.signal(signal.SIGTERM, before)
        if not ended_well:
            raise CommandError("The demo did not end as it should: see above.")
