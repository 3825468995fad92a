"""``vwo_deliver --loop``, in haste."""

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    from . import haste  # noqa: F401  # which needs the apps to be loaded

    call_command("vwo_deliver", "--loop", "--interval", "0.1")


if __name__ == "__main__":
    main()
