"""The settings of the demo's processes: the shop's, a database of their own, shorter waits."""

import os

from shop_site.settings import *  # noqa: F403
from shop_site.settings import DATABASES, VWO

DATABASES["default"]["NAME"] = os.environ["DEMO_DATABASE"]
VWO |= {
    "LEASE_SECONDS": 6,
    "TIMEOUT_SECONDS": 1.5,
    "READ_TIMEOUT_SECONDS": 1.5,
    "CONNECT_TIMEOUT_SECONDS": 1,
}
