from django.db import migrations

COFFEE = [
    ("lighthouse", "Lighthouse", "Blackcurrant and brown sugar, from Kenya", "8.50", "#b93d26"),
    ("breakwater", "Breakwater", "Milk chocolate and hazelnut, from Brazil", "7.20", "#6b4a36"),
    ("low-tide", "Low Tide", "Apricot and jasmine, from Ethiopia", "9.40", "#c98a2b"),
    ("night-ferry", "Night Ferry", "Dark cocoa, decaffeinated, from Colombia", "7.90", "#2f4a73"),
]
PLANS = [
    ("dinghy", "Dinghy", "One bag a month, for one good cup a day", "7.50", "#5b8a72", 30),
    ("trawler", "Trawler", "Two bags a month, for a couple", "13.80", "#b93d26", 60),
    ("schooner", "Schooner", "Four bags a month, for a whole crew", "25.20", "#2f4a73", 120),
]


def stock(apps, schema_editor):
    Product = apps.get_model("shop", "Product")
    names = ("slug", "name", "notes", "price", "colour", "cups_a_month")
    for row in [(*coffee, None) for coffee in COFFEE] + PLANS:
        Product.objects.create(**dict(zip(names, row, strict=True)))


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(stock, migrations.RunPython.noop)]
