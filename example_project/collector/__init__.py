"""A stand-in for a vendor's servers on your own machine: it checks, counts and answers."""

from .common import Account, Campaign, Count, Tally
from .server import Collector, CollectorError

__all__ = ["Account", "Campaign", "Collector", "CollectorError", "Count", "Tally"]
