"""What the vendors' own SDKs answered: data with its source, see ``vectors/``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).with_name("vectors")


def read(name: str) -> Any:
    """Return the vectors of *name*."""
    return json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))


BUCKETING = read("vwo_bucketing")
OPERANDS = read("vwo_operands")
VARIABLES = read("vwo_variables")
AUDIENCES = read("optimizely_audiences")
