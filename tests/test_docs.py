"""The docs, held against the code."""

from dataclasses import fields
from pathlib import Path

import pytest

from django_vwo.conf import AppSettings

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", [item.name.upper() for item in fields(AppSettings)])
def test_every_setting_has_a_line(name: str) -> None:
    assert f"``{name}``" in (DOCS / "settings.rst").read_text()
