"""Hashes, buckets and ranges, next to what the official SDK has for them."""

from __future__ import annotations

from math import ceil, inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vwo.engine.bucketing import lay_out
from django_vwo.engine.entities import Ranges
from django_vwo.engine.hashing import (
    BUCKETS,
    HASHES,
    Seed,
    bucket_for_hash,
    hash_ends,
    hashes_within,
)
from tests.answers import BUCKETING

weights = st.lists(st.floats(0, 100) | st.integers(0, 100), max_size=8)
any_weights = st.lists(
    st.floats(allow_nan=False) | st.integers() | st.sampled_from([1e308, -1e308, 10**400]),
    max_size=8,
)


@pytest.mark.parametrize(("key", "hash_value"), BUCKETING["hashes"])
def test_hashes_are_the_official_sdks(key: str, hash_value: int) -> None:
    assert Seed().hash(key) == hash_value


def test_hash_of_nothing_is_the_published_one() -> None:
    # The test vector that every list of MurmurHash3 x86 32 has for seed 1.
    assert Seed().hash("") == 0x514E28B7


def test_text_that_is_no_unicode_has_no_hash() -> None:
    with pytest.raises(UnicodeEncodeError):
        Seed().hash("\ud800")


@pytest.mark.parametrize(("key", "buckets", "multiplier", "bucket"), BUCKETING["buckets"])
def test_buckets_are_the_official_sdks(
    key: str, buckets: int, multiplier: float, bucket: int
) -> None:
    assert bucket_for_hash(Seed().hash(key), buckets, multiplier) == bucket


@pytest.mark.parametrize(
    ("hash_value", "buckets", "bucket"),
    [
        (0, 100, 1),
        (2**32 - 1, 100, 100),
        (0, BUCKETS, 1),
        (2**32 - 1, BUCKETS, BUCKETS),
        (2**31, 100, 51),
        (2**31 - 1, 100, 50),
    ],
)
def test_both_ends_of_the_buckets(hash_value: int, buckets: int, bucket: int) -> None:
    assert bucket_for_hash(hash_value, buckets) == bucket


@pytest.mark.parametrize("hash_value", [-1, 2**32])
def test_a_hash_that_is_no_32_bits_is_refused(hash_value: int) -> None:
    with pytest.raises(ValueError, match=f"hash_value is {hash_value}; expected 0 to 4294967295"):
        bucket_for_hash(hash_value)


@given(st.integers(0, 2**32 - 1))
def test_each_hash_has_a_bucket_in_range(hash_value: int) -> None:
    assert bucket_for_hash(hash_value) == hash_value * BUCKETS // 2**32 + 1


def test_seed_stands_around_the_bucketing_id() -> None:
    assert Seed(prefix="10_").hash("Bob") == Seed().hash("10_Bob")
    assert Seed(prefix="10_", suffix="_x").hash("Bob") == Seed().hash("10_Bob_x")


@pytest.mark.parametrize(
    "percent", [-1, 0, 0.5, 0.999, 1, 1.5, 33, 33.3, 50, 99, 99.99, 100, 101, 1e300, -1e300]
)
def test_hashes_within_traffic_are_those_of_its_buckets(percent: float) -> None:
    admitted = hashes_within(percent)
    for hash_value in {0, 1, admitted - 1, admitted, admitted + 1, HASHES - 1}:
        if 0 <= hash_value < HASHES:
            is_admitted = bucket_for_hash(hash_value, 100) <= percent
            assert (hash_value < admitted) is is_admitted, hash_value


@given(
    st.lists(st.integers(1, 40_000), unique=True, max_size=6).map(sorted),
    st.sampled_from([0, 1e-300, 0.3, 0.999, 1, 1.01, 100 / 33, 2.5, 100, 1e4, 1e300, inf]),
)
def test_hash_ends_are_those_of_the_buckets(ends: list[int], multiplier: float) -> None:
    """Traffic of 1e-320 % stretches without end, infinite traffic to nothing."""
    for last, end in zip((0, *ends), hash_ends(tuple(ends), multiplier), strict=True):
        for hash_value in {0, end - 2, end - 1, end, end + 1, HASHES - 1}:
            if 0 <= hash_value < HASHES:
                is_up_to = multiplier < inf and (
                    bucket_for_hash(hash_value, BUCKETS, multiplier) <= last
                )
                assert (hash_value < end) is is_up_to, (last, hash_value)


