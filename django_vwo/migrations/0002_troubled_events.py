from django.db import migrations, models


class Migration(migrations.Migration):
    """Lets the admin find what failed, or was not to be sent; MySQL has no such indexes."""

    dependencies = [("django_vwo", "0001_initial")]

    operations = [
        # In the database only: in the model's Meta, MySQL sites would be warned of it forever.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AddIndex(
                    "Event",
                    models.Index(
                        fields=["status", "id"],
                        condition=models.Q(status__gte=2),
                        name="django_vwo_event_troubled",
                    ),
                )
            ]
        )
    ]
