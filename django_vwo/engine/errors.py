"""What can go wrong below the client, each with a message that says where and what was expected."""


class VWOError(Exception):
    """Any failure that the client turns into a safe answer."""


class DocumentError(VWOError, ValueError):
    """A settings document lacks, or misstates, something a decision needs."""

    def __init__(self, source: str, path: str, found: object, expected: str) -> None:
        super().__init__(source, path, found, expected)
        self.source, self.path, self.found, self.expected = self.args

    def __str__(self) -> str:
        return f"{self.source}: {self.path} is {shorten(self.found)}; expected {self.expected}."


class UsageError(VWOError, TypeError):
    """A call was given an argument that it cannot work with: an error in the site's own code."""

    def __init__(self, call: str, argument: str, found: object, expected: str) -> None:
        super().__init__(call, argument, type(found).__name__, expected)
        self.call, self.argument, self.found, self.expected = self.args

    def __str__(self) -> str:
        return f"{self.call}: {self.argument} is of type {self.found}; expected {self.expected}."


class UnknownCampaignError(VWOError, LookupError):
    """A campaign key or goal identifier names nothing that is running."""

    def __init__(self, call: str, what: str) -> None:
        super().__init__(call, what)
        self.call, self.what = self.args

    def __str__(self) -> str:
        return f"{self.call}: {self.what}."


def shorten(found: object, limit: int = 60) -> str:
    """
    Return the `repr` of *found*, cut to *limit* characters; containers only as what they are.

    >>> shorten("50%")
    "'50%'"
    >>> shorten({"a": 1})
    'an object'
    """
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        return "a list"
    if found is MISSING:
        return "missing"
    text = repr(found[: limit + 1] if isinstance(found, str) else found)
    return text if len(text) <= limit else text[: limit - 1] + "…"


MISSING = object()
"""Stands for a key that a document does not have."""
