"""Checks that the wheel in a directory holds all files of the app, and nothing of the tests."""

import subprocess
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).parents[1]
LICENSE = "licenses/LICENSE"
FOREIGN = ("tests/", "example_project/", "benchmarks/", "docs/", ".ci/")


def complaints(names: Collection[str], needed: Collection[str]) -> list[str]:
    """
    Return what is missing from, or foreign to, a wheel with the files *names*.

    >>> complaints(["app/a.py", "x-1.dist-info/licenses/LICENSE"], ["app/a.py", "app/b.html"])
    ['app/b.html is missing']
    """
    missing = [f"{name} is missing" for name in sorted(set(needed) - set(names))]
    if not any(name.endswith(LICENSE) for name in names):
        missing.append(f"{LICENSE} is missing")
    return missing + [f"{name} is foreign" for name in names if name.startswith(FOREIGN)]


def files_of_the_app() -> list[str]:
    """Return the files of the app that are under version control."""
    command = ("git", "ls-files", "-z", "--", "django_vwo")
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name]


def main(directory: str) -> int:
    wheels = list(Path(directory).glob("*.whl"))
    needed = files_of_the_app()
    if len(wheels) != 1 or not needed:
        sys.exit(f"{directory} holds {len(wheels)} wheels for {len(needed)} files; expected one.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        found = complaints(wheel.namelist(), needed)
    sys.stderr.write("\n".join(found) + "\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
