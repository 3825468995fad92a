"""The hash that every VWO and Optimizely SDK buckets with."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import mmh3

HASHES = 2**32


def murmur32(key: str) -> int:
    """
    Return the unsigned 32-bit MurmurHash3 (x86) of *key* as UTF-8, with hash seed 1.

    Raises `UnicodeEncodeError` if *key* holds a lone surrogate.
    Source: wingify/vwo-python-sdk 1.68.2, vwo/core/bucketer.py.

    >>> murmur32("Bob")
    2033809345
    """
    # Encoded here: given a lone surrogate in a `str`, mmh3 ends the process.
    return mmh3.hash(key.encode(), 1, False)


def hashes_within(percent: float) -> int:
    """
    Return how many hashes, from 0 up, fall into the first *percent* of 100 equal buckets.

    A fraction of a bucket admits nobody.

    >>> hashes_within(100) == HASHES, hashes_within(0.5), hashes_within(1)
    (True, 0, 42949673)
    """
    whole = floor(max(0, min(percent, 100)))
    return -(-whole * HASHES // 100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed:
    """How a bucketing id becomes the text that is hashed."""

    prefix: str = ""
    suffix: str = ""

    def hash(self, bucketing_id: str) -> int:
        """Return `murmur32` of the text for *bucketing_id*."""
        return murmur32(self.prefix + bucketing_id + self.suffix)
