"""What can go wrong below the client, each with a message that says where and what was expected."""


class VWOError(Exception):
    """Any failure that the client turns into a safe answer."""


class DocumentError(VWOError, ValueError):
    """A settings document lacks, or misstates, something a decision needs."""

    def __init__(self, source: str, path: str, found: object, expected: str) -> None:
        # Only what is shown is kept: error trackers show arguments, and a document has a secret.
        super().__init__(source, path, Description(shorten(found)), expected)
        self.source, self.path, self.found, self.expected = self.args

    def __str__(self) -> str:
        return f"{self.source}: {self.path} is {self.found}; expected {self.expected}."


class UsageError(VWOError, TypeError):
    """A call was given an argument that it cannot work with: an error in the site's own code."""

    def __init__(self, call: str, argument: str, found: str, expected: str) -> None:
        # *found* names a type: the value may be a user id, or as secret as one.
        super().__init__(call, argument, found, expected)
        self.call, self.argument, self.found, self.expected = self.args

    def __str__(self) -> str:
        return (
            f"{self.call}: {self.argument} ({self.found}) cannot be used; expected {self.expected}."
        )


class RevenueError(UsageError):
    """A revenue value does not read as a finite number."""


class CampaignError(VWOError, LookupError):
    """A call names a campaign or a goal that it cannot work with."""

    def __init__(self, call: str, what: str) -> None:
        super().__init__(call, what)
        self.call, self.what = self.args

    def __str__(self) -> str:
        return f"{self.call}: {self.what}."


class PausedCampaignError(CampaignError):
    """A call names a campaign that the settings document has, but that is not running."""


class NoDocumentError(VWOError):
    """There is no settings document to decide with."""

    def __str__(self) -> str:
        return "No settings document is in service."


class Description(str):
    """What was found, in words, where there is no value to show."""


def shorten(found: object, limit: int = 60) -> str:
    """
    Return the `repr` of *found*, cut to *limit* characters; containers only as what they are.

    >>> shorten("50%")
    "'50%'"
    >>> shorten({"a": 1})
    'an object'
    """
    if isinstance(found, Description):
        return str(found)
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        return "a list"
    if not isinstance(found, str | int | float | Missing | None):
        return f"of type {type(found).__name__}"
    text = repr(found[: limit + 1] if isinstance(found, str) else found)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "missing"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""Stands for a key that a document does not have."""
