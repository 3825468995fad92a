"""A stand-in for VWO's servers on your own machine: it checks, counts and answers."""

from .server import Collector, CollectorError
from .tally import Count, Tally

__all__ = ["Collector", "CollectorError", "Count", "Tally"]
