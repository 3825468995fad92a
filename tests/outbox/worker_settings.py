"""The test site in a process of its own: on the database and the settings that a test names."""

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES
from tests.settings import VWO as PLAIN

VWO = {**PLAIN, **json.loads(os.environ["TEST_VWO_SETTINGS"])}
if "TEST_DATABASE_OPTIONS" in os.environ:
    DATABASES["default"]["OPTIONS"] = json.loads(os.environ["TEST_DATABASE_OPTIONS"])
