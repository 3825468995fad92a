"""The hash that every VWO and Optimizely SDK buckets with."""

import mmh3


def murmur32(key: str) -> int:
    """
    Return the unsigned 32-bit MurmurHash3 (x86) of *key* as UTF-8, with hash seed 1.

    Raises `UnicodeEncodeError` if *key* holds a lone surrogate.
    Source: wingify/vwo-python-sdk 1.68.2, vwo/core/bucketer.py.

    >>> murmur32("Bob")
    2033809345
    """
    return mmh3.hash(key.encode(), 1, False)
