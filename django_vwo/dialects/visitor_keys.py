"""The keys under which visitors are kept: nobody reads a user id out of one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from uuid import NAMESPACE_URL, uuid5

VARIANTS = {f"{digit:x}": f"{digit & 0x3 | 0x8:x}" for digit in range(16)}
"""What becomes of the digit of a UUID that tells its variant; another is 5, the version."""


def key_maker(vendor: str, account_id: object) -> Callable[[str], str]:
    """
    Return the function that gives the UUID of a user id in an account of the *vendor*, an address.

    >>> key_maker("https://vwo.com", 123456)("Ashley")[:8]
    '4C9BA81B'
    """
    namespace = uuid5(uuid5(NAMESPACE_URL, vendor), str(account_id))
    prefix = sha1(namespace.bytes, usedforsecurity=False)

    def visitor_key(user_id: str) -> str:
        # What uuid5() does, eight times faster: it hashes the namespace anew and makes an object.
        hashed = prefix.copy()
        hashed.update(user_id.encode())
        digits = hashed.hexdigest()
        return f"{digits[:12]}5{digits[13:16]}{VARIANTS[digits[16]]}{digits[17:32]}".upper()

    return visitor_key
