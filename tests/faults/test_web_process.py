"""Web processes that end amid a request: what is committed arrives, and nothing else does."""

from __future__ import annotations

from contextlib import suppress

import pytest

from django_vwo.models import Assignment
from tests.collector import Collector
from tests.outbox.samples import rows

from .web_servers import GUNICORN, WSGI, assert_all_arrived, deliver, orders, serving

pytest.importorskip("gunicorn")

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

FATES = [
    pytest.param("dies before the commit", False, id="row 3, killed before the commit"),
    pytest.param("dies after the commit", True, id="row 3, killed after the commit"),
    pytest.param("fails", False, id="row 28, an error after the conversion"),
    pytest.param("leaves", False, id="row 32, SystemExit"),
    pytest.param("hangs", False, id="row 32, the server's time limit"),
]


@pytest.mark.parametrize(("fate", "is_kept"), FATES)
def test_an_order_and_its_events_are_kept_whole_or_not_at_all(
    collector: Collector, fate: str, is_kept: bool
) -> None:
    """Rows 3, 28 and 32: a request that ends before its time, on a real server."""
    with serving(*GUNICORN, "--timeout=2", WSGI, collector=collector) as server:
        server.insist("order", visitor="ann")
        with suppress(OSError):
            server.get("order", visitor="bob", fate=fate)
        server.insist("order", visitor="eve")

    assert orders() == {"ann", "eve"} | ({"bob"} if is_kept else set())
    assert len(rows()) == 2 * len(orders())
    assert Assignment.objects.count() == 2, "a process that died remembered nothing more"
    deliver(collector)
    assert_all_arrived(collector)
