"""Events by the million, as sites record them; a copy of them, to begin each round with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.db import connection
from django.db.models import F, Model, Value
from django.db.models.functions import Concat, Substr

from django_vwo.engine.events import Event, Kind, new_message_id, unique_key
from django_vwo.models import Event as EventRow
from django_vwo.models import LedgerEntry
from django_vwo.outbox import claim
from django_vwo.outbox.claim import Scope
from django_vwo.recorders.outbox import row_of

ACCOUNT = "123456"
COPY = "benchmark_backlog"
SEED_ROWS = 10_000
"""So many are made by the recorder's function; the database makes the others from them."""
ROWS_AT_ONCE = 1_000
APART = timedelta(microseconds=100)
"""Between two commits: ten thousand a second."""
INDEX = "django_vwo_event_due"
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)


def event(number: int) -> Event:
    """Return the impression, or the conversion with its revenue, of every other *number*."""
    is_conversion = bool(number % 2)
    visitor = uuid5(NAMESPACE_URL, str(number // 2))
    kind, goal = (Kind.CONVERSION, "checkout-complete") if is_conversion else (Kind.IMPRESSION, "")
    return Event(
        kind=kind,
        message_id=new_message_id(),
        occurred_at=datetime.now(UTC),
        account_id=ACCOUNT,
        user_id=visitor.hex,
        visitor=visitor.hex.upper(),
        campaign_id="41",
        campaign_key="pricing-page",
        variation_id="2",
        variation_name="Variation-1",
        goal_id="201" if is_conversion else "",
        goal_identifier=goal,
        goal_type="REVENUE_TRACKING" if is_conversion else "",
        revenue=12.5 if is_conversion else None,
        unique_key=unique_key(kind, "pricing-page", "Variation-1", goal),
        user_agent=BROWSER,
        ip_address="203.0.113.9",
    )


def load(count: int) -> None:
    """Fill the outbox with *count* pending events, and keep a copy of them."""
    empty()
    first = datetime.now(UTC) - count * APART
    seed = list(rows(min(count, SEED_ROWS), first))
    EventRow.objects.bulk_create(seed, batch_size=ROWS_AT_ONCE)
    for number in range(1, -(-count // SEED_ROWS)):
        multiply(number, min(SEED_ROWS, count - number * SEED_ROWS))
    execute(f"DROP TABLE IF EXISTS {COPY}")
    execute(f"CREATE TABLE {COPY} AS SELECT * FROM {EventRow._meta.db_table}")
    execute(f"CREATE INDEX {COPY}_id ON {COPY} (id)")
    settle()


def rows(count: int, first: datetime) -> Iterator[EventRow]:
    """Yield *count* rows as the recorder makes them, each due when its own commit would be."""
    for number in range(count):
        row = row_of(event(number), payload_version=1)
        row.due_at = first + number * APART
        yield row


def multiply(number: int, count: int) -> None:
    """Have the first *count* events again, of other visitors, due after those that are there."""
    prefix = Value(f"{number:04X}")
    changed = {
        "visitor": Concat(prefix, Substr("visitor", 5)),
        "dedup_key": Concat(prefix, Substr("dedup_key", 5)),
        "due_at": F("due_at") + number * SEED_ROWS * APART,
    }
    columns = [field.column for field in EventRow._meta.fields if not field.primary_key]
    chosen = EventRow.objects.order_by("id").annotate(
        **{f"new_{name}": expression for name, expression in changed.items()}
    )
    names = [f"new_{name}" if name in changed else name for name in columns]
    select, parameters = chosen.values_list(*names)[:count].query.get_compiler("default").as_sql()
    execute(f"INSERT INTO {EventRow._meta.db_table} ({', '.join(columns)}) {select}", parameters)


def refill(count: int) -> None:
    """Have the first *count* events of the copy pending, and no others."""
    empty()
    table = EventRow._meta.db_table
    execute(f"INSERT INTO {table} SELECT * FROM {COPY} ORDER BY id LIMIT {count}")
    settle()


def empty() -> None:
    """Leave no event and no ledger entry."""
    for model in (EventRow, LedgerEntry):
        verb = "DELETE FROM" if connection.vendor == "sqlite" else "TRUNCATE TABLE"
        execute(f"{verb} {model._meta.db_table}")


def settle() -> None:
    """Have the database do now what it would do in the middle of a round."""
    tables = f"{EventRow._meta.db_table}, {LedgerEntry._meta.db_table}"
    statements = {
        "postgresql": [f"VACUUM (ANALYZE) {tables}", "CHECKPOINT"],
        "mysql": [f"ANALYZE TABLE {tables}"],
        "sqlite": ["PRAGMA wal_checkpoint(TRUNCATE)"],
    }
    for statement in statements[connection.vendor]:
        execute(statement)


def execute(statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Return the rows of what *statement* answers, if it answers at all."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def scope() -> Scope:
    """Return the events of the backlog, held so long that no lease ends in a round."""
    return Scope(alias="default", account_id=ACCOUNT, payload_version=1, lease_seconds=3600)


def plan(limit: int) -> str:
    """Return how the database looks for a batch. Raises `AssertionError` without the index."""
    told = claim.due(scope())[:limit].explain()
    assert INDEX in told, f"The claim does not use {INDEX}:\n{told}"
    assert not re.search(r"filesort|TEMP B-TREE|Sort Key", told), f"The claim sorts:\n{told}"
    return told


def sizes(model: type[Model]) -> dict[str, int]:
    """Return the bytes of *model*'s table, under its name, and of each of its indexes."""
    found = execute(SIZES[connection.vendor].format(table=model._meta.db_table))
    return {str(name): int(str(size)) for name, size in found}


SIZES = {
    "postgresql": (
        "SELECT '{table}', pg_table_size('{table}') UNION ALL "
        "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) "
        "FROM pg_index WHERE indrelid = '{table}'::regclass"
    ),
    "mysql": (  # where the primary key is the table
        "SELECT IF(index_name = 'PRIMARY', table_name, index_name), "
        "stat_value * @@innodb_page_size FROM mysql.innodb_index_stats "
        "WHERE stat_name = 'size' AND database_name = DATABASE() AND table_name = '{table}'"
    ),
    "sqlite": (
        "SELECT name, SUM(pgsize) FROM dbstat WHERE name IN "
        "(SELECT name FROM sqlite_master WHERE tbl_name = '{table}') GROUP BY name"
    ),
}
