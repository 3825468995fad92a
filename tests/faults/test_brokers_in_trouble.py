"""Brokers that refuse, keep silent, forget or run short of memory: requests do not notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from subprocess import CalledProcessError
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser

from django_vwo.models import EventStatus
from tests.collector import Collector
from tests.conftest import Configure, Serve
from tests.outbox.processes import wait_until
from tests.outbox.samples import rows, statuses, visitors_of
from tests.own_servers import OwnBroker, OwnRabbit, OwnRedis, free_port

from .brokers import connecting_to_nobody, has_connected, silence
from .truth import drain_for_good

pytest.importorskip("celery")

from celery import Celery

from django_vwo.outbox import mailbox
from django_vwo.tasks import deliver
from tests.test_brokers import Site, all_are_sent
from tests.test_tasks import this_app

pytestmark = [
    pytest.mark.faults,
    pytest.mark.celery,
    pytest.mark.django_db(transaction=True),
]

URLS = {"redis": "redis://127.0.0.1:{}/0", "amqp": "amqp://guest:guest@127.0.0.1:{}//"}

Open = Callable[[str], AbstractContextManager["Shop"]]


def order(request: HttpRequest) -> HttpResponse:
    """Take an order, and tell of it."""
    Group.objects.create(name=uuid4().hex)
    request.vwo.activate("pricing-page")
    request.vwo.track("checkout", revenue_value=12.5)
    return HttpResponse()


class Shop(Site):
    """A site with a page, whose workers hear of its orders through a broker."""

    def __init__(self, url: str, collector: Collector) -> None:
        super().__init__(url, f"django_vwo_{uuid4().hex}", collector)
        self.orders = 0

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def take_orders(self, count: int = 5) -> None:
        """Have *count* new visitors order something; the request asks no broker, or it fails."""
        with connecting_to_nobody():
            for _ in range(count):
                assert Browser().get("/").status_code == 200
        self.orders += count
        assert Group.objects.count() == self.orders

    def wait_for_the_mailbox(self) -> None:
        """Return once the thread beside the requests asks the broker."""
        wait_until(lambda: has_connected("django_vwo.mailbox", self.port))

    def nudges(self) -> int:
        """Return how many nudges the broker has for workers to come; none before the first."""
        with deliver.app.connection_for_read() as connection:
            channel = connection.default_channel
            if connection.transport.driver_type == "redis":
                return int(channel.client.llen(self.queue))
            try:
                return int(channel.queue_declare(self.queue, passive=True).message_count)
            except connection.channel_errors:  # no queue yet
                return 0

    def wipe(self) -> None:
        """Have the broker forget its messages: a Redis everything, by FLUSHALL."""
        with deliver.app.connection_for_write() as connection:
            channel = connection.default_channel
            if connection.transport.driver_type == "redis":
                channel.client.flushall()
            else:
                channel.queue_purge(self.queue)

    def assert_all_is_delivered_once(self) -> None:
        """Fail unless the collector has the impression and the conversion of each order, once."""
        assert set(statuses()) == {EventStatus.SENT}
        visitors = [row.visitor for row in rows()]
        assert len(visitors) == 2 * self.orders
        assert sorted(visitors_of(self.collector.entries)) == sorted(visitors)


@pytest.fixture
def open_shop(site: Configure, serve: Serve, collector: Collector) -> Open:
    """Return a function that opens a shop whose broker is at an address."""

    @contextmanager
    def opened(url: str) -> Iterator[Shop]:
        shop = Shop(url, collector)
        site(DELIVERY="celery", QUEUE=shop.queue, NUDGE_SECONDS=0.01, COLLECTOR_URL=collector.url)
        serve(order)
        app = Celery("django_vwo_web", broker=url, set_as_current=False)
        with this_app(app):
            mailbox.start_anew()
            yield shop
        app.close()

    return opened


@contextmanager
def mailbox_stops_afterwards() -> Iterator[None]:
    """Leave no thread behind; inside of this the broker has to end that a thread waits for."""
    yield
    mailbox._mailbox.stop()
    mailbox.start_anew()


@pytest.mark.parametrize("scheme", URLS)
def test_a_broker_that_refuses_changes_no_request(open_shop: Open, scheme: str) -> None:
    """Row 4, from the start: nobody listens; the sweep delivers."""
    with open_shop(URLS[scheme].format(free_port())) as shop, mailbox_stops_afterwards():
        shop.take_orders()
        shop.wait_for_the_mailbox()
        shop.take_orders()
        drain_for_good(shop.collector)
        shop.assert_all_is_delivered_once()


@pytest.mark.parametrize("scheme", URLS)
def test_a_broker_that_keeps_silent_changes_no_request(open_shop: Open, scheme: str) -> None:
    """Row 5: connections are taken, nothing is read; the sweep delivers."""
    url = URLS[scheme].format
    with mailbox_stops_afterwards(), silence() as port, open_shop(url(port)) as shop:
        shop.take_orders()
        shop.wait_for_the_mailbox()
        shop.take_orders()
        drain_for_good(shop.collector)
        shop.assert_all_is_delivered_once()


@pytest.fixture(scope="module")
def rabbit() -> Iterator[OwnRabbit]:
    with OwnRabbit().running() as node:
        yield node


@pytest.fixture(params=["redis", "amqp"])
def broker(request: pytest.FixtureRequest) -> Iterator[OwnBroker]:
    if request.param == "amqp":
        yield request.getfixturevalue("rabbit")
        return
    with OwnRedis().running() as redis:
        yield redis


def test_a_broker_that_goes_and_forgets_delays_and_loses_nothing(
    open_shop: Open, broker: OwnBroker
) -> None:
    """Rows 4, later on, and 6: nudges are lost with the broker; the worker's sweep delivers."""
    with open_shop(broker.url) as shop, mailbox_stops_afterwards():
        shop.take_orders()
        shop.wait_for_the_mailbox()
        broker.stop()
        shop.take_orders()
        broker.start_empty()
        with shop.worker():
            wait_until(all_are_sent, seconds=60)
        shop.assert_all_is_delivered_once()


