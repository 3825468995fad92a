"""The hash that every VWO and Optimizely SDK buckets with, and the buckets that hashes fall in."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from math import floor

import mmh3

HASHES = 2**32
BUCKETS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed:
    """How a bucketing id becomes the text that is hashed."""

    prefix: str = ""
    suffix: str = ""

    def hash(self, bucketing_id: str) -> int:
        """
        Return the unsigned 32-bit MurmurHash3 (x86) of the text as UTF-8, with hash seed 1.

        Raises `UnicodeEncodeError` if *bucketing_id* holds a lone surrogate.
        Source: wingify/vwo-python-sdk 1.68.2, vwo/core/bucketer.py.

        >>> Seed().hash("Bob")
        2033809345
        """
        # Encoded here: given a lone surrogate in a `str`, mmh3 ends the process.
        return mmh3.hash((self.prefix + bucketing_id + self.suffix).encode(), 1, False)


def bucket_for_hash(hash_value: int, buckets: int = BUCKETS, multiplier: float = 1) -> int:
    """
    Return the 1-based bucket that a 32-bit hash falls in.

    *hash_value* is unsigned, 0 to 2**32 - 1. With a *multiplier* of 1 the result is 1 to
    *buckets*, both included; at the default, one bucket is 0.01 % of visitors.
    Raises `ValueError` if *hash_value* does not fit in 32 bits.
    Source: wingify/vwo-python-sdk 1.68.2, vwo/core/bucketer.py; visitor "Bob" of its tests.

    >>> bucket_for_hash(2033809345, buckets=100)
    48
    """
    if not 0 <= hash_value < HASHES:
        raise ValueError(f"hash_value is {hash_value}; expected 0 to {HASHES - 1}")
    return int((buckets * hash_value / HASHES + 1) * multiplier)


@lru_cache
def hashes_within(count: float, buckets: int = 100) -> int:
    """
    Return how many hashes, from 0 up, fall into the first *count* of *buckets* equal buckets.

    A fraction of a bucket holds none.

    >>> hashes_within(100) == HASHES, hashes_within(0.5), hashes_within(1)
    (True, 0, 42949673)
    """
    whole = floor(max(0, min(count, buckets)))
    return -(-whole * HASHES // buckets)


@lru_cache(maxsize=4096)
def hash_ends(ends: tuple[int, ...], multiplier: float) -> tuple[int, ...]:
    """
    Return how many hashes, from 0 up, fall into bucket 0, and how many up to each of *ends*.

    >>> hash_ends((5000, 10000), 1)
    (0, 2147483648, 4294967296)
    """
    if multiplier == 1:
        return tuple([hashes_within(end, BUCKETS) for end in (0, *ends)])

    def place(hash_value: int) -> float:
        return (BUCKETS * hash_value / HASHES + 1) * multiplier

    return tuple([bisect_left(range(HASHES), end + 1.0, key=place) for end in (0, *ends)])
