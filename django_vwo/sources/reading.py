"""From what a source fetched to the campaigns in it, as far as this site may use them."""

from __future__ import annotations

from ..conf import app_settings
from ..dialects import get_dialect
from ..engine.entities import CampaignSet
from ..engine.errors import DocumentError
from .base import Fetched


def read(fetched: Fetched) -> CampaignSet:
    """
    Return the campaigns of a document.

    Raises `VWOError` if it is too large, is refused by the configured dialect, or belongs to
    another account than the configured one.
    """
    configured = app_settings()
    campaigns = get_dialect(configured.dialect).load(fetched.text, source=fetched.origin)
    if configured.account_id and campaigns.account_id != configured.account_id:
        expected = f"{configured.account_id!r}, the account of VWO['ACCOUNT_ID']"
        raise DocumentError(fetched.origin, "accountId", campaigns.account_id, expected)
    return campaigns
