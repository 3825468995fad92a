from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def vacuum_often(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Each delivery updates its row: at PostgreSQL's 20 %, dead rows would pile up by the million."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE django_vwo_event SET (autovacuum_vacuum_scale_factor = 0.01)"
        )


class Migration(migrations.Migration):
    dependencies = [("django_vwo", "0002_troubled_events")]

    operations = [migrations.RunPython(vacuum_often, migrations.RunPython.noop)]