def test_a_broker_that_is_wiped_delays_and_loses_nothing(
    open_shop: Open, broker: OwnBroker
) -> None:
    """Row 6: FLUSHALL, or a purge of the queue; the sweep of a worker that starts delivers."""
    with open_shop(broker.url) as shop, mailbox_stops_afterwards():
        shop.take_orders()
        wait_until(lambda: shop.nudges() > 0)
        mailbox._mailbox.stop()
        shop.wipe()
        assert shop.nudges() == 0
        with shop.worker():
            wait_until(all_are_sent, seconds=60)
        shop.assert_all_is_delivered_once()


def test_a_broker_that_is_wiped_under_a_worker_delays_and_loses_nothing(
    open_shop: Open, broker: OwnBroker
) -> None:
    """Row 6: connections last, and what Redis knows of its queues is gone, too."""
    with open_shop(broker.url) as shop, mailbox_stops_afterwards(), shop.worker():
        shop.take_orders()
        wait_until(all_are_sent, seconds=60)
        shop.wipe()
        shop.take_orders()
        wait_until(all_are_sent, seconds=60)
        shop.assert_all_is_delivered_once()


def is_alarmed(rabbit: OwnRabbit) -> bool:
    """Return whether the broker holds up who publishes."""
    try:
        rabbit.control("eval", "[_ | _] = rabbit_alarm:get_alarms().")
    except CalledProcessError:
        return False
    return True


def test_a_broker_short_of_memory_changes_no_request(open_shop: Open, rabbit: OwnRabbit) -> None:
    """Row 7: RabbitMQ's memory alarm; once it is over, the worker delivers."""
    with open_shop(rabbit.url) as shop, mailbox_stops_afterwards():
        assert not is_alarmed(rabbit)
        with rabbit.alarm():
            wait_until(lambda: is_alarmed(rabbit))
            shop.take_orders()
            shop.wait_for_the_mailbox()
            shop.take_orders()
        with shop.worker():
            wait_until(all_are_sent, seconds=60)
        shop.assert_all_is_delivered_once()
