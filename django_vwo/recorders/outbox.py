"""The recorder of production: a row per event, in the caller's own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import router, transaction
from django.utils import timezone

from .. import signals
from ..conf import app_settings
from ..dialects import get_dialect
from ..engine.entities import GoalType
from ..engine.events import Event, Kind
from ..fields import DatabaseNow, database_time
from ..ledger_keys import dedup_key
from ..logs import logger
from ..models import ID_LENGTH, NAME_LENGTH
from ..models import Event as EventRow
from ..outbox.mailbox import poke
from ..transactions import whole
from .base import Recorder
from .cleaning import clean_properties, clean_revenue, clean_text, clean_told, revenue_amount
from .inserting import insert_one

if TYPE_CHECKING:
    from ..outbox.held import HeldEvent


VISITOR_LENGTH = 32
USER_ID_LENGTH = 16 * 1024
USER_AGENT_LENGTH = 1024
IP_ADDRESS_LENGTH = 64
ROWS_AT_ONCE = 500
EMPTY: tuple[object, ...] = (None, "", {})
CUSTOM, TOLD = "custom_properties", "told"


class OutboxRecorder(Recorder):
    """
    Appends events to the outbox, from where they are delivered once the transaction is committed.

    Values that a database would refuse are cleaned or left out, so that a bad one costs itself
    alone. Should the database refuse all the same, none of the call's events is kept, the caller's
    transaction goes on, and the error is raised.
    """

    asks_for_time = False
    """Whether a query more asks for the database's time: many rows are inserted faster with it."""

    def record(self, events: Sequence[Event]) -> None:
        if not events:
            return
        connection = transaction.get_connection(router.db_for_write(EventRow))
        version = get_dialect(app_settings().dialect).PAYLOAD_VERSION
        if len(events) == 1 and not self.asks_for_time:
            insert_one(connection, columns_of(events[0], version))
        else:
            self.insert(connection.alias, [row_of(event, version) for event in events])
        announce(connection.alias)
        signals.tell_events(signals.recorded, events)

    def insert(self, alias: str, rows: Sequence[EventRow]) -> None:
        """Insert *rows*, all or none."""
        with whole(alias):
            if self.asks_for_time:
                now = database_time(alias)
                for row in rows:
                    row.due_at = now
            EventRow.objects.using(alias).bulk_create(rows, batch_size=ROWS_AT_ONCE)

    def has_shown(self, visitor: str) -> bool:
        rows = EventRow.objects.using(router.db_for_write(EventRow)).order_by()
        shown = rows.filter(visitor=visitor, kind=Kind.IMPRESSION).exclude(campaign_id="")
        return shown.exists()


def announce(alias: str) -> None:
    """Have the workers nudged after the commit; where the site commits by hand, they find out."""
    connection = transaction.get_connection(alias)
    if connection.in_atomic_block or connection.get_autocommit():
        connection.on_commit(poke, robust=True)


def row_of(event: Event, payload_version: int) -> EventRow:
    """Return the row that holds *event*, cleaned."""
    return EventRow(due_at=DatabaseNow(), **columns_of(event, payload_version))


def columns_of(event: Event, payload_version: int) -> dict[str, Any]:
    """Return the columns of `row_of`, but for when it is due."""
    extra = extra_of(event)
    visitor = clean_text(event.visitor, VISITOR_LENGTH)
    return {
        "uuid": event.uuid,
        "kind": int(event.kind),
        "payload_version": payload_version,
        "account_id": clean_text(event.account_id, ID_LENGTH),
        "campaign_id": clean_text(event.campaign_id, ID_LENGTH),
        "campaign_key": clean_text(event.campaign_key, NAME_LENGTH),
        "variation_id": clean_text(event.variation_id, ID_LENGTH),
        "variation_name": clean_text(event.variation_name, NAME_LENGTH),
        "goal_id": clean_text(event.goal_id, ID_LENGTH),
        "goal_identifier": clean_text(event.goal_identifier, NAME_LENGTH),
        "user_id": clean_text(event.user_id, USER_ID_LENGTH),
        "visitor": visitor,
        "dedup_key": event.unique_key and dedup_key(visitor, event.unique_key),
        "occurred_at": stored_time(event.occurred_at),
        "revenue": revenue_amount(counted_revenue(event, extra)),
        "extra": extra,
    }


def extra_of(event: Event) -> dict[str, Any]:
    """Return what the row keeps of *event* beside its columns, cleaned."""
    revenue_prop = event.revenue_prop and clean_text(event.revenue_prop, NAME_LENGTH)
    properties, left_out = clean_properties(event.properties, first=revenue_prop or None)
    given = {} if event.custom_properties is None else {CUSTOM: event.custom_properties}
    custom, unfit = clean_properties(given)
    left_out += unfit
    extra = {
        "goal_type": clean_text(event.goal_type, NAME_LENGTH),
        "revenue": clean_revenue(event.revenue),
        "revenue_prop": revenue_prop,
        "properties": properties,
        **custom,
        TOLD: clean_told(event.told),
        "user_agent": clean_text(event.user_agent, USER_AGENT_LENGTH),
        "ip_address": clean_text(event.ip_address, IP_ADDRESS_LENGTH),
    }
    if left_out:
        message = "A %s was recorded without properties that are no JSON or too large: %s"
        logger.warning(message, event.kind.name.lower(), ", ".join(left_out[:10]))
    if event.revenue is not None and extra["revenue"] is None:
        message = "A %s was recorded without its revenue, which is no finite number"
        logger.warning(message, event.kind.name.lower())
    return {name: value for name, value in extra.items() if value not in EMPTY or name in custom}


def counted_revenue(event: Event, extra: Mapping[str, Any]) -> object:
    """Return the revenue that counts at the vendor: the call's, or the property that holds it."""
    if event.goal_type != GoalType.CUSTOM and "revenue" in extra:
        return extra["revenue"]
    return extra.get("properties", {}).get(extra.get("revenue_prop"))


def restore(row: EventRow | HeldEvent) -> Event:
    """Return the event that *row* holds. Raises `ValueError` or `TypeError` if it holds none."""
    extra = dict(row.extra)
    return Event(
        kind=Kind(row.kind),
        message_id=row.uuid.int,
        occurred_at=restored_time(row.occurred_at),
        account_id=row.account_id,
        user_id=row.user_id,
        visitor=row.visitor,
        campaign_id=row.campaign_id,
        campaign_key=row.campaign_key,
        variation_id=row.variation_id,
        variation_name=row.variation_name,
        goal_id=row.goal_id,
        goal_identifier=row.goal_identifier,
        goal_type=extra.get("goal_type", ""),
        revenue=extra.get("revenue"),
        revenue_prop=extra.get("revenue_prop"),
        properties=extra.get("properties", {}),
        custom_properties=extra.get(CUSTOM),
        told=extra.get(TOLD, {}),
        user_agent=extra.get("user_agent", ""),
        ip_address=extra.get("ip_address", ""),
    )


def stored_time(moment: datetime) -> datetime:
    """Return *moment* as the site's ``USE_TZ`` wants it stored."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if settings.USE_TZ else timezone.make_naive(moment)


def restored_time(moment: datetime) -> datetime:
    """Return the moment that was stored."""
    return moment if moment.tzinfo else timezone.make_aware(moment)
