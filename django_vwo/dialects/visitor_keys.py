"""The keys under which visitors are kept: nobody reads a user id out of one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from uuid import NAMESPACE_URL, UUID, uuid5


def key_maker(vendor: str, account_id: object) -> Callable[[str], str]:
    """
    Return the function that gives the UUID of a user id in an account of the *vendor*, an address.

    >>> key_maker("https://vwo.com", 123456)("Ashley")[:8]
    '4C9BA81B'
    """
    namespace = uuid5(uuid5(NAMESPACE_URL, vendor), str(account_id))
    # Hashing on from the namespace is eight times faster than uuid5() anew.
    prefix = sha1(namespace.bytes, usedforsecurity=False)

    def visitor_key(user_id: str) -> str:
        digest = prefix.copy()
        digest.update(user_id.encode())
        return UUID(bytes=digest.digest()[:16], version=5).hex.upper()

    return visitor_key
