"""The README's quickstart, done as it is printed."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?: {3}.*\n|\n)+)", re.MULTILINE)
PLACE = re.compile(r"(?:# |\{# )(mysite/\S+)")


def quickstart() -> str:
    text = (ROOT / "README.rst").read_text()
    return text.split(".. quickstart-begin")[1].split(".. quickstart-end")[0]


def blocks(language: str) -> list[str]:
    """Return the quickstart's code blocks in *language*."""
    found = BLOCK.findall(quickstart())
    return [textwrap.dedent(text).strip() for name, text in found if name == language]


def console_commands() -> list[list[str]]:
    """Return the commands that the quickstart tells to type, as arguments."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


class Site:
    """The project of the quickstart, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")
        }
        self.environ["PYTHONPATH"] = str(ROOT) if (ROOT / "django_vwo").is_dir() else ""

    def run(self, *arguments: str, **environ: str) -> str:
        """Return what a command prints; fail with it if the command does."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, text: str) -> None:
        """Write a block to the file that its first line names; settings are added to."""
        place = PLACE.match(text)
        assert place, f"names no file: {text[:40]}"
        path = self.directory / place[1]
        path.parent.mkdir(exist_ok=True)
        kept = path.read_text() if path.name == "settings.py" else ""
        path.write_text(f"{kept}\n{text}\n")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    directory = tmp_path_factory.mktemp("quickstart")
    site = Site(directory)
    site.run("-m", "django", "startproject", "mysite", ".")
    for text in blocks("python") + blocks("django"):
        site.write(text)
    (directory / "vwo.json").write_text(blocks("json")[0])
    return site


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    site.run("manage.py", "migrate", "--verbosity=0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", "--noreload", str(port)],
        cwd=site.directory,
        env=site.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(address: str) -> None:
    for _ in range(150):
        try:
            requests.get(address, timeout=2)
            return
        except requests.ConnectionError:
            time.sleep(0.2)
    pytest.fail("the site did not start")


def test_site_passes_its_checks(site: Site) -> None:
    assert "no issues" in site.run("manage.py", "check", VWO_SDK_KEY="a-key")


def test_visitor_is_shown_a_variation_and_converts(site: Site, address: str) -> None:
    with requests.Session() as visitor:
        page = visitor.get(f"{address}/pricing/", timeout=10)
        assert page.status_code == 200
        assert any(headline in page.text for headline in ("One simple price", "Three plans"))
        assert visitor.get(f"{address}/thank-you/", timeout=10).text == "Thank you!"
    shown = site.run(
        "manage.py",
        "shell",
        "--verbosity=0",
        "-c",
        "from django_vwo.models import Event;"
        "print(*Event.objects.order_by('id').values_list('kind', 'campaign_key', 'revenue'))",
    )
    assert shown.split() == [
        "(1,",
        "'pricing-page',",
        "None)",
        "(2,",
        "'pricing-page',",
        "Decimal('49.000000'))",
    ]


def test_commands_are_the_ones_that_exist(site: Site) -> None:
    known = site.run("manage.py", "help", "--commands").split()
    typed = [command[2] for command in console_commands() if command[:1] == ["python"]]
    assert typed == ["migrate", "createsuperuser", "runserver", "vwo_deliver"]
    assert set(typed) <= set(known)
