from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def drop_pattern_index(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """
    On PostgreSQL, Django gives each key of text an index more, for prefixes.

    The primary key finds those, too, as it is ordered by code points; the other one took a third of
    the ledger's place, and time of each claim.
    """
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS django_vwo_ledgerentry_dedup_key_d1eea666_like")


class Migration(migrations.Migration):
    dependencies = [("django_vwo", "0004_fetching")]

    operations = [migrations.RunPython(drop_pattern_index, migrations.RunPython.noop)]