@pytest.mark.parametrize(
    ("given_weights", "ends"),
    [
        ([], {}),
        ([50, 50], {0: (1, 5000), 1: (5001, 10000)}),
        # 33.34 * 100 is a little more than 3334.
        ([33.33, 33.33, 33.34], {0: (1, 3333), 1: (3334, 6666), 2: (6667, 10001)}),
        ([100 / 3] * 3, {0: (1, 3334), 1: (3335, 6668), 2: (6669, 10002)}),
        ([0.001, 99.999], {0: (1, 1), 1: (2, 10001)}),
        ([0, 100, 0], {1: (1, 10000)}),
        ([150, 50], {0: (1, 10000), 1: (10001, 15000)}),
        ([20, 30], {0: (1, 2000), 1: (2001, 5000)}),
        ([-10, 60, 50], {1: (1, 5000), 2: (5001, 10000)}),
        ([60, -10, 50], {0: (1, 6000), 2: (6001, 10000)}),
        ([float("inf"), 1e308], {0: (1, 10000), 1: (10001, 20000)}),
        ([float("-inf"), 50], {}),
        ([-1e308, 50], {}),
        ([10**400, 10], {0: (1, 10000), 1: (10001, 11000)}),
    ],
)
def test_ranges(given_weights: list[float], ends: dict[int, tuple[int, int]]) -> None:
    ranges = lay_out(enumerate(given_weights))

    assert borders(ranges) == ends
    for owner, (first, last) in ends.items():
        assert {ranges.owner_of(first), ranges.owner_of(last)} == {owner}


def borders(ranges: Ranges[int]) -> dict[int, tuple[int, int]]:
    """Return the first and the last bucket of each owner."""
    starts = [1, *(end + 1 for end in ranges.ends)]
    return {owner: (starts[at], ranges.ends[at]) for at, owner in enumerate(ranges.owners)}


@given(weights)
def test_ranges_follow_on_each_other(some_weights: list[float]) -> None:
    ranges = lay_out(enumerate(some_weights))
    sizes = {owner: last - first + 1 for owner, (first, last) in borders(ranges).items()}

    assert list(ranges.ends) == sorted(set(ranges.ends))
    assert all(sizes.get(at, 0) == ceil(weight * 100) for at, weight in enumerate(some_weights))
    assert all(0 < size <= BUCKETS for size in sizes.values())


@given(any_weights, st.integers(1, 80_000))
def test_of_overlapping_ranges_the_first_counts(some_weights: list[float], bucket: int) -> None:
    assert lay_out(enumerate(some_weights)).owner_of(bucket) == first_match(some_weights, bucket)


def first_match(some_weights: list[float], bucket: int) -> int | None:
    """Return the owner as the official SDK finds it: one range after the other."""
    end = 0
    for owner, weight in enumerate(some_weights):
        start, end = end + 1, end + steps(weight)
        if start <= bucket <= end:
            return owner
    return None


def steps(weight: float) -> int:
    """Return by how much a weight moves on, whatever its size."""
    if abs(weight) < 1e6:
        return min(ceil(weight * 100), BUCKETS)
    return BUCKETS if weight > 0 else -(10**30)


@pytest.mark.parametrize("bucket", [-1, 0, 2001])
def test_outside_every_range_is_nobody(bucket: int) -> None:
    assert lay_out([("a", 20)]).owner_of(bucket) is None
    assert lay_out([]).owner_of(1) is None


def test_vectors_tell_the_generations_apart() -> None:
    answers: list[Any] = [tuple(each["answers"].values()) for each in BUCKETING["generations"]]

    assert len(set(answers)) > 10
