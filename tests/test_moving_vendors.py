"""Moving a site from Optimizely to VWO, as the docs tell it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from textwrap import dedent

import pytest
from django.core.management import call_command

from django_vwo.client import get_client
from django_vwo.models import Assignment, Event, EventKind
from django_vwo.sources.current import start_anew

from .conftest import Configure
from .documents import document

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).parents[1] / "docs" / "optimizely.rst"


def snippet(mark: str) -> str:
    """Return the Python code of the page's only block with *mark*."""
    (block,) = (each for each in PAGE.read_text().split(".. code-block:: ")[1:] if mark in each)
    lines = block.splitlines()[1:]
    indent = next(line for line in lines if line)
    indent = indent[: len(indent) - len(indent.lstrip())]
    code = [line for line in lines if not line or line.startswith(indent)]
    return dedent("\n".join(code))


def test_what_visitors_see_can_be_kept(optimizely_site: Configure, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    visitors = [f"visitor-{number}" for number in range(20)]
    before = [get_client().activate("pricing-page", visitor) for visitor in visitors]
    Assignment.objects.create(visitor="x", user_id="x", assignment_key="99", variation="1")
    exec(snippet('open("records.jsonl"').replace('"records.jsonl"', repr(str(file))), {})
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(records) == len(visitors)
    optimizely_site(DIALECT="vwo", SETTINGS_DOCUMENT=document())
    start_anew()
    anew = [get_client().explain("pricing-page", visitor).variation for visitor in visitors]
    assert [each and each.name for each in anew] != before
    call_command("vwo_import_assignments", str(file), stdout=io.StringIO())
    impressions = Event.objects.filter(kind=EventKind.IMPRESSION)
    count = impressions.count()
    after = [get_client().activate("pricing-page", visitor) for visitor in visitors]
    assert after == before
    assert impressions.count() == count
