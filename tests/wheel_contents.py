"""Checks that the wheel in a directory holds what the app needs, and nothing of the tests."""

import sys
import zipfile
from pathlib import Path

NEEDED = (
    "django_vwo/py.typed",
    "django_vwo/migrations/0001_initial.py",
    "django_vwo/locale/de/LC_MESSAGES/django.mo",
    "django_vwo/templates/",
    "django_vwo/static/",
    "licenses/LICENSE",
)
FOREIGN = ("tests/", "example_project/", "benchmarks/", "docs/", ".ci/")


def complaints(names: list[str]) -> list[str]:
    """Return what is missing from, or foreign to, a wheel with the files *names*."""
    missing = [f"{part} is missing" for part in NEEDED if not any(part in name for name in names)]
    foreign = [f"{name} is foreign" for name in names if name.startswith(FOREIGN)]
    return missing + foreign


def main(directory: str) -> int:
    wheels = list(Path(directory).glob("*.whl"))
    if len(wheels) != 1:
        sys.exit(f"{directory} holds {len(wheels)} wheels; expected one.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        found = complaints(wheel.namelist())
    sys.stderr.write("\n".join(found) + "\n" if found else "")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
